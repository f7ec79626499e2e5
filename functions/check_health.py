"""GET /health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.answers import Answer
from shared.endpoint import endpoint
from shared.operations.operate import check_health
from shared.wire import dumps

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(answers={200: "Health"}, public=True, brief=True)
async def handler(store: Store, call: Call) -> Answer:  # noqa: ARG001 (every endpoint is called alike)
    """Whether the table and the cache answer. Without the cache all else still works."""
    return Answer(200, dumps(await check_health(store)))
