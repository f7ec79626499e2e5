"""POST /sessions/{session_id}/streams/{stream_id}/events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Fenced, NotFound, SequenceGap, StreamEnded, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.streams import AppendEvents
from turnlog.operations.append_events import append_events
from turnlog.streams.words import ends_step
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=AppendEvents,
    answers={200: "EventsAppended"},
    errors=(NotFound, Fenced, SequenceGap, StreamEnded, TooLarge),
)
async def handler(store: Store, call: Call, *, body: AppendEvents) -> Answer:
    """Append a batch of events at its numbers, once; in `cancel` stands who asked the producer to stop."""
    appended = await append_events(
        store,
        call.key,
        call.stream_id,
        epoch=body.epoch,
        first=body.first_seq,
        events=[dumps(event) for event in body.events],
        flush=body.flush or any(ends_step(event) for event in body.events),
    )
    return Answer(200, dumps(appended._asdict()))
