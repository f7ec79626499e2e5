"""DELETE /sessions/{session_id}/cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.answers import Answer
from shared.endpoint import endpoint
from shared.errors import NotFound
from shared.operations.operate import drop_cache

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(answers={204: ""}, errors=(NotFound,))
async def handler(store: Store, call: Call) -> Answer:
    """Drop the cached copy, if there is one and the cache answers."""
    await drop_cache(store, call.key)
    return Answer(204)
