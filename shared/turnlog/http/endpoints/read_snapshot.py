"""GET /sessions/{session_id}/streams/{stream_id}/snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, Resync, TooLarge
from turnlog.http.answers import Answer, with_list
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.operations.read_snapshot import read_snapshot

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={"format": Parameter(str, default="events", choices=("events",), description="Of the snapshot.")},
    answers={200: "Snapshot"},
    errors=(NotFound, Resync, TooLarge),
)
async def handler(store: Store, call: Call, *, format: str) -> Answer:  # noqa: A002, ARG001 (the contract's word; one so far)
    """What a stream says so far: deltas of a group are one event, without steps that were dropped."""
    snapshot = await read_snapshot(store, call.key, call.stream_id)
    fields = {"cursor": snapshot.cursor, "message_id": snapshot.message_id}
    return Answer(200, with_list(fields, "events", snapshot.events))
