"""GET /sessions/{session_id}/transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.list_transcripts import list_transcripts
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={200: "Transcripts"}, errors=(NotFound, TooLarge), transcripts=True)
async def handler(store: Store, call: Call) -> Answer:
    """The session's transcripts by name, without entries."""
    return Answer(200, dumps({"transcripts": await list_transcripts(store, call.key)}))
