"""DELETE /sessions/{session_id}/transcripts/{name}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.delete_transcript import delete_transcript

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={204: ""}, errors=(NotFound,), transcripts=True)
async def handler(store: Store, call: Call) -> Answer:
    """Delete the transcript. One of the same name may begin anew."""
    await delete_transcript(store, call.transcript)
    return Answer(204)
