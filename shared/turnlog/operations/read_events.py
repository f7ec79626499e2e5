"""G9: whoever follows a stream by cursor gets each event once, in order, and is told when it has ended.

A read waits for events if there are none yet: it looks at the cache ten times a second, or without one at the
stream's item once a second. The table decides: a stream has ended when its item says so, and what an item
does not say is not made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from turnlog.records.streams import Cursor, cursor_of
from turnlog.store.retry import RESERVE
from turnlog.store.stream_cache import cached
from turnlog.store.stream_reader import Found, read_newest
from turnlog.store.streams import look

if TYPE_CHECKING:
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.streams import Stream
    from turnlog.store.store import Store
    from turnlog.store.stream_cache import StreamCache

_LOOKS = 1.0
"""Seconds between two looks at the table."""

_POLLS = 0.1
"""Seconds between two looks at the cache."""


class Events(NamedTuple):
    """Events behind a cursor.

    Attributes:
        stream: as it was when they were read.
        events: the cursor behind each, and its JSON.
        cursor: behind all of them.
        reset: what the reader has of the running step is to be dropped: it was lost.
    """

    stream: Stream
    events: list[tuple[str, bytes]]
    cursor: str
    reset: bool

    @property
    def over(self) -> bool:
        """Whether the stream has ended, and the reader has all of it."""
        return not self.stream.open and not self.events and not self.reset


async def read_events(
    store: Store, key: SessionKey, stream_id: str, *, after: str | None, wait: int, limit: int
) -> Events:
    """The events of a stream behind a cursor.

    Args:
        after: the cursor; None: from the beginning.
        wait: seconds to wait for events if there are none.
        limit: how many at the most.

    Raises:
        NotFound: no such session, or no such stream of it.
        BadCursor: the cursor is none of this stream.
        Resync: the events are kept no longer, or the cursor is too old.
        Unavailable: the table refused or did not answer.
    """
    # Counted by the waits, not by the clock: that may jump.
    left = min(float(wait), store.clock.remaining() - RESERVE)
    meant: SessionKey | GenerationKey = key
    while True:
        head, stream = await look(store, meant, stream_id)
        meant = head.key
        at, reset = cursor_of(stream, after)
        cache = cached(store, stream.key) if stream.open else None
        found = await read_newest(store, stream, cache, at, limit)
        if found.events or reset or not stream.open or left <= 0:
            return Events(stream, _named(stream, found.events), found.at.text(stream.key), reset)
        more, left = await _waited(store, stream, cache, found.at, limit=limit, left=left)
        if more:
            return Events(stream, _named(stream, more.events), more.at.text(stream.key), reset=False)


async def _waited(
    store: Store, stream: Stream, cache: StreamCache | None, at: Cursor, *, limit: int, left: float
) -> tuple[Found | None, float]:
    """Wait for events in the cache, or for a look at the table; what came, and the time left."""
    while cache and cache.there and left > 0:
        segment = await cache.behind(stream, at.seq, limit)
        if segment is None:
            break  # it is for the table to say what has become of the stream
        if segment.events:
            events = [(Cursor(stream.epoch, at.seq + n), event) for n, event in enumerate(segment.events, 1)]
            return Found(events, events[-1][0]), left
        await store.clock.sleep(min(_POLLS, left))
        left -= _POLLS
    if left > 0:
        await store.clock.sleep(min(_LOOKS, left))
        left -= _LOOKS
    return None, left


def _named(stream: Stream, events: list[tuple[Cursor, bytes]]) -> list[tuple[str, bytes]]:
    return [(at.text(stream.key), event) for at, event in events]
