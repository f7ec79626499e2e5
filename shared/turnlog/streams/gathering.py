"""What a producer holds of its stream: what is to be sent, and what may have to be sent again.

| an event | is kept |
|---|---|
| that was not sent | until enough are gathered, or the oldest has waited long enough |
| that was sent, and is in the cache alone | in case the cache loses it |
| that is in the table | no longer |
"""

from __future__ import annotations

from collections import deque
from typing import Any

from turnlog.limits import EVENTS_LIMIT, MAX_EVENTS
from turnlog.streams.words import ends_step
from turnlog.wire import dumps

Event = dict[str, Any]

# Seconds and bytes for which events are gathered: for the cache, and where each batch is an item.
_TO_CACHE = (0.1, 4 << 10)
_TO_TABLE = (1.0, 64 << 10)


class Gathered:
    """The events of a producer.

    Args:
        seq: the number behind which its first one comes.

    Attributes:
        durable: the number of the last event that is in the table.
        sent: of the last one that was sent.
        seq: of the last one.
        each: seconds for which events are gathered.
    """

    def __init__(self, seq: int) -> None:
        self.durable = self.sent = self.seq = seq
        self._kept: deque[tuple[Event, int]] = deque()  # from `durable` on, with their bytes
        self._bytes = 0  # of those that were not sent
        self._ends = False
        self._since = 0.0
        self.each, self._most = _TO_CACHE

    def add(self, event: Event, now: float) -> None:
        """Take an event.

        Raises:
            Invalid: it is no JSON.
        """
        size = len(dumps(event))
        if self.sent == self.seq:
            self._since = now
        self._kept.append((event, size))
        self.seq += 1
        self._bytes += size
        self._ends = self._ends or ends_step(event)

    def due(self, now: float) -> bool:
        """Whether it is time to send what there is."""
        waited = now - self._since >= self.each
        return self.sent < self.seq and (waited or self._ends or self._bytes >= self._most)

    def batch(self) -> tuple[int, list[Event]]:
        """The number of the first event to send, and as many as one request takes; none, if all are sent."""
        events: list[Event] = []
        size = 0
        for event, more in list(self._kept)[self.sent - self.durable :][:MAX_EVENTS]:
            size += more
            if events and size > EVENTS_LIMIT:
                break
            events.append(event)
        return self.sent + 1, events

    def acknowledged(self, seq: int, durable: int) -> None:
        """So far they are with Turnlog, and so far in its table."""
        if durable >= seq > self.sent and not self._ends:
            self.each, self._most = _TO_TABLE  # there is no cache
        self.sent = max(self.sent, min(seq, self.seq))
        while self._kept and self.durable < min(durable, self.seq):
            self._kept.popleft()
            self.durable += 1
        if self.sent == self.seq:
            self._bytes, self._ends = 0, False

    def again(self, expected: int) -> bool:
        """Send from this number on once more; whether it is kept."""
        if not self.durable < expected <= self.seq + 1:
            return False
        self.sent = expected - 1
        return True
