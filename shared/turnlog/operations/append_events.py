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
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import ConditionFailed, Contended, TooLarge, Unanswered
from turnlog.limits import EVENTS_LIMIT, STREAM_LIMIT
from turnlog.records.expressions import attribute
from turnlog.records.keys import StreamKey
from turnlog.records.streams import OPEN, Segment, Stream, changed
from turnlog.store.doubt import tells_doubt
from turnlog.store.streams import check_running, gap, refusing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store


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
) -> EventsAppended:
    """Append a batch of events to a stream.

    Args:
        epoch: of the producer.
        first: the number of the first event.
        events: JSON of each, 1 to 500.

    Raises:
        NotFound: no such session, or no such stream of it.
        StreamEnded: the stream has ended.
        Fenced: another has taken the stream over.
        SequenceGap: events are missing before these.
        TooLarge: the batch, or the stream with it.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    check_size(events)
    at, known = StreamKey(key.at(0), stream_id), False  # see `refusing`
    segment = Segment(epoch, first, list(events))
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
            check_running(stream, epoch)
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
