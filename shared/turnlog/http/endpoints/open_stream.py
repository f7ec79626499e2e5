"""POST /sessions/{session_id}/streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, Resync, StreamActive
from turnlog.http.answers import Answer, stream_location
from turnlog.http.endpoint import endpoint
from turnlog.models.streams import OpenStream
from turnlog.operations.open_stream import open_stream
from turnlog.records.streams import Cursor
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=OpenStream,
    body_required=False,
    answers={201: "OpenedStream", 200: "OpenedStream"},
    errors=(NotFound, StreamActive, Resync),
    located=True,
)
async def handler(store: Store, call: Call, *, body: OpenStream) -> Answer:
    """Open a stream, of which a session has one at a time; 200: a stream of that id is there already."""
    stream, made = await open_stream(
        store,
        call.key,
        stream_id=body.stream_id,
        message_id=body.message_id,
        interrupt=body.on_active == "interrupt",
        lease_seconds=body.lease_seconds,
    )
    cursor = Cursor(stream.first_epoch, 0).text(stream.key)
    answer = dumps({"stream": stream.shown(), "cursor": cursor, "replayed": not made})
    return Answer(201, answer, stream_location(stream.key)) if made else Answer(200, answer)
