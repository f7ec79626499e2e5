"""POST /sessions/{session_id}/streams/{stream_id}/finish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Fenced, MessageIdReused, NotFound, Resync, SequenceGap, StreamEnded, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.streams import FinishStream
from turnlog.operations.finish_stream import End, finish_stream
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=FinishStream,
    answers={200: "FinishedStream"},
    errors=(NotFound, Fenced, SequenceGap, StreamEnded, MessageIdReused, TooLarge, Resync),
)
async def handler(store: Store, call: Call, *, body: FinishStream) -> Answer:
    """End a stream with its messages, both or neither; who sends the same again gets the first answer."""
    end = End(
        body.state,
        [message.fields() for message in body.messages],
        body.usage,
        title=body.set.title if body.set else None,
        fields=body.set.objects() if body.set else None,
        error=body.error,
        first=body.first_seq,
        events=[dumps(event) for event in body.events],
    )
    finished = await finish_stream(store, call.key, call.stream_id, epoch=body.epoch, end=end)
    fields = {"stream": finished.stream.shown(), **finished.answer, "replayed": finished.replayed}
    return Answer(200, dumps(fields))
