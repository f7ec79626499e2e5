"""DELETE /sessions/{session_id}/draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.answers import Answer
from shared.endpoint import endpoint
from shared.errors import NotFound
from shared.operations.drafts import delete_draft

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(answers={204: ""}, errors=(NotFound,))
async def handler(store: Store, call: Call) -> Answer:
    """Drop the turn in progress; 503 where there is no cache."""
    await delete_draft(store, call.key)
    return Answer(204)
