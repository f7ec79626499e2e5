"""What a producer holds of its stream: what is to be sent, and what may have to be sent again.

| an event | is kept |
|---|---|
| that was not sent | until enough are gathered, or the oldest has waited long enough |
| that was sent, and is in the cache alone | in case the cache loses it |
| that is in the table | no longer |

Where there is a cache, it takes events at once, so they are gathered for a moment. Without one each batch is
an item of the table, so they are gathered for longer. An answer tells which: a small batch that is in the
table, though nobody asked for that and no older events were due there, went past no cache.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from turnlog.errors import Invalid, TooLarge
from turnlog.limits import EVENTS_LIMIT, MAX_EVENTS, SEGMENT_BYTES, SEGMENT_SECONDS
from turnlog.streams.words import ends_step
from turnlog.wire import dumps, what_cannot_be_kept

Event = dict[str, Any]

# Seconds and bytes for which events are gathered: for the cache, and where each batch is an item.
_TO_CACHE = (0.1, 4 << 10)
_TO_TABLE = (1.0, 64 << 10)

# What an answer tells of a cache counts while nothing is due in the table: clocks count whole seconds.
_SOON = SEGMENT_SECONDS - 2


class Gathered:
    """The events of a producer.

    Args:
        seq: the number behind which its first one comes.
        now: seconds, as all times here.

    Attributes:
        durable: the number of the last event that is in the table.
        sent: of the last one that Turnlog has.
        tried: of the last one that Turnlog may have.
        seq: of the last one.
        each: seconds for which events are gathered.
    """

    def __init__(self, seq: int, now: float) -> None:
        self.durable = self.sent = self.tried = self.seq = seq
        self._kept: deque[tuple[Event, int]] = deque()  # from `durable` on, with their bytes
        self._bytes = 0  # of those that were not sent
        self._ends = False
        self._since = 0.0
        self._moved = now  # when `durable` was
        self._exposed: float | None = None  # since when events are in the cache alone
        self.each, self._most = _TO_CACHE

    def add(self, event: Mapping[str, Any], now: float) -> None:
        """Take an event; one that Turnlog would refuse is not taken.

        Raises:
            Invalid: it is no JSON, or has no string `type`.
            TooLarge: no batch holds it.
        """
        taken, size = _taken(event)
        if self.sent == self.seq:
            self._since = now
        self._kept.append((taken, size))
        self.seq += 1
        self._bytes += size
        self._ends = self._ends or ends_step(taken)

    def due(self, now: float) -> bool:
        """Whether it is time to send what there is."""
        waited = now - self._since >= self.each
        return self.sent < self.seq and (waited or self._ends or self._bytes >= self._most)

    def batch(self) -> tuple[int, list[Event]]:
        """The number of the first event to send, and as many as one request takes; none, if all are."""
        events: list[Event] = []
        size = 0
        for event, more in list(self._kept)[self.sent - self.durable :][:MAX_EVENTS]:
            size += more
            if events and size > EVENTS_LIMIT:
                break
            events.append(event)
        return self.sent + 1, events

    def exposed(self, now: float) -> bool:
        """Whether events that were sent have been in the cache alone for long."""
        return self._exposed is not None and now - self._exposed >= SEGMENT_SECONDS

    def once_more(self) -> None:
        """Send the last event again, if it is in the cache alone: then it can be put into the table."""
        if self.durable < self.sent == self.seq:
            self.sent -= 1

    def acknowledged(self, seq: int, durable: int, now: float, *, flushed: bool = False) -> None:
        """So far they are with Turnlog, and so far in its table.

        Args:
            flushed: that was asked for.
        """
        if durable < seq:
            self.each, self._most = _TO_CACHE
        elif not (flushed or self._ends) and seq > self.sent == self.durable:
            due = self._bytes >= SEGMENT_BYTES or now - self._moved >= _SOON
            self.each, self._most = (self.each, self._most) if due else _TO_TABLE
        self.sent = max(self.sent, min(seq, self.seq))
        if self.sent == self.seq:
            self._bytes, self._ends = 0, False
        self.settled(durable, now)

    def settled(self, durable: int, now: float) -> None:
        """So far they are in the table."""
        moved = False
        while self._kept and self.durable < min(durable, self.seq):
            self._kept.popleft()
            self.durable += 1
            moved = True
        if moved:
            self._moved, self._exposed = now, None
        if self.durable == self.sent:
            self._exposed = None
        elif self._exposed is None:
            self._exposed = now

    def again(self, expected: int) -> bool:
        """Send from this number on once more; whether it is kept."""
        if not self.durable < expected <= self.seq + 1:
            return False
        self.sent = expected - 1
        return True


def _taken(event: Mapping[str, Any]) -> tuple[Event, int]:
    """An event that Turnlog will take, and the bytes of its JSON.

    Raises:
        Invalid, TooLarge: see `Gathered.add`.
    """
    if not (isinstance(event, Mapping) and isinstance(event.get("type"), str)):
        raise Invalid.at("event", msg="must be an object with a string `type`")
    taken = dict(event)
    if problem := what_cannot_be_kept(taken):
        raise Invalid.at("event", msg=problem)
    size = len(dumps(taken, "event"))
    if size > EVENTS_LIMIT:
        raise TooLarge(
            f"An event is at most {EVENTS_LIMIT} bytes; this one has {size}. Of a large result send a file,"
            " and name that in the event."
        )
    return taken, size
