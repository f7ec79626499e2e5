"""GET /sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.http.answers import Answer, with_list
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.operations.list_sessions import list_sessions

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "limit": Parameter(int, default=50, minimum=1, maximum=100),
        "cursor": Parameter(str, description="`next_cursor` of the page before."),
        "offset": Parameter(
            int,
            default=0,
            maximum=100_000,
            description="Skip this many. They are read, too: `cursor` is cheaper.",
        ),
    },
    answers={200: "SessionPage"},
)
async def handler(store: Store, call: Call, *, limit: int, cursor: str | None, offset: int) -> Answer:
    """The user's sessions, most recently changed first, without messages."""
    page = await list_sessions(store, call.user_id, limit=limit, cursor=cursor, offset=offset)
    fields = {"total": page.total, "next_cursor": page.next_cursor}
    return Answer(200, with_list(fields, "sessions", page.sessions))
