"""DELETE /sessions/{session_id}/draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.drafts import delete_draft

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={204: ""}, errors=(NotFound,))
async def handler(store: Store, call: Call) -> Answer:
    """Drop the turn in progress; 503 where there is no cache."""
    await delete_draft(store, call.key)
    return Answer(204)
