"""A stream is cancelled by a flag in its item, which its producer is told with its next append or heartbeat.

The producer then says its last, and finishes the stream. If it does not, the stream is ended fifteen seconds
later, by whoever looks at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, Unanswered
from turnlog.records import streams
from turnlog.records.expressions import attribute
from turnlog.records.streams import OPEN, changed
from turnlog.store.doubt import tells_doubt
from turnlog.store.stream_cache import cached
from turnlog.store.streams import look
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.streams import Stream
    from turnlog.store.store import Store


@tells_doubt
async def cancel_stream(
    store: Store, key: SessionKey, stream_id: str, *, reason: str | None = None
) -> Stream:
    """Ask a stream's producer to end it; the stream as it is, which may have ended before.

    Args:
        reason: for the producer.

    Raises:
        NotFound: no such session, or no such stream of it.
        Resync: it has ended, and is kept no longer.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head, stream = await look(store, meant, stream_id)
        meant = head.key
        if not stream.open or stream.cancel is not None:
            return stream
        asked = dumps({"reason": reason, "asked_at": store.now()}, "body", "reason").decode()
        change = changed(
            stream.key,
            {"cancel": attribute(asked)},
            condition="#state = :open AND attribute_not_exists(#cancel)",
            values={"open": OPEN},
        )
        try:
            answer = await store.write("UpdateItem", {**change, "ReturnValues": "ALL_NEW"})
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this stream. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
        else:
            await cached(store, stream.key).cancelled(stream.epoch, asked)
            return streams.from_item(answer["Attributes"])
