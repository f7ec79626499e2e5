"""A producer keeps its stream: each heartbeat moves the end of its lease, and tells whether to stop.

It is one write to the stream's item, on the condition of its epoch: the session is not touched. Where a
producer is silent, its last events may have been in the cache alone for too long. Then a second write puts
them into the table. If that one fails, the next heartbeat or append does it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, Unanswered
from turnlog.operations.append_events import is_due, write_tail
from turnlog.records import streams
from turnlog.records.expressions import attribute
from turnlog.records.keys import StreamKey
from turnlog.records.streams import OPEN, changed
from turnlog.store.doubt import tells_doubt
from turnlog.store.stream_cache import cached
from turnlog.store.streams import check_running, refusing
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.records.streams import Stream
    from turnlog.store.store import Store


@tells_doubt
async def heartbeat_stream(
    store: Store, key: SessionKey, stream_id: str, *, epoch: int, lease_seconds: int
) -> Stream:
    """Keep a stream for so many seconds from now on; the stream afterwards.

    Args:
        epoch: of the producer.

    Raises:
        NotFound: no such session, or no such stream of it.
        StreamEnded: the stream has ended.
        Fenced: another has taken the stream over.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    stream = await _kept(store, key, stream_id, epoch, lease_seconds)
    tail = await cached(store, stream.key).tail(epoch)
    if tail and is_due(store, tail.segment.last, tail.segment.first - 1, tail.segment.size, tail.at):
        with suppress(ConditionFailed, Contended, Unanswered):
            return await write_tail(store, stream, tail)
    return stream


async def _kept(store: Store, key: SessionKey, stream_id: str, epoch: int, lease_seconds: int) -> Stream:
    at, known = StreamKey(key.at(0), stream_id), False  # see `refusing`
    tries = store.tries()
    while True:
        until = timestamp(store.clock.now() + timedelta(seconds=lease_seconds))
        change = changed(
            at,
            {"lease_until": attribute(until)},
            condition="#state = :open AND #epoch = :epoch",
            values={"open": OPEN, "epoch": epoch},
        )
        try:
            answer = await store.write("UpdateItem", {**change, "ReturnValues": "ALL_NEW"})
        except ConditionFailed as refused:
            at, stream = await refusing(store, key, at, refused, known=known)
            known = True
            if stream is None:
                continue
            check_running(stream, epoch)
            await tries.again(Contended("Others keep changing this stream. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
        else:
            return streams.from_item(answer["Attributes"])
