"""POST /sessions/{session_id}/rewind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import etag
from shared.answers import Answer
from shared.endpoint import endpoint
from shared.errors import NotFound, PreconditionFailed, SequenceMismatch
from shared.models.messages import RewindSession
from shared.operations.rewind_session import rewind_session
from shared.wire import dumps

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(
    body=RewindSession,
    headers=("if-match",),
    answers={200: "Rewound"},
    errors=(NotFound, SequenceMismatch, PreconditionFailed),
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
    )
    head = rewound.head
    fields = {"message_count": head.message_count, "version": head.version, "replayed": rewound.replayed}
    return Answer(200, dumps(fields))
