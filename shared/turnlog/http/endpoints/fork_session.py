"""POST /sessions/{session_id}/fork."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from turnlog.errors import ForkUnfinished, Gone, NotFound, SequenceMismatch, SessionExists
from turnlog.http.answers import Answer, session_answer
from turnlog.http.endpoint import endpoint
from turnlog.models.sessions import ForkSession
from turnlog.operations.create_session import new_session_key
from turnlog.operations.fork_session import fork_session

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=ForkSession,
    body_required=False,
    answers={201: "Session", 200: "Session"},
    errors=(NotFound, SequenceMismatch, SessionExists, ForkUnfinished, Gone),
)
async def handler(store: Store, call: Call, *, body: ForkSession) -> Answer:
    """Begin another session with this one's messages, or with those before `to_sequence`; 200 if it is there.

    Where the time is over before all is copied: 503 with the fork's `session_id`. The same request with that
    id goes on.
    """
    forked = await fork_session(
        store,
        call.key,
        new_session_key(store, call.user_id, body.session_id),
        to=body.to_sequence,
        title=body.title,
    )
    location = {"location": f"/sessions/{quote(forked.head.key.session_id, safe='')}"}
    return session_answer(201 if forked.created else 200, forked.head, location)
