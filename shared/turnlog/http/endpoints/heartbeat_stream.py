"""POST /sessions/{session_id}/streams/{stream_id}/heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Fenced, NotFound, StreamEnded
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.streams import HeartbeatStream
from turnlog.operations.heartbeat_stream import heartbeat_stream
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=HeartbeatStream, answers={200: "Heartbeat"}, errors=(NotFound, Fenced, StreamEnded))
async def handler(store: Store, call: Call, *, body: HeartbeatStream) -> Answer:
    """Keep a stream: its producer's lease ends so many seconds from now."""
    stream = await heartbeat_stream(
        store, call.key, call.stream_id, epoch=body.epoch, lease_seconds=body.lease_seconds
    )
    fields = {
        "lease_until": stream.lease_until,
        "durable_seq": stream.durable_seq,
        "cancel": stream.asked(),
    }
    return Answer(200, dumps(fields))
