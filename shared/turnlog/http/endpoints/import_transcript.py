"""PUT /sessions/{session_id}/transcripts/{name}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Diverged, EntryNotJson, MissingParent, NotFound, TooLarge, TornLastLine
from turnlog.http import jsonl
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.operations.import_transcript import import_transcript
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={"format": Parameter(str, default="jsonl", choices=("jsonl",))},
    answers={200: "ImportedTranscript", 201: "ImportedTranscript"},
    errors=(NotFound, Diverged, EntryNotJson, TornLastLine, MissingParent, TooLarge),
    transcripts=True,
    jsonl_body=True,
)
async def handler(store: Store, call: Call, *, body: bytes, format: str) -> Answer:  # noqa: A002, ARG001
    """Make the transcript hold these entries, one a line: stored ones are compared, new ones are appended."""
    key = call.transcript
    imported = await import_transcript(store, key, jsonl.parse(body))
    shown = {"entry_count": imported.head.length, "added": imported.added}
    return Answer(201 if imported.created else 200, dumps(shown))
