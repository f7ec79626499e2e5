"""PATCH /sessions/{session_id}/title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import etag
from shared.answers import Answer, session_answer
from shared.endpoint import endpoint
from shared.errors import NotFound, PreconditionFailed
from shared.models.sessions import SetTitle
from shared.operations.change_session import set_title

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


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
