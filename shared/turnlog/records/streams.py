"""A stream's item, which says how far its events are kept and whose they are; the events lie in segments.

| state | what comes next |
|---|---|
| `open` | its producer appends events, and keeps its lease; another takes it over when that is over |
| `completed`, `failed`, `cancelled` | nothing: the first of these stands; after a while it is forgotten |

G9: events are numbered from 1. Those up to `durable_seq` are in the table, and never change. A producer owns
the stream by its `epoch`: whoever takes it over has a later one, and every write names the epoch that it is
meant for. Where an epoch began is kept in `cuts`: what the epoch before it had from there on was lost, and a
reader that has seen that is told to drop the running step.

Epochs begin with the second at which the stream was opened, and grow from there. So those of a stream that is
opened under an id which was forgotten are later than all of the former one, of which segments may still lie
there.

| item | holds |
|---|---|
| `STREAM#<id>` | what is known of the stream |
| `STREAM#<id>#SEG#<epoch>#<10-digit last>` | events up to that number; with `#<part>` more of them |
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from turnlog.errors import BadCursor, Damaged, Resync, Torn
from turnlog.limits import (
    CANCEL_SECONDS,
    CUTS_KEPT,
    EVENTS_LIMIT,
    LEASE_GRACE,
    LEASE_LOST,
    MAX_EVENTS,
    PART_SIZE,
    STREAM_FORGOTTEN_DAYS,
)
from turnlog.records.expressions import Fence, attribute, names, put
from turnlog.records.keys import StreamKey, parse_segment_sort_key, parse_stream
from turnlog.records.packing import packed, unpacked
from turnlog.wire import parse_timestamp, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from turnlog.records.expressions import Value
    from turnlog.records.item import Item
    from turnlog.records.keys import GenerationKey

OPEN = "open"
ENDED = ("completed", "failed", "cancelled")

_NUMBERS = ("epoch", "first_epoch", "durable_seq", "size")
_STRINGS = (
    "state",
    "cuts",
    "message_id",
    "lease_until",
    "opened_at",
    "ended_at",
    "cancel",
    "error",
    "result",
)
_NUMBER_WIDTH = 10  # digits


class Stream(NamedTuple):
    """What is known of a stream.

    Attributes:
        epoch: of its producer; of one that was ended by another, one more than that.
        first_epoch: with which it was opened.
        cuts: the number of the first event of each of the newest epochs, parted by commas.
        message_id: of the message that it says.
        durable_seq: the number of the last event that is in the table.
        size: bytes of JSON of these events.
        lease_until: until when it is its producer's.
        cancel: JSON text of who asked when to cancel it, and why; None: nobody did.
        error: what went wrong, as its producer says it.
        result: JSON text of what its end was answered, with a digest of what ended it.
        token: of who opened it, took it over, or ended it; by it they know their own write.
    """

    key: StreamKey
    state: str = OPEN
    epoch: int = 1
    first_epoch: int = 1
    cuts: str = "1"
    message_id: str = ""
    durable_seq: int = 0
    size: int = 0
    lease_until: str = ""
    opened_at: str = ""
    ended_at: str | None = None
    cancel: str | None = None
    error: str | None = None
    result: str | None = None
    token: bytes = b""

    @property
    def fence(self) -> Fence:
        """What its producer's writes name."""
        return Fence(self.key.stream_id, self.epoch)

    @property
    def open(self) -> bool:
        """Whether it runs."""
        return self.state == OPEN

    def cut(self, epoch: int) -> int | None:
        """The number of the first event of an epoch; None if that is not known any more."""
        cuts = self.cuts.split(",")
        at = len(cuts) - 1 - (self.epoch - epoch)
        return int(cuts[at]) if 0 <= at < len(cuts) else None

    def epoch_of(self, seq: int) -> int:
        """The epoch in which the event of this number was appended; the oldest that is known, if none is."""
        cuts = self.cuts.split(",")
        later = sum(int(cut) > seq for cut in cuts)
        return max(self.first_epoch, self.epoch - min(later, len(cuts)))

    def with_epoch(self) -> Stream:
        """The stream with the next epoch, which begins behind what is in the table."""
        cuts = [*self.cuts.split(","), str(self.durable_seq + 1)][-CUTS_KEPT:]
        return self._replace(epoch=self.epoch + 1, cuts=",".join(cuts))

    def due(self, now: datetime) -> str | None:
        """As what whoever looks at it ends it; None: not yet.

        A producer that was asked to cancel has some seconds to say its last; one whose lease is long over is
        taken for dead.
        """
        if not self.open:
            return None
        if self.cancel is not None:
            asked = parse_timestamp(json.loads(self.cancel)["asked_at"])
            if now >= asked + timedelta(seconds=CANCEL_SECONDS):
                return "cancelled"
        return "failed" if now >= self.lease_ends + timedelta(seconds=LEASE_LOST) else None

    @property
    def lease_ends(self) -> datetime:
        """Until when it is its producer's."""
        return parse_timestamp(self.lease_until)

    @property
    def free_from(self) -> datetime:
        """From when another may take it over: clocks differ."""
        return self.lease_ends + timedelta(seconds=LEASE_GRACE)

    def expired(self, now: datetime, ttl: int) -> bool:
        """Whether its events are kept no longer.

        Args:
            ttl: seconds for which they are kept after its end.
        """
        return self.ended_at is not None and now >= parse_timestamp(self.ended_at) + timedelta(seconds=ttl)

    def asked(self) -> dict[str, Any] | None:
        """Who asked to cancel it, as answers show it."""
        return json.loads(self.cancel) if self.cancel is not None else None

    def shown(self, seq: int | None = None) -> dict[str, Any]:
        """The stream as the contract shows it.

        Args:
            seq: the number of the last event, if one is in the cache alone.
        """
        return {
            "stream_id": self.key.stream_id,
            "state": self.state,
            "epoch": self.epoch,
            "message_id": self.message_id,
            "seq": max(seq or 0, self.durable_seq),
            "durable_seq": self.durable_seq,
            "lease_until": self.lease_until,
            "cancel": self.asked(),
            "opened_at": self.opened_at,
            "ended_at": self.ended_at,
            "error": self.error,
        }

    def put(self) -> dict[str, Any]:
        """The write that puts it where none is."""
        return {"Put": put({**self.key.item, **_attributes(self)}, condition="attribute_not_exists(#PK)")}

    def moved(
        self, after: Stream, *, ttl: int = 0, same_lease: bool = False, same: bool = False
    ) -> dict[str, Any]:
        """The write that makes it another, while it is open and in this epoch.

        Args:
            after: what it is then.
            ttl: seconds for which its events are kept, if it is ended.
            same_lease: only if its lease is what it was.
            same: only if nothing of it was changed since.
        """
        before, to = _attributes(self), _attributes(after)
        to = {name: value for name, value in to.items() if value != before.get(name)}
        if after.ended_at is not None:
            ends = parse_timestamp(after.ended_at) + timedelta(seconds=ttl, days=STREAM_FORGOTTEN_DAYS)
            to["expires_at"] = attribute(int(ends.timestamp()))
        condition = "#state = :open AND #epoch = :epoch_was"
        values: dict[str, Value] = {"open": OPEN, "epoch_was": self.epoch}
        if same_lease or same:
            condition += " AND #lease_until = :lease_was"
            values["lease_was"] = self.lease_until
        if same or after.epoch != self.epoch:  # an epoch begins behind all events
            condition += " AND #durable_seq = :seq_was"
            values["seq_was"] = self.durable_seq
        if same and self.cancel is None:  # once asked for, it stays so
            condition += " AND attribute_not_exists(#cancel)"
        return {
            "Update": changed(
                self.key,
                to,
                condition=condition,
                values=values,
            )
        }


def changed(
    key: StreamKey,
    to: Mapping[str, Any],
    *,
    plus: Mapping[str, int] | None = None,
    condition: str,
    values: Mapping[str, Value],
) -> dict[str, Any]:
    """The parameters of UpdateItem, or of an Update in a transaction, of a stream's item.

    Args:
        to: attributes and the values they get, as the table has them.
        plus: attributes that are numbers, and what is added to each.
        condition: with `#name` for an attribute; when it fails, the item as it is comes back.
        values: those that the condition names, without the colon.
    """
    sets = [f"#{name} = :{name}" for name in to]
    sets += [f"#{name} = #{name} + :plus_{name}" for name in plus or {}]
    expression = f"SET {', '.join(sets)}"
    return {
        "Key": key.item,
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        "ExpressionAttributeNames": names(expression, condition),
        "ExpressionAttributeValues": {
            **{f":{name}": value for name, value in to.items()},
            **{f":plus_{name}": attribute(value) for name, value in (plus or {}).items()},
            **{f":{name}": attribute(value) for name, value in values.items()},
        },
    }


def _attributes(stream: Stream) -> dict[str, Any]:
    strings = {name: getattr(stream, name) for name in _STRINGS}
    return {
        **{name: attribute(getattr(stream, name)) for name in (*_NUMBERS, "token")},
        **{name: attribute(value) for name, value in strings.items() if value is not None},
    }


def from_item(item: Item) -> Stream:
    """The stream in an item."""
    fields: dict[str, Any] = {name: int(item[name]["N"]) for name in _NUMBERS}
    fields |= {name: item[name]["S"] for name in _STRINGS if name in item}
    return Stream(parse_stream(item), token=bytes(item["token"]["B"]), **fields)


class Segment(NamedTuple):
    """Events that lie in the table together.

    Attributes:
        first: the number of the first.
        events: JSON of each.
    """

    epoch: int
    first: int
    events: list[bytes]

    @property
    def last(self) -> int:
        """The number of the last."""
        return self.first + len(self.events) - 1

    @property
    def size(self) -> int:
        """Bytes of JSON."""
        return sum(map(len, self.events))

    def behind(self, seq: int) -> Segment:
        """What of it comes after the event of this number."""
        known = max(0, seq + 1 - self.first)
        return self._replace(first=self.first + known, events=self.events[known:])

    def puts(self, key: StreamKey) -> list[dict[str, Any]]:
        """The writes that put it where none is."""
        blob = packed(b"\n".join(self.events))  # no JSON of ours has an end of a line in it
        parts = [blob[at : at + PART_SIZE] for at in range(0, len(blob), PART_SIZE)]
        return [
            {
                "Put": put(
                    {
                        **key.segment(self.epoch, self.last, part),
                        "first": attribute(self.first),
                        "parts": attribute(len(parts)),
                        "data": attribute(data),
                    },
                    condition="attribute_not_exists(#PK)",
                )
            }
            for part, data in enumerate(parts)
        ]


# What one batch takes, and what is in the cache alone when that is joined to it.
_LARGEST = 2 * EVENTS_LIMIT + 2 * MAX_EVENTS


def segments(items: Iterable[Item]) -> Iterator[Segment]:
    """The segments in these items, which are in the order of their keys.

    Raises:
        Torn: one is not whole.
        Damaged: one is damaged.
    """
    parts: list[bytes] = []
    for item in items:
        epoch, _, part = parse_segment_sort_key(item["SK"]["S"])
        if part != (len(parts) if part else 0):
            raise Torn("Events of the stream are not whole.")
        parts = [*(parts if part else ()), bytes(item["data"]["B"])]
        if len(parts) == int(item["parts"]["N"]):
            try:
                events = unpacked(b"".join(parts), _LARGEST).split(b"\n")
            except ValueError as error:
                raise Damaged("Events of the stream are damaged.") from error
            yield Segment(epoch, int(item["first"]["N"]), events)


class Cursor(NamedTuple):
    """A place in a stream: behind the event of this number, which was seen in this epoch."""

    epoch: int
    seq: int

    def text(self, key: StreamKey) -> str:
        """The cursor as clients have it, in ASCII: a header bears it too."""
        return f"{quote(key.stream_id, safe='')}.{self.epoch}.{self.seq}"


def cursor_of(stream: Stream, text: str | None) -> tuple[Cursor, bool]:
    """Where a reader with this cursor goes on, and whether it has to drop the running step.

    Raises:
        BadCursor: it is none of this stream.
        Resync: it is of a stream that had the id before, or of an epoch that is not known any more.
    """
    if text is None:
        return Cursor(stream.first_epoch, 0), False
    name, epoch, seq = text.rsplit(".", 2) if text.count(".") > 1 else ("", "", "")
    fits = all(one.isascii() and one.isdecimal() and len(one) <= _NUMBER_WIDTH for one in (epoch, seq))
    if name != quote(stream.key.stream_id, safe="") or not fits or int(epoch) > stream.epoch:
        raise BadCursor.at("query", "after", msg="must be a cursor that this stream gave")
    at = Cursor(int(epoch), int(seq))
    if at.epoch == stream.epoch:
        return at, False
    cut = stream.cut(at.epoch + 1)
    if at.epoch < stream.first_epoch or cut is None:
        raise Resync(
            "The cursor is older than what is kept of the stream. Fetch the session, and begin anew."
        )
    return (at, False) if at.seq < cut else (Cursor(at.epoch, cut - 1), True)


def opened(
    session: GenerationKey, stream_id: str, *, message_id: str, now: datetime, lease: int, token: bytes
) -> Stream:
    """A stream that begins now."""
    epoch = int(now.timestamp())
    return Stream(
        StreamKey(session, stream_id),
        epoch=epoch,
        first_epoch=epoch,
        message_id=message_id,
        lease_until=timestamp(now + timedelta(seconds=lease)),
        opened_at=timestamp(now),
        token=token,
    )
