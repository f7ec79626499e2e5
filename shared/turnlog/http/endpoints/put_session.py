"""PUT /sessions/{session_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import (
    Diverged,
    ForkUnfinished,
    Gone,
    MessageIdReused,
    NotFound,
    PreconditionFailed,
    TooLarge,
)
from turnlog.http import etag
from turnlog.http.answers import MINIMAL, Answer, session_answer
from turnlog.http.endpoint import endpoint
from turnlog.models.sessions import PutSession
from turnlog.operations.put_session import put_session

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=PutSession,
    headers=("if-match", "prefer"),
    body_file=True,
    answers={200: "Session", 201: "Session"},
    errors=(NotFound, Diverged, MessageIdReused, ForkUnfinished, Gone, PreconditionFailed, TooLarge),
)
async def handler(store: Store, call: Call, *, body: PutSession) -> Answer:
    """Make a session hold these messages from `start_sequence` on, and these fields; create it if need be."""
    put = await put_session(
        store,
        call.key,
        [message.fields() for message in body.messages],
        start=body.start_sequence,
        title=body.title,
        usage=body.usage,
        fields=body.objects(),
        if_match=etag.parse(call.headers.get("if-match")),
    )
    # Its answer holds no messages, so it is minimal as it is.
    headers = MINIMAL if call.prefers_minimal else {}
    return session_answer(201 if put.created else 200, put.head, headers)
