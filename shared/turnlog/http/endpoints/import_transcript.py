"""PUT /sessions/{session_id}/transcripts/{name}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import EntryNotJson, EntryUuidReused, NotFound, PositionMismatch, TooLarge, TornLastLine
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.operations.import_transcript import import_transcript
from turnlog.records import jsonl
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "format": Parameter(str, default="jsonl", choices=("jsonl",)),
        "start_position": Parameter(
            int, default=0, description="The lines are what the transcript holds from this position on."
        ),
        "generation": Parameter(
            int, maximum=10**18, description="Import only into the transcript of this generation."
        ),
    },
    answers={200: "ImportedTranscript", 201: "ImportedTranscript"},
    errors=(NotFound, PositionMismatch, EntryUuidReused, EntryNotJson, TornLastLine, TooLarge),
    transcripts=True,
    jsonl_body=True,
    body_file=True,
)
async def handler(
    store: Store,
    call: Call,
    *,
    body: bytes,
    format: str,  # noqa: A002, ARG001
    start_position: int,
    generation: int | None,
) -> Answer:
    """Make the transcript hold these entries, one a line: those that it lacks are appended."""
    key = call.transcript
    imported = await import_transcript(
        store,
        key,
        jsonl.parse(body),
        start_position=start_position,
        generation=generation,
    )
    shown = {
        "entry_count": imported.head.length,
        "added": imported.added,
        "others": imported.others,
        "next_position": imported.end,
        "generation": imported.head.shown_generation,
    }
    return Answer(201 if imported.created else 200, dumps(shown))
