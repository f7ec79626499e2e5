"""GET /sessions/{session_id}/streams/{stream_id}/events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import BadCursor, NotFound, Resync
from turnlog.http.answers import Answer, with_list
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.limits import EVENTS_PAGE, MAX_WAIT
from turnlog.operations.read_events import read_events
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "after": Parameter(str, description="A cursor: only events behind it."),
        "wait": Parameter(
            int, default=0, maximum=MAX_WAIT, description="Seconds to wait for events if there are none."
        ),
        "limit": Parameter(int, default=EVENTS_PAGE, minimum=1, maximum=EVENTS_PAGE),
    },
    answers={200: "EventPage", 204: ""},
    errors=(NotFound, BadCursor, Resync),
)
async def handler(store: Store, call: Call, *, after: str | None, wait: int, limit: int) -> Answer:
    """The events behind a cursor, in their order; 204: the stream has ended, and there are no more."""
    found = await read_events(store, call.key, call.stream_id, after=after, wait=wait, limit=limit)
    if found.over:
        return Answer(204)
    fields = {"cursor": found.cursor, "state": found.stream.state, **({"reset": True} if found.reset else {})}
    events = [b'{"cursor":%b,"event":%b}' % (dumps(cursor), event) for cursor, event in found.events]
    return Answer(200, with_list(fields, "events", events))
