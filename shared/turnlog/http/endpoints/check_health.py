"""GET /health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.operate import check_health
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={200: "Health"}, public=True, brief=True)
async def handler(store: Store, call: Call) -> Answer:  # noqa: ARG001 (every endpoint is called alike)
    """Whether the table and the cache answer. Without the cache all else still works."""
    return Answer(200, dumps(await check_health(store)))
