"""DELETE /sessions/{session_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.answers import Answer
from shared.endpoint import endpoint
from shared.errors import NotFound
from shared.operations.delete_session import delete_session

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(answers={204: ""}, errors=(NotFound,))
async def handler(store: Store, call: Call) -> Answer:
    """Delete the session, its messages, its cache entry and its draft. The id is not given again."""
    await delete_session(store, call.key)
    return Answer(204)
