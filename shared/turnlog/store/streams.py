"""What the operations on streams share: looking at one, and ending one that nobody ends.

G7, G9: a stream whose producer is dead, or does not heed that it was cancelled, is ended by whoever looks at
it. That is one transaction, on the condition that the epoch is what was seen, and for a dead producer the
lease too: so a producer that is alive after all goes on, or is told that the stream has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from turnlog.errors import (
    ConditionFailed,
    Contended,
    Fenced,
    NotFound,
    Resync,
    SequenceGap,
    StreamActive,
    StreamEnded,
    Unanswered,
)
from turnlog.limits import STREAM_LIMIT
from turnlog.records import streams
from turnlog.records.expressions import LIVE, running, touch, update
from turnlog.records.keys import StreamKey
from turnlog.records.streams import Segment, Stream
from turnlog.store.stream_cache import cached

if TYPE_CHECKING:
    from turnlog.errors import Unavailable
    from turnlog.records.expressions import Fence
    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


async def find_stream(store: Store, key: StreamKey) -> Stream | None:
    """A stream's item as it is now; None if there is none."""
    answer = await store.read("GetItem", {"Key": key.item, "ConsistentRead": True})
    return streams.from_item(answer["Item"]) if "Item" in answer else None


async def the_stream(store: Store, key: StreamKey) -> Stream:
    """A stream of a session that is there, as it is now.

    Raises:
        NotFound: there is no such stream.
        Resync: it has ended, and its events are kept no longer.
    """
    stream = await find_stream(store, key)
    if stream is None:
        raise no_stream()
    check_kept(store, stream)
    return stream


async def look(store: Store, key: SessionKey | GenerationKey, stream_id: str) -> tuple[Head, Stream]:
    """The session's head, and one of its streams, which is ended first if it is due to be.

    Raises:
        NotFound: there is no such session, or no such stream of it.
        Resync: it has ended, and its events are kept no longer.
        Unavailable: the table refused or did not answer.
    """
    tries = store.tries()
    while True:
        head = await store.head(key)
        stream = await the_stream(store, StreamKey(head.key, stream_id))
        if (state := stream.due(store.clock.now())) is None:
            return head, stream
        key = head.key
        if error := await end_as(store, head, stream, state):
            await tries.again(error)


async def end_as(store: Store, head: Head, stream: Stream, state: str) -> Unavailable | None:
    """End a stream in the place of its producer; why that may not be done.

    Args:
        head: of the session, as it was read.
        stream: that runs.
        state: as which.
    """
    whole, tail = await with_tail(store, stream)
    after = ended(store, whole, state)
    now = max(store.now(), head.updated_at)
    try:
        await store.transact(
            {
                "Update": update(
                    head.key,
                    to=touch(head.key, now),
                    plus={"version": 1},
                    without=("active_stream", "stream_epoch"),
                    condition=f"{LIVE} AND {running(stream.fence)[0]}",
                    values=running(stream.fence)[1],
                )
            },
            stream.moved(
                after,
                ttl=store.stream_ttl,
                same_lease=True,
            ),
            *tail.puts(stream.key),
        )
    except ConditionFailed:
        return Contended("Others keep changing this stream. Try again.")
    except (Contended, Unanswered) as error:
        return error
    await cached(store, stream.key).ended(stream.epoch)
    if head.active_stream == stream.key.stream_id:
        quiet = head._replace(active_stream=None, stream_epoch=None, version=head.version + 1, updated_at=now)
        await store.cache.changed(quiet)
    store.counts["streams_ended"] += 1
    return None


async def with_tail(store: Store, stream: Stream) -> tuple[Stream, Segment]:
    """The stream with what is in the cache alone, as far as there is room for it; and these events."""
    none = Segment(stream.epoch, stream.durable_seq + 1, [])
    found = await cached(store, stream.key).tail(stream.epoch)
    if found is None or found[0] != stream.key.session.generation or found[1].first > none.first:
        return stream, none
    tail = found[1].behind(stream.durable_seq)
    if not tail.events or stream.size + tail.size > STREAM_LIMIT:
        return stream, none
    return stream._replace(durable_seq=tail.last, size=stream.size + tail.size), tail


def ended(store: Store, stream: Stream, state: str, *, error: str | None = None) -> Stream:
    """A stream after it was ended by another than its producer, which is fenced off by the next epoch."""
    if state == "failed" and error is None:
        error = "The producer's lease was over, and nobody took the stream over."
    after = stream.with_epoch()._replace(state=state, ended_at=store.now())
    return after._replace(error=error if error is not None else after.error)


def check_kept(store: Store, stream: Stream) -> None:
    """Refuse a stream that ended so long ago that its events are kept no longer.

    Raises:
        Resync: it did.
    """
    if stream.expired(store.clock.now(), store.stream_ttl):
        raise Resync(
            "The stream ended, and its events are kept no longer. Fetch the session: its messages are there.",
            extra={"state": stream.state},
        )


def check_running(stream: Stream, epoch: int) -> None:
    """Refuse what the producer of another epoch sends, or sends to a stream that has ended.

    Raises:
        StreamEnded: it has.
        Fenced: the stream is in another epoch.
    """
    if not stream.open:
        raise StreamEnded(f"The stream has ended: it is {stream.state}.", extra={"state": stream.state})
    if stream.epoch != epoch:
        raise Fenced(
            "The stream has another epoch: another producer has taken it over. Stop, and send no more.",
            extra={"epoch": stream.epoch},
        )


def gap(expected: int) -> SequenceGap:
    """The refusal of events that do not follow on those that are there.

    Args:
        expected: the number that the first one would have.
    """
    return SequenceGap(
        f"Events are missing: the next one is number {expected}. Send again from there.",
        extra={"expected": expected},
    )


def no_stream() -> NotFound:
    """The answer for a stream that a session has not."""
    return NotFound("There is no such stream.")


async def refuse_fence(store: Store, head: Head, fence: Fence) -> NoReturn:
    """Say why a producer may not write to a session of this head; see `log.check_fence`."""
    stream = await find_stream(store, StreamKey(head.key, fence.stream_id))
    if stream is None:
        raise no_stream()
    check_running(stream, fence.epoch)
    raise Contended("The stream is changing. Try again.")


async def ended_or_active(store: Store, head: Head, stream_id: str) -> Head:
    """The head after the stream that runs was ended, if it is due to be; see `log.unquiet`."""
    head, stream = await look(store, head.key, stream_id)
    if stream.open:
        raise StreamActive(
            "A stream runs on the session. Wait until it has ended, or cancel it.",
            extra={"stream_id": stream.key.stream_id},
        )
    return head


async def refusing(
    store: Store, key: SessionKey, tried: StreamKey, refused: ConditionFailed, *, known: bool
) -> tuple[StreamKey, Stream | None]:
    """What refused a write to a stream that was made without a look at the session.

    Mostly nothing was deleted under the session's id, so the first generation is tried. What refuses there
    may be of a session that was deleted: then the write is to be tried in another generation.

    Args:
        tried: the stream that was written to.
        refused: the refusal, of which the first write is the stream's.
        known: the session's generation is known by now.

    Returns:
        the stream to write to; and that stream as it is, or None: nothing refused it yet.

    Raises:
        NotFound: there is no such session, or no such stream of it.
    """
    item = refused.items[0]
    if not known:
        head = await store.head(key)
        if head.key != tried.session:
            return StreamKey(head.key, tried.stream_id), None
    if item is None:
        raise no_stream()
    return tried, streams.from_item(item)
