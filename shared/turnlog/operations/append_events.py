"""G9: a batch of events is appended at its numbers, once, by the producer that owns the stream.

One transaction puts the batch as a segment and moves the stream's `durable_seq`, if that is what comes before
the batch, and the epoch is the producer's. When it is refused, the refusal brings the stream's item, which
tells why:

| the stream | the batch |
|---|---|
| has ended, or has another epoch | is refused |
| has all of it | is there already: it was sent again |
| has a part of it | the rest is appended |
| lacks what comes before it | is refused, with the number that is due |
| was cancelled | is appended by a second try, and the answer says so |

It is appended without a look at the session: a deleted session's stream has ended, in the same transaction.

Where there is a cache, a batch goes there alone (`store.stream_cache`), and into the table when five seconds
or 64 KB of events are in the cache alone, when it ends a step, or when the producer asks for it. While the
cache does not answer, each batch goes into the table.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import ConditionFailed, Contended, SequenceGap, TooLarge, Unanswered
from turnlog.limits import EVENTS_LIMIT, SEGMENT_BYTES, SEGMENT_SECONDS, STREAM_LIMIT
from turnlog.records.expressions import attribute
from turnlog.records.keys import StreamKey
from turnlog.records.streams import OPEN, Segment, Stream, changed
from turnlog.store.doubt import tells_doubt
from turnlog.store.stream_cache import StreamCache
from turnlog.store.streams import check_running, gap, refusing, the_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store
    from turnlog.store.stream_cache import Held


class EventsAppended(NamedTuple):
    """What an append of events is answered.

    Attributes:
        seq: the number of the last event of the stream.
        durable_seq: of the last one that is in the table.
        cancel: who asked to cancel the stream, if anybody did.
        replayed: nothing was new.
    """

    seq: int
    durable_seq: int
    cancel: dict[str, Any] | None
    replayed: bool


@tells_doubt
async def append_events(
    store: Store,
    key: SessionKey,
    stream_id: str,
    *,
    epoch: int,
    first: int,
    events: Sequence[bytes],
    flush: bool,
) -> EventsAppended:
    """Append a batch of events to a stream.

    Args:
        epoch: of the producer.
        first: the number of the first event.
        events: JSON of each, 1 to 500.
        flush: they have to be in the table.

    Raises:
        NotFound: no such session, or no such stream of it.
        StreamEnded: the stream has ended.
        Fenced: another has taken the stream over.
        SequenceGap: events are missing before these.
        TooLarge: the batch, or the stream with it.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    check_size(events)
    segment = Segment(epoch, first, list(events))
    cache = StreamCache(store, key, stream_id)
    if not cache.there:
        return await _to_table(store, key, stream_id, segment)
    if flush:
        return await _through(store, cache, key, stream_id, segment)
    held = await _to_cache(store, cache, key, stream_id, segment)
    if held is None:
        return await _to_table(store, key, stream_id, segment)
    now = store.clock.now().timestamp()
    if held.seq > held.base and (held.bytes >= SEGMENT_BYTES or now - held.at >= SEGMENT_SECONDS):
        done = await _through(store, cache, key, stream_id, segment)
        return done._replace(replayed=held.word == "DUP")
    store.counts["events"] += len(events)
    return EventsAppended(held.seq, held.base, _asked(held), replayed=held.word == "DUP")


def _asked(held: Held) -> dict[str, Any] | None:
    """Who asked to cancel the stream, as far as the cache knows."""
    try:
        asked: dict[str, Any] | None = json.loads(held.cancel) if held.cancel else None
    except ValueError:  # it is damaged; the table tells with the next heartbeat
        return None
    return asked


async def _to_cache(
    store: Store, cache: StreamCache, key: SessionKey, stream_id: str, segment: Segment
) -> Held | None:
    """Append a batch to what the cache has; None: that is for the table.

    Where the cache has lost the stream, or is behind the table, it begins anew behind what the table has.

    Raises:
        NotFound, StreamEnded, Fenced, SequenceGap: see `append_events`.
    """
    for _ in range(2):
        held = await cache.append(segment.epoch, segment.first, segment.events)
        if held is None or held.word in {"OK", "DUP"}:
            return held
        head = await store.head(key)
        stream = await the_stream(store, StreamKey(head.key, stream_id))
        check_running(stream, segment.epoch)
        if held.word == "GAP" and held.seq > stream.durable_seq:
            raise gap(held.seq)
        await cache.reset(stream)
    return None


async def _through(
    store: Store, cache: StreamCache, key: SessionKey, stream_id: str, segment: Segment
) -> EventsAppended:
    """Append a batch to the table, with what is in the cache alone before it; then to the cache."""
    tail = await cache.tail(segment.epoch)
    whole = joined(tail[1] if tail else None, segment)
    try:
        done = await _to_table(store, key, stream_id, whole)
    except SequenceGap as error:
        if tail and tail[1].first <= error.extra["expected"] <= tail[1].last:
            raise gap(tail[1].last + 1) from None  # what comes before that is in the cache
        raise
    if tail:
        await cache.append(segment.epoch, segment.first, segment.events)
        await cache.moved(segment.epoch, done.durable_seq, tail[0])
    return done


def joined(tail: Segment | None, segment: Segment) -> Segment:
    """A batch with the events that come before it; the batch alone, if they do not reach up to it."""
    if tail is None or not tail.first <= segment.first <= tail.last + 1:
        return segment
    before = tail.events[: segment.first - tail.first]
    after = tail.events[segment.last + 1 - tail.first :]
    return Segment(segment.epoch, tail.first, [*before, *segment.events, *after])


async def _to_table(store: Store, key: SessionKey, stream_id: str, segment: Segment) -> EventsAppended:
    """Append a batch to the table; raises as `append_events` does."""
    at, known = StreamKey(key.at(0), stream_id), False  # see `refusing`
    cancelled: Stream | None = None
    tries = store.tries()
    while True:
        try:
            await store.transact(*_writes(at, segment, cancelled))
        except ConditionFailed as refused:
            at, stream = await refusing(store, key, at, refused, known=known)
            known = True
            if stream is None:
                continue
            check_running(stream, segment.epoch)
            if stream.durable_seq >= segment.last:
                replayed = tries.unanswered is None
                return EventsAppended(stream.durable_seq, stream.durable_seq, stream.asked(), replayed)
            if stream.durable_seq < segment.first - 1:
                raise gap(stream.durable_seq + 1) from None
            check_room(stream, segment)
            if stream.durable_seq < segment.first and (stream.cancel is None or cancelled):
                # The item was not what refused it.
                await tries.again(Contended("Others keep changing this stream. Try again."))
            segment = segment.behind(stream.durable_seq)
            cancelled = stream if stream.cancel is not None else None
        except (Contended, Unanswered) as error:
            await tries.again(error)
        else:
            store.counts["events"] += len(segment.events)
            asked = cancelled.asked() if cancelled else None
            return EventsAppended(segment.last, segment.last, asked, replayed=False)


def check_size(events: Sequence[bytes]) -> None:
    """Refuse a batch that is too large.

    Raises:
        TooLarge: it is.
    """
    if (size := sum(map(len, events))) > EVENTS_LIMIT:
        raise TooLarge(
            f"A batch of events is at most {EVENTS_LIMIT} bytes; this one has {size}. Send fewer at once; of"
            " a large result send a file, and name that in the event."
        )


def check_room(stream: Stream, segment: Segment) -> None:
    """Refuse a batch for which the stream has no room.

    Raises:
        TooLarge: it has none.
    """
    if stream.size + segment.size > STREAM_LIMIT:
        raise TooLarge(
            f"A stream's events are at most {STREAM_LIMIT} bytes together. Finish this stream, and open"
            " another one."
        )


def _writes(key: StreamKey, segment: Segment, cancelled: Stream | None) -> list[dict[str, Any]]:
    """The writes that append a segment.

    Args:
        cancelled: the stream, if it is known that somebody asked to cancel it.
    """
    condition = "#state = :open AND #epoch = :epoch AND #durable_seq = :before AND #size <= :room"
    if cancelled is None:
        condition += " AND attribute_not_exists(#cancel)"
    change = changed(
        key,
        {"durable_seq": attribute(segment.last)},
        plus={"size": segment.size},
        condition=condition,
        values={
            "open": OPEN,
            "epoch": segment.epoch,
            "before": segment.first - 1,
            "room": STREAM_LIMIT - segment.size,
        },
    )
    return [{"Update": change}, *segment.puts(key)]
