"""GET /sessions/{session_id}/messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TooLarge
from turnlog.http.answers import Answer, with_list
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.operations.read_session import following, newest

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "after": Parameter(
            int, minimum=-1, description="Only messages with a higher sequence, the oldest first."
        ),
        "before": Parameter(int, description="Only messages with a lower sequence."),
        "limit": Parameter(int, default=100, minimum=1, maximum=1_000),
    },
    answers={200: "MessagePage"},
    errors=(NotFound, TooLarge),
)
async def handler(store: Store, call: Call, *, after: int | None, before: int | None, limit: int) -> Answer:
    """A page of messages in ascending order: the first ones behind `after` or, without it, the newest."""
    head = await store.head(call.key)
    if after is None:
        page = await newest(store, head, before=before, limit=limit)
    else:
        page = await following(store, head, after=after, before=before, limit=limit)
    return Answer(200, with_list(page.bounds(), "messages", [page.messages]))
