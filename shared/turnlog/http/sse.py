"""Server-sent events: a stream's events as a browser, or `curl -N`, reads them while they come.

G9: each event bears the cursor behind it, as its `id`. A reader that is cut off comes again with the last one
that it has seen (`Last-Event-ID`), and gets what comes behind it.

    what is sent                               when
    `retry: 1000`                              first: when to come again, in milliseconds
    `id: <cursor>`, `data: <event>`            for each event
    `event: reset`, `data: {"cursor"}`         events were lost: the reader drops the running step
    `event: end`, `data: {"cursor", "state"}`  the stream has ended, and the reader has all of it
    `event: resync`, `data: <problem>`         what comes next is kept no longer: the reader begins anew
    `: hb`                                     nothing came for a while

An answer ends without `end` or `resync` when its time is over, or when the table does not answer: then the
reader comes again (html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Resync, TurnlogError
from turnlog.http.answers import problem
from turnlog.limits import EVENTS_PAGE, FOLLOW_SECONDS, HEARTBEAT_SECONDS
from turnlog.operations.read_events import read_events
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from turnlog.operations.read_events import Events
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store

EVENT_STREAM = "text/event-stream"
HEADERS = {
    "content-type": EVENT_STREAM,
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # for a proxy of the application's own
}
_PACE = 0.1  # seconds
RETRY = b"retry: 1000\n\n"
HEARTBEAT = b": hb\n\n"


async def first_events(store: Store, key: SessionKey, stream_id: str, after: str | None) -> Events:
    """What is there already behind a cursor; what is wrong with the request shows here.

    Raises:
        See `read_events`.
    """
    return await read_events(store, key, stream_id, after=after, wait=0, limit=EVENTS_PAGE)


async def frames(store: Store, key: SessionKey, stream_id: str, page: Events) -> AsyncGenerator[bytes, None]:
    """The answer, chunk by chunk.

    Args:
        page: what `first_events` found.
    """
    yield RETRY
    until = store.clock.remaining() - FOLLOW_SECONDS
    while True:
        if page.reset:
            yield _frame(dumps({"cursor": page.cursor}), event="reset", cursor=page.cursor)
        if page.events:
            yield b"".join(_frame(event, cursor=cursor) for cursor, event in page.events)
        if page.over:
            yield _frame(dumps({"cursor": page.cursor, "state": page.stream.state}), event="end")
            return
        if page.events:
            # As often as a waiting read looks; what comes in between is read at once.
            await store.clock.sleep(_PACE)
        left = int(store.clock.remaining() - until)
        if left < 1:
            return
        wait = min(HEARTBEAT_SECONDS, left)
        try:
            page = await read_events(store, key, stream_id, after=page.cursor, wait=wait, limit=EVENTS_PAGE)
        except Resync as error:
            yield _frame(problem(error).body, event="resync")
            return
        except TurnlogError:
            return  # whoever comes again is told
        if not page.events and page.stream.open and not page.reset and wait == HEARTBEAT_SECONDS:
            yield HEARTBEAT


def _frame(data: bytes, *, event: str = "", cursor: str = "") -> bytes:
    """One event; no JSON of ours has an end of a line in it."""
    named = f"event: {event}\n" if event else ""
    placed = f"id: {cursor}\n" if cursor else ""
    return b"%b%bdata: %b\n\n" % (placed.encode(), named.encode(), data)
