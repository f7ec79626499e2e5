"""Streams as commits made them: the truth that answers about them are held against.

Each event of a client says whose it is and in which epoch it was sent at which number. So an event that is
read tells by itself whether it stands where it belongs.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.violations import Rule, require
from turnlog.records import streams
from turnlog.records.keys import SEGMENT_PREFIX, STREAM_PREFIX, StreamKey, parse_generation, parse_stream
from turnlog.wire import parse_timestamp

if TYPE_CHECKING:
    from tests.simulation.history import Work
    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.keys import SessionKey
    from turnlog.records.streams import Segment, Stream

_LOOKS = {
    "get_stream",
    "read_events",
    "read_snapshot",
    "cancel_stream",
    "take_over_stream",
    "open_stream",
    "rewind",
    "edit",
}
_MOVED = {
    "append_events": {"durable_seq", "size"},
    "heartbeat_stream": {"lease_until", "durable_seq", "size"},
    "cancel_stream": {"cancel"},
    "take_over_stream": {"epoch", "cuts", "durable_seq", "size", "lease_until", "token"},
    "finish_stream": {"state", "ended_at", "durable_seq", "size", "error", "result", "token"},
}
_ENDED = {"state", "ended_at", "epoch", "cuts", "error", "durable_seq", "size"}


class StreamState(NamedTuple):
    """A stream from this commit on; None where there is none."""

    commit: int
    stream: Stream | None


_NONE = StreamState(0, None)


def is_of_streams(sort_key: str) -> bool:
    """Whether an item is a stream's, or events of one."""
    return parse_generation(sort_key)[1].startswith(STREAM_PREFIX)


def is_segment(sort_key: str) -> bool:
    """Whether an item holds events."""
    return is_of_streams(sort_key) and SEGMENT_PREFIX in sort_key


class StreamHistory:
    """All that was committed to streams.

    Attributes:
        states: of each stream, in order; `events`: those of each that are in the table, in order.
        acknowledged: how many events appends were told to be there, by stream and epoch.
        cache_lost: by what the cache may have lost some of them.
        untold: the cache may not have been told of a stream, as it was when it had lost it.
    """

    def __init__(self) -> None:
        self.states: dict[StreamKey, list[StreamState]] = defaultdict(lambda: [_NONE])
        self.events: dict[StreamKey, list[tuple[int, bytes]]] = defaultdict(list)
        self.acknowledged: dict[tuple[SessionKey, str, int], int] = {}
        self.cache_lost: set[str] = set()
        self.untold = False

    def now(self, key: StreamKey) -> Stream | None:
        """The stream as it is."""
        return self.states[key][-1].stream

    def of(self, session: SessionKey, stream_id: str) -> list[StreamKey]:
        """The streams of this id, of all generations of a session."""
        return [key for key in self.states if (key.session.session, key.stream_id) == (session, stream_id)]

    def during(self, key: StreamKey, first: int, last: int) -> list[Stream | None]:
        """The stream at any time from the first commit to the last."""
        states = self.states.get(key) or [_NONE]
        start = bisect_right(states, first, key=lambda state: state.commit) - 1
        return [state.stream for state in states[start:] if state.commit <= last]

    def changed(
        self,
        records: list[dict[str, Any]],
        *,
        commit: int,
        work: Work,
        was: Head | None,
        head: Head | None,
        now: float,
    ) -> None:
        """Note and check what one commit did to the streams of a session.

        Args:
            records: what the table's stream tells of the commit.
            commit: its number.
            work: whose it is.
            was: the session's head before it, if it was there.
            head: the one since.
            now: seconds, by the clock of whose it is.
        """
        put: dict[StreamKey, list[Item]] = defaultdict(list)
        items: dict[StreamKey, Item | None] = {}
        for record in records:
            sort_key = record["Keys"]["SK"]["S"]
            if is_segment(sort_key):
                if "NewImage" in record:
                    require(Rule.EVENTS_KEPT, "OldImage" not in record, (sort_key, work))
                    put[parse_stream(record["Keys"])].append(record["NewImage"])
                else:
                    require(Rule.EVENTS_KEPT, work.kind == "stream", (sort_key, work))
            elif is_of_streams(sort_key):
                items[parse_stream(record["Keys"])] = record.get("NewImage")
        for key in {*items, *put}:
            require(Rule.EVENTS_MOVE_WITH_THEIR_STREAM, key in items, (key, work))
            segments = sorted(put[key], key=lambda item: str(item["SK"]["S"]))
            before, item = self.now(key), items[key]
            stream = streams.from_item(item) if item else None
            events = [*streams.segments(segments)]
            self._check(key, before, stream, events, work=work, was=was, head=head, now=now)
            work.streams.append(key)
            self.states[key].append(StreamState(commit, stream))
        self._check_running(records, head)

    def _check_running(self, records: list[dict[str, Any]], head: Head | None) -> None:
        """The head names the stream that runs, in its epoch; under a tombstone none does."""
        if not records:
            return
        partition = records[0]["Keys"]["PK"]["S"]
        open_ = [
            stream.fence
            for key in list(self.states)
            if key.session.partition == partition and (stream := self.now(key)) and stream.open
        ]
        runs = head and head.live and head.active_stream
        named = [(head.active_stream, head.stream_epoch)] if head and runs else []
        require(Rule.ONE_STREAM_RUNS, open_ == named, (open_, named))

    def _check(
        self,
        key: StreamKey,
        before: Stream | None,
        after: Stream | None,
        segments: list[Segment],
        *,
        work: Work,
        was: Head | None,
        head: Head | None,
        now: float,
    ) -> None:
        request = work.request
        if after is None:
            over = work.kind in {"ttl", "stream"}
            require(Rule.STREAM_KEPT, over and before and not before.open, (key, work))
            return
        if before is None:
            require(Rule.OPENED_BY_AN_OPEN, work.kind == "open_stream", (key, work))
            require(Rule.OPENED_BY_AN_OPEN, head and head.live and head.key == key.session, (key, work))
            require(Rule.EVENTS_IN_ORDER, after.durable_seq == 0 and not segments, (key, work))
            former = self._epochs([key])
            require(Rule.EPOCHS_GROW, all(after.epoch > epoch for epoch in former), (after, former))
            self._check_epoch(after)
            self.events[key] = []
            return
        require(Rule.FIRST_END_STANDS, before.open, (before, after, work))
        self._check_epoch(after)
        self._check_events(before, after, segments, work)
        changed = {name for name in after._fields if getattr(before, name) != getattr(after, name)}
        if work.kind in _MOVED and changed <= _MOVED[work.kind]:
            assert request is not None
            if "epoch" in request.body:
                require(Rule.EPOCH_HEEDED, request.body["epoch"] == before.epoch, (before, request))
            if work.kind == "finish_stream":
                self._check_end(before, after, work)
            if work.kind == "take_over_stream":
                free = before.free_from.timestamp() <= now
                require(Rule.TAKEN_OVER_WHEN_FREE, free and after.epoch == before.epoch + 1, (before, now))
            return
        require(Rule.WHO_MOVES_A_STREAM, changed <= _ENDED and not after.open, (work, changed))
        require(Rule.EPOCHS_GROW, after.epoch == before.epoch + 1, (before, after))
        if work.kind == "delete" or (work.kind == "stream" and head and not head.live):
            require(Rule.WHO_MOVES_A_STREAM, was and head and not head.live, (work, was, head))
            return
        asked = request is not None and request.body.get("on_active") == "interrupt"
        looked = work.kind in _LOOKS
        require(Rule.WHO_MOVES_A_STREAM, looked and (asked or _due(before, after, now)), (work, before, now))

    def _check_end(self, before: Stream, after: Stream, work: Work) -> None:
        """G9: no event that was acknowledged before the end was asked for is missing.

        A producer that has lost its events as the cache has may say that fewer are all. And a cache that is
        as it was before does not know of the newest: the producer alone does, if it says how many there are.
        """
        assert work.request is not None
        key = (before.key.session.session, before.key.stream_id, before.epoch)
        acknowledged = work.acknowledged.get(key, 0)
        first = work.request.body.get("first_seq")
        says_fewer = first is not None and first <= acknowledged and self.cache_lost
        knows_fewer = first is None and "cache restored" in self.cache_lost
        kept = after.durable_seq >= acknowledged or says_fewer or knows_fewer
        require(Rule.ENDS_WITH_ITS_EVENTS, kept, (acknowledged, after, work))

    def _epochs(self, keys: list[StreamKey]) -> set[int]:
        return {state.stream.epoch for key in keys for state in self.states[key] if state.stream}

    def _check_epoch(self, stream: Stream) -> None:
        """G4: what was meant for a stream of a session that had the id before fits no stream of this one."""
        session, stream_id = stream.key.session.session, stream.key.stream_id
        others = [key for key in self.of(session, stream_id) if key != stream.key]
        require(Rule.EPOCH_OF_ONE_SESSION, stream.epoch not in self._epochs(others), stream)

    def _check_events(self, before: Stream, after: Stream, segments: list[Segment], work: Work) -> None:
        """G9: events follow on each other, and are those that were sent for their numbers."""
        log = self.events[before.key]
        for segment in segments:
            require(Rule.EVENTS_IN_ORDER, segment.first == len(log) + 1, (segment, len(log)))
            resets = [json.loads(event) for event in segment.events] == [{"type": "reset-step"}]
            new = after.epoch if resets and work.kind == "take_over_stream" else before.epoch
            require(Rule.EPOCH_HEEDED, segment.epoch == new, (segment, before, after))
            log += [(segment.epoch, event) for event in segment.events]
        require(Rule.EVENTS_IN_ORDER, after.durable_seq == len(log), (after, len(log)))
        require(Rule.EVENTS_IN_ORDER, after.size == sum(len(event) for _, event in log), after)
        for at in range(before.durable_seq, len(log)):
            epoch, event = log[at]
            if work.kind == "take_over_stream" and after.open and at + 1 == len(log):
                require(Rule.TAKE_OVER_RESETS, json.loads(event) == {"type": "reset-step"}, event)
            else:
                says = json.loads(event).get("says")
                name = f"{before.key.stream_id}.{epoch}.{at + 1} of {before.key.session.user_id}."
                require(Rule.EVENT_AT_ITS_NUMBER, says == name, (at + 1, epoch, event, work))


def _due(before: Stream, after: Stream, now: float) -> bool:
    """Whether its producer was dead, or did not heed a cancel, by the clock of whoever looked."""
    if after.state == "failed":
        return before.lease_ends.timestamp() + 120 <= now
    asked = json.loads(before.cancel)["asked_at"] if before.cancel else None
    return asked is not None and parse_timestamp(asked).timestamp() + 15 <= now
