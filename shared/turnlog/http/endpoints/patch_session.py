"""PATCH /sessions/{session_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, PreconditionFailed, TooLarge
from turnlog.http import etag
from turnlog.http.answers import Answer, session_answer
from turnlog.http.endpoint import endpoint
from turnlog.models.sessions import PatchSession
from turnlog.operations.change_session import patch_session

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=PatchSession,
    headers=("if-match",),
    answers={200: "Session"},
    errors=(NotFound, PreconditionFailed, TooLarge),
)
async def handler(store: Store, call: Call, *, body: PatchSession) -> Answer:
    """Apply a JSON merge patch to each of the session's objects that is given."""
    patch = {
        name: value for name, value in vars(body).items() if name in body.model_fields_set and name != "touch"
    }
    if_match = etag.parse(call.headers.get("if-match"))
    head = await patch_session(store, call.key, patch, if_match=if_match, touched=body.touch)
    return session_answer(200, head)
