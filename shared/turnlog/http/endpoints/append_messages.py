"""POST /sessions/{session_id}/messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Fenced, MessageIdReused, NotFound, SequenceMismatch, StreamEnded, TooLarge
from turnlog.http.answers import MINIMAL, Answer, with_list
from turnlog.http.endpoint import endpoint
from turnlog.models.messages import AppendMessages
from turnlog.operations.append_messages import append_messages
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=AppendMessages,
    headers=("prefer",),
    body_file=True,
    answers={201: "Appended", 200: "Appended"},
    errors=(NotFound, SequenceMismatch, MessageIdReused, Fenced, StreamEnded, TooLarge),
)
async def handler(store: Store, call: Call, *, body: AppendMessages) -> Answer:
    """Append one message or many, all or none, each once; 200 when all were there already (a replay)."""
    # An answer cannot hold what came as a file.
    minimal = call.prefers_minimal or call.data is not None
    appended = await append_messages(
        store,
        call.key,
        [message.fields() for message in body.messages],
        usage=body.usage,
        expected_sequence=body.expected_sequence,
        title=body.set.title if body.set else None,
        fields=body.set.objects() if body.set else None,
        answered=not minimal,
        fence=body.stream.fence() if body.stream else None,
    )
    fields = {
        "first_sequence": min(appended.sequences),
        "last_sequence": max(appended.sequences),
        "message_count": appended.head.message_count,
        "version": appended.head.version,
        "replayed": appended.replayed,
    }
    status = 200 if appended.replayed else 201
    if minimal:
        return Answer(status, dumps(fields), MINIMAL)
    return Answer(status, with_list(fields, "messages", appended.messages))
