"""GET /sessions/{session_id}/transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.answers import Answer
from shared.endpoint import endpoint
from shared.errors import NotFound, TooLarge
from shared.operations.list_transcripts import list_transcripts
from shared.wire import dumps

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(answers={200: "Transcripts"}, errors=(NotFound, TooLarge), transcripts=True)
async def handler(store: Store, call: Call) -> Answer:
    """The session's transcripts by name, without entries."""
    return Answer(200, dumps({"transcripts": await list_transcripts(store, call.key)}))
