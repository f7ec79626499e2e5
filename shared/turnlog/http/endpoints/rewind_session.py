"""POST /sessions/{session_id}/rewind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import (
    Fenced,
    NotFound,
    PreconditionFailed,
    SequenceMismatch,
    StreamActive,
    StreamEnded,
)
from turnlog.http import etag
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.messages import RewindSession
from turnlog.operations.rewind_session import rewind_session
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=RewindSession,
    headers=("if-match",),
    answers={200: "Rewound"},
    errors=(NotFound, SequenceMismatch, StreamActive, Fenced, StreamEnded, PreconditionFailed),
)
async def handler(store: Store, call: Call, *, body: RewindSession) -> Answer:
    """Take away the messages from `to_sequence` on, if the session still ends at `expected_sequence`."""
    rewound = await rewind_session(
        store,
        call.key,
        body.to_sequence,
        expected=body.expected_sequence,
        rewind_id=body.rewind_id,
        if_match=etag.parse(call.headers.get("if-match")),
        fence=body.stream.fence() if body.stream else None,
    )
    head = rewound.head
    fields = {"message_count": head.message_count, "version": head.version, "replayed": rewound.replayed}
    return Answer(200, dumps(fields))
