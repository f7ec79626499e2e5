"""GET /sessions/{session_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.errors import NotFound, TooLarge
from turnlog.http import etag
from turnlog.http.answers import Answer, session_answer
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.operations.drafts import draft_beside
from turnlog.operations.read_session import newest

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "limit": Parameter(int, description="At most this many of the newest messages; 0: none."),
        "before": Parameter(int, description="Only messages with a lower sequence."),
        "draft": Parameter(bool, default=False, description="Show the turn in progress beside the session."),
    },
    headers=("if-none-match",),
    answers={200: "SessionWithMessages", 304: ""},
    errors=(NotFound, TooLarge),
)
async def handler(store: Store, call: Call, *, limit: int | None, before: int | None, draft: bool) -> Answer:
    """The session with its newest messages: all of them, unless a limit is given or they pass 5 MB."""
    head = await store.head(call.key)
    known = etag.parse(call.headers.get("if-none-match"))
    if known and known.admits(head.version) and not draft:  # a draft has no version
        return Answer(304, headers={"etag": head.etag})
    page = await newest(store, head, before=before, limit=limit)
    beside: dict[str, Any] = {"active_stream": page.head.active_stream}
    if draft:
        beside["draft"] = await draft_beside(store, head.key)
    return session_answer(200, page.head, page=page, beside=beside)
