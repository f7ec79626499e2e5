"""PATCH /sessions/{session_id}/title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, PreconditionFailed
from turnlog.http import etag
from turnlog.http.answers import Answer, session_answer
from turnlog.http.endpoint import endpoint
from turnlog.models.sessions import SetTitle
from turnlog.operations.change_session import set_title

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=SetTitle, headers=("if-match",), answers={200: "Session"}, errors=(NotFound, PreconditionFailed)
)
async def handler(store: Store, call: Call, *, body: SetTitle) -> Answer:
    """Set the title; with `only_if_unset` the title that is there stands, and is answered."""
    head = await set_title(
        store,
        call.key,
        body.title,
        only_if_unset=body.only_if_unset,
        if_match=etag.parse(call.headers.get("if-match")),
    )
    return session_answer(200, head)
