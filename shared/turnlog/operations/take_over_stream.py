"""G9: whoever takes a stream over gets the next epoch, and begins with an event that drops the running step.

One transaction moves the epoch, of the stream and of the session's head, and puts that event, `reset-step`,
behind all that is in the table: on the condition that epoch and lease are what was seen. So of two that take
it over one does, and the producer before is refused from then on, whatever it writes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, LeaseHeld, StreamEnded, Unanswered
from turnlog.records.expressions import LIVE, running, update
from turnlog.records.streams import Segment
from turnlog.store.doubt import tells_doubt
from turnlog.store.stream_cache import cached
from turnlog.store.streams import look, with_tail
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.streams import Stream
    from turnlog.store.store import Store

RESET = b'{"type":"reset-step"}'


@tells_doubt
async def take_over_stream(store: Store, key: SessionKey, stream_id: str, *, lease_seconds: int) -> Stream:
    """Take a stream over whose producer's lease is over; the stream as it is then.

    Args:
        lease_seconds: how long it belongs to the caller.

    Raises:
        NotFound: no such session, or no such stream of it.
        LeaseHeld: its producer has its lease, or had it until just now.
        StreamEnded: it has ended.
        Resync: it has ended, and is kept no longer.
        Unavailable: the table refused or did not answer. If the stream was taken over, the lease is held.
    """
    token = store.clock.token()
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head, stream = await look(store, meant, stream_id)
        meant = head.key
        if stream.token == token:
            return stream
        if not stream.open:
            raise StreamEnded(f"The stream has ended: it is {stream.state}.", extra={"state": stream.state})
        now = store.clock.now()
        if now < stream.free_from:
            raise LeaseHeld(
                f"The stream's producer has its lease until {stream.lease_until}. Take the stream over ten"
                " seconds after that.",
                extra={"lease_until": stream.lease_until},
            )
        whole, tail = await with_tail(store, stream)
        reset = Segment(stream.epoch + 1, whole.durable_seq + 1, [RESET])
        after = whole.with_epoch()._replace(
            durable_seq=reset.last,
            size=whole.size + reset.size,
            lease_until=timestamp(now + timedelta(seconds=lease_seconds)),
            token=token,
        )
        try:
            await store.transact(*_writes(head, stream, after, [tail, reset]))
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this stream. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
        else:
            await cached(store, stream.key).reset(after)
            store.counts["streams_taken_over"] += 1
            return after


def _writes(head: Head, stream: Stream, after: Stream, segments: list[Segment]) -> list[dict[str, object]]:
    """The writes that take a stream over. The session's version stays: nothing of what it shows changes."""
    condition, values = running(stream.fence)
    change = update(
        head.key, to={"stream_epoch": after.epoch}, condition=f"{LIVE} AND {condition}", values=values
    )
    moved = stream.moved(after, same=True)
    return [{"Update": change}, moved, *(put for segment in segments for put in segment.puts(stream.key))]
