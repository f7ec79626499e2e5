"""POST /sessions/{session_id}/streams/{stream_id}/cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, Resync
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.streams import CancelStream
from turnlog.operations.cancel_stream import cancel_stream
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=CancelStream,
    body_required=False,
    answers={202: "Stream", 200: "Stream"},
    errors=(NotFound, Resync),
)
async def handler(store: Store, call: Call, *, body: CancelStream) -> Answer:
    """Ask a stream's producer to end it, which is done without it after 15 s; 200: it has ended."""
    stream = await cancel_stream(store, call.key, call.stream_id, reason=body.reason)
    return Answer(202 if stream.open else 200, dumps(stream.shown()))
