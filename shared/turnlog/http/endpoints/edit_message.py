"""PATCH /sessions/{session_id}/messages/{sequence}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import (
    Fenced,
    MessageMoved,
    MessageRemoved,
    NotFound,
    PreconditionFailed,
    StreamActive,
    StreamEnded,
    TooLarge,
)
from turnlog.http import etag
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.messages import EditMessage
from turnlog.operations.edit_message import edit_message

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=EditMessage,
    body_file=True,
    headers=("if-match",),
    answers={200: "MessageEdited"},
    errors=(
        NotFound,
        MessageMoved,
        MessageRemoved,
        StreamActive,
        Fenced,
        StreamEnded,
        PreconditionFailed,
        TooLarge,
    ),
)
async def handler(store: Store, call: Call, *, body: EditMessage) -> Answer:
    """Edit a stored message: patch its metadata, replace it, or remove what it says."""
    edited = await edit_message(
        store,
        call.key,
        call.sequence,
        body.edit(),
        message_id=body.message_id,
        edit_id=body.edit_id,
        if_match=etag.parse(call.headers.get("if-match")),
        fence=body.stream.fence() if body.stream else None,
    )
    return Answer(200, b'{"message":%b,"version":%d}' % (edited.message, edited.version))
