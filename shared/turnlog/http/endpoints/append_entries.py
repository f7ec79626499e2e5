"""POST /sessions/{session_id}/transcripts/{name}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import EntryUuidReused, NotFound, PositionMismatch, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.transcripts import AppendEntries
from turnlog.operations.append_entries import append_entries
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=AppendEntries,
    body_file=True,
    answers={201: "AppendedEntries", 200: "AppendedEntries"},
    errors=(NotFound, PositionMismatch, EntryUuidReused, TooLarge),
    transcripts=True,
)
async def handler(store: Store, call: Call, *, body: AppendEntries) -> Answer:
    """Append entries to a transcript, all or none, each with a uuid once; 200 when all were there already."""
    appended = await append_entries(
        store,
        call.transcript,
        body.entries,
        expected_position=body.expected_position,
        batch_id=body.batch_id,
    )
    shown = {
        "first_position": min(appended.positions),
        "last_position": max(appended.positions),
        "entry_count": appended.head.length,
        "replayed": appended.replayed,
    }
    return Answer(200 if appended.replayed else 201, dumps(shown))
