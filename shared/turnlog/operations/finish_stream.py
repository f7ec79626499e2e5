"""G9, G1, G7: a stream ends together with what it said: one transaction puts its messages and ends it.

The transaction moves the session's head as an append does, and takes the stream off it; ends the stream, on
the condition of its epoch and of what comes before the last events; and puts these events and the messages.
So a reader that is told that the stream has ended finds its messages in the log.

What ended the stream is kept with it, as a digest of the request. By that a repeat is known, and gets the
first answer. Another end than that is refused: the first one stands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import ConditionFailed, Contended, SequenceGap, StreamEnded, Unanswered
from turnlog.limits import TRANSACTION_ITEMS
from turnlog.operations.append_events import check_room, check_size, joined
from turnlog.operations.append_messages import find_present, replaced_fields
from turnlog.operations.create_session import check_objects
from turnlog.records import ring
from turnlog.records.keys import StreamKey
from turnlog.records.streams import Segment
from turnlog.store.doubt import tells_doubt
from turnlog.store.large import LargeMessages
from turnlog.store.leftover import clear_leftover
from turnlog.store.log import advanced, head_update, puts, with_message_ids
from turnlog.store.store import LogMoved
from turnlog.store.stream_cache import cached
from turnlog.store.streams import check_running, gap, newest, the_stream
from turnlog.wire import digest, dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.messages import Stored
    from turnlog.records.streams import Stream
    from turnlog.store.store import Store

Fields = dict[str, Any]


class End(NamedTuple):
    """How a producer ends its stream.

    Attributes:
        state: as which.
        messages: what it said, at most 90.
        usage: tokens to add to the session's sum; without a new message, none are.
        title: replaces the session's, as do the objects in `fields`.
        error: what went wrong.
        first: the number of the first of the last events.
        events: JSON of each of these.
    """

    state: str
    messages: Sequence[Fields] = ()
    usage: Mapping[str, int] | None = None
    title: str | None = None
    fields: Mapping[str, Any] | None = None
    error: str | None = None
    first: int | None = None
    events: Sequence[bytes] = ()

    def digest(self, epoch: int) -> str:
        """What is equal for the same end alone."""
        said = self._asdict() | {"events": [event.decode() for event in self.events]}
        return digest([epoch, json.loads(dumps(said))]).hex()


class Finished(NamedTuple):
    """A stream that has ended, and what its end made of the session.

    Attributes:
        answer: `first_sequence`, `last_sequence`, `message_count`, `version`.
        replayed: it had ended so before.
    """

    stream: Stream
    answer: dict[str, Any]
    replayed: bool


@tells_doubt
async def finish_stream(store: Store, key: SessionKey, stream_id: str, *, epoch: int, end: End) -> Finished:
    """End a stream with its messages.

    Args:
        epoch: of the producer.

    Raises:
        NotFound: no such session, or no such stream of it.
        StreamEnded: the stream has ended otherwise.
        Fenced: another has taken the stream over.
        SequenceGap: events are missing before the last ones.
        MessageIdReused: an id is taken by a message with other content.
        TooLarge: the events, a message, all of them together, or the objects.
        Resync: the stream has ended, and is kept no longer.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    check_size(end.events)
    large = LargeMessages(store, key)
    named = [{"stream_id": stream_id, **fields} for fields in end.messages]
    work = _finish(large, stream_id, epoch, end, with_message_ids(store, named))
    return await large.settled(work)


async def _finish(
    large: LargeMessages, stream_id: str, epoch: int, end: End, new: Sequence[Fields]
) -> Finished:
    store = large.store
    ids = [fields["message_id"] for fields in new]
    said, token = end.digest(epoch), store.clock.token()
    replaced = replaced_fields(store, end.title, end.fields)
    meant: SessionKey | GenerationKey = large.key
    head: Head | None = None
    tries = store.tries()
    while True:
        head = head or await store.head(meant)
        meant = head.key
        stream = await the_stream(store, StreamKey(head.key, stream_id))
        if not stream.open:
            return _known(stream, said, replayed=stream.token != token)
        check_running(stream, epoch)
        segment = await _last(store, stream, end)
        try:
            present = await find_present(
                store, head, new, ring.candidates(head.ring, head.message_count, ids, {}, {})
            )
        except LogMoved as moved:
            head = moved.head
            continue
        missing = [fields for fields in new if fields["message_id"] not in present]
        usage = end.usage if missing else None
        events = segment.puts(stream.key)
        room = TRANSACTION_ITEMS - 2 - len(events)  # without the head's and the stream's
        beside = sum(len(put["Put"]["Item"]["data"]["B"]) for put in events)
        after, stored = advanced(store, head, missing, usage, large, room=room, beside=beside)
        after = after._replace(active_stream=None, stream_epoch=None, **replaced)
        check_objects(head, after)
        await large.put(stored)
        answer = _answer(after, [*present.values(), *stored])
        ended = _ended(store, stream, segment, end, {**answer, "said": said})._replace(token=token)
        try:
            await clear_leftover(store, head)
            await large.transact(
                stored,
                head_update(head, after, same_version=bool(replaced), replaced=replaced, fence=stream.fence),
                stream.moved(ended, ttl=store.stream_ttl, same=True),
                *events,
                *puts(head.key, stored),
            )
        except ConditionFailed as refused:
            store.counts["conflicts"] += 1
            head = await store.refusing_head(meant, refused)
            await tries.again(Contended("Others keep changing this session. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
            head = None
        else:
            await store.cache.appended(after, stored)
            await cached(store, stream.key).ended(epoch)
            store.counts["streams_ended"] += 1
            store.counts["appends"] += len(stored)
            return Finished(ended, answer, replayed=False)


def _known(stream: Stream, said: str, *, replayed: bool) -> Finished:
    """The first answer, if the stream was ended so.

    Raises:
        StreamEnded: it was ended otherwise.
    """
    result = json.loads(stream.result) if stream.result else {}
    if result.pop("said", None) != said:
        raise StreamEnded(f"The stream has ended: it is {stream.state}.", extra={"state": stream.state})
    return Finished(stream, result, replayed)


async def _last(store: Store, stream: Stream, end: End) -> Segment:
    """The last events, as far as they are not in the table: those in the cache alone, and those of the end.

    Raises:
        SequenceGap: events are missing before them. Or they may be: the cache has lost some, or does not
            tell, and the producer does not say how many there were.
        TooLarge: the stream has no room for them.
    """
    tail, whole = await newest(store, stream)
    first = tail.last + 1 if end.first is None else end.first
    if not whole and (end.first is None or first > tail.last + 1):
        # Nothing is believed of the cache until the next append: what is sent again is not taken for what is
        # there, and this end, if it is sent again as it is, does not pass for one of an empty cache.
        await cached(store, stream.key).ended(stream.epoch)
        raise SequenceGap(
            f"The cache may have lost events: the table has {stream.durable_seq}. Send those behind it again,"
            " and name in first_seq the number that comes behind the last one.",
            extra={"expected": stream.durable_seq + 1},
        )
    if first > tail.last + 1:
        raise gap(tail.last + 1)
    # It may overlap with what is there: no event that was acknowledged is cut off for that.
    last = Segment(stream.epoch, first, list(end.events)).behind(stream.durable_seq)
    segment = joined(tail, last)
    if segment.size > tail.size:  # what was acknowledged has room
        check_room(stream, segment)
    return segment


def _answer(after: Head, stored: Sequence[Stored]) -> dict[str, Any]:
    sequences = [message.sequence for message in stored]
    return {
        "first_sequence": min(sequences, default=None),
        "last_sequence": max(sequences, default=None),
        "message_count": after.message_count,
        "version": after.version,
    }


def _ended(store: Store, stream: Stream, segment: Segment, end: End, result: Mapping[str, Any]) -> Stream:
    return stream._replace(
        state=end.state,
        ended_at=store.now(),
        durable_seq=max(stream.durable_seq, segment.last),
        size=stream.size + segment.size,
        error=end.error,
        result=dumps(result).decode(),
    )
