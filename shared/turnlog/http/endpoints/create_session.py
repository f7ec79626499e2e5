"""POST /sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from turnlog.errors import ForkUnfinished, Gone, TooLarge
from turnlog.http.answers import Answer, session_answer
from turnlog.http.endpoint import endpoint
from turnlog.models.sessions import CreateSession
from turnlog.operations.create_session import create_session, new_session_key

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=CreateSession,
    body_required=False,
    answers={201: "Session", 200: "Session"},
    errors=(ForkUnfinished, Gone, TooLarge),
)
async def handler(store: Store, call: Call, *, body: CreateSession) -> Answer:
    """Create a session; 200 with the session as it is when this user has that id already (a retry).

    Where the session of that id was deleted: 410, or with `recreate` another session under the id.
    """
    made = await create_session(
        store,
        new_session_key(store, call.user_id, body.session_id),
        [message.fields() for message in body.messages],
        usage=body.usage,
        title=body.title,
        fields=body.objects(),
        recreate=body.recreate,
    )
    location = {"location": f"/sessions/{quote(made.head.key.session_id, safe='')}"}
    return session_answer(201 if made.created else 200, made.head, location)
