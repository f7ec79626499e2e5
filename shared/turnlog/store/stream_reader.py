"""G9: the events of a stream behind a cursor, in order, each once.

The stream's item says how far the table has them. Up to there they never change, and they lie in segments
whose keys are in their order. A query may find one missing or half written, because it isolates items and not
transactions: then it is made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import Torn
from turnlog.limits import PAYLOAD_LIMIT
from turnlog.records.expressions import attribute
from turnlog.records.streams import Cursor, segments

if TYPE_CHECKING:
    from turnlog.records.item import Item
    from turnlog.records.streams import Segment, Stream
    from turnlog.store.store import Store
    from turnlog.store.stream_cache import StreamCache

_MOST_BYTES = PAYLOAD_LIMIT // 2


class Found(NamedTuple):
    """Events, and behind which place the next ones are.

    Attributes:
        events: the cursor behind each, and its JSON.
    """

    events: list[tuple[Cursor, bytes]]
    at: Cursor


async def read_durable(store: Store, stream: Stream, after: Cursor, limit: int) -> Found:
    """The events behind a cursor that the table has, as many as an answer may hold, at least one.

    Args:
        stream: as the table has it.
        after: where the reader is.
        limit: how many at the most.

    Raises:
        Unavailable: the table refused or did not answer, or events are missing.
    """
    tries = store.tries()
    while True:
        try:
            return await _read(store, stream, after, limit)
        except Torn as error:
            await tries.again(error)


async def read_newest(
    store: Store, stream: Stream, cache: StreamCache | None, after: Cursor, limit: int
) -> Found:
    """The events behind a cursor, those that are in the cache alone as well; see `read_durable`."""
    found = await read_durable(store, stream, after, limit)
    room = limit - len(found.events)
    if cache is None or not cache.there or room <= 0 or found.at.seq < stream.durable_seq:
        return found
    segment = await cache.behind(stream, found.at.seq, room)
    if segment is None or not segment.events:
        return found
    newest = [(Cursor(stream.epoch, segment.first + at), event) for at, event in enumerate(segment.events)]
    return Found([*found.events, *newest], newest[-1][0])


async def _read(store: Store, stream: Stream, after: Cursor, limit: int) -> Found:
    found: list[tuple[Cursor, bytes]] = []
    if after.seq >= stream.durable_seq:
        return Found(found, after)
    key, size, seq = stream.key, 0, after.seq
    query: dict[str, Any] = {
        "KeyConditionExpression": "PK = :session AND SK BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":session": attribute(key.session.partition),
            ":first": key.segment(stream.epoch_of(seq + 1), seq + 1)["SK"],
            # Behind the last one's further parts: `~` sorts after `#`.
            ":last": attribute(f"{key.segment(stream.epoch, stream.durable_seq)['SK']['S']}~"),
        },
        "ConsistentRead": True,
    }
    parts: list[Item] = []
    while True:  # page by page: no more are read than are wanted
        page = await store.read("Query", query)
        for item in page["Items"]:
            parts.append(item)
            if int(item["parts"]["N"]) > len(parts):
                continue
            for segment in segments(parts):
                for at, event in _following(segment, seq):
                    size += len(event)
                    if found and (len(found) == limit or size > _MOST_BYTES):
                        return Found(found, found[-1][0])
                    found.append((at, event))
                    seq = at.seq
            parts = []
        if "LastEvaluatedKey" not in page:
            break
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    if seq < stream.durable_seq or parts:
        raise Torn("Events of the stream are missing.")
    return Found(found, found[-1][0])


def _following(segment: Segment, seq: int) -> list[tuple[Cursor, bytes]]:
    """What of a segment comes after the event of this number.

    Raises:
        Torn: events are missing in between.
    """
    if segment.first > seq + 1:
        raise Torn("Events of the stream are missing.")
    rest = segment.behind(seq)
    return [(Cursor(rest.epoch, rest.first + at), event) for at, event in enumerate(rest.events)]
