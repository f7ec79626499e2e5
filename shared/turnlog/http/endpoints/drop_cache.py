"""DELETE /sessions/{session_id}/cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.operate import drop_cache

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={204: ""}, errors=(NotFound,))
async def handler(store: Store, call: Call) -> Answer:
    """Drop the cached copy, if there is one and the cache answers."""
    await drop_cache(store, call.key)
    return Answer(204)
