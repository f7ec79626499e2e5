"""GET /sessions/{session_id}/streams/{stream_id}/events, at the streaming address: server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.http.answers import Answer
from turnlog.http.endpoints import read_events
from turnlog.http.sse import HEADERS, first_events, frames
from turnlog.http.streaming import Flow, StreamingEndpoint

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


async def follow_stream(store: Store, call: Call) -> Answer | Flow:
    """The events behind a cursor as they come; 204: the stream has ended, and there are no more.

    Raises:
        See `read_events`.
    """
    key, stream_id = call.key, call.stream_id
    # A browser that was cut off sends the same address again, with the cursor of before in it.
    after = call.headers.get("last-event-id") or call.query.get("after")
    first = await first_events(store, key, stream_id, after)
    if first.over:
        return Answer(204)
    return Flow(HEADERS, lambda following: frames(following, key, stream_id, first))


handler = StreamingEndpoint(follow_stream, at_once=read_events.handler, methods="GET")
