"""POST /sessions/{session_id}/streams/{stream_id}/take-over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import LeaseHeld, NotFound, Resync, StreamEnded
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.streams import TakeOverStream
from turnlog.operations.take_over_stream import take_over_stream
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=TakeOverStream,
    body_required=False,
    answers={200: "TakenOver"},
    errors=(NotFound, LeaseHeld, StreamEnded, Resync),
)
async def handler(store: Store, call: Call, *, body: TakeOverStream) -> Answer:
    """Take a stream over whose producer's lease is over: its events go on behind `seq`, in the new epoch."""
    stream = await take_over_stream(store, call.key, call.stream_id, lease_seconds=body.lease_seconds)
    fields = {"epoch": stream.epoch, "seq": stream.durable_seq, "durable_seq": stream.durable_seq}
    return Answer(200, dumps(fields))
