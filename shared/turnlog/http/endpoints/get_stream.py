"""GET /sessions/{session_id}/streams/{stream_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, Resync
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.store.streams import look, with_tail
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={200: "Stream"}, errors=(NotFound, Resync))
async def handler(store: Store, call: Call) -> Answer:
    """A stream: what became of it, and how far it is."""
    _, stream = await look(store, call.key, call.stream_id)
    whole, _ = await with_tail(store, stream) if stream.open else (stream, None)
    return Answer(200, dumps(stream.shown(whole.durable_seq)))
