"""A transcript's entries are read by the batches in which they were appended, one batch at a time (G8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NoSuchObject, TooLarge, Torn
from turnlog.limits import PAYLOAD_LIMIT
from turnlog.records.batches import decode, oversize
from turnlog.records.expressions import attribute
from turnlog.records.keys import parse_batch_sort_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from turnlog.records.batches import Batch
    from turnlog.records.item import Item
    from turnlog.records.transcripts import Transcript
    from turnlog.store.store import Store

_BETWEEN = "PK = :session AND SK BETWEEN :first AND :last"


async def containing(store: Store, head: Transcript, position: int, *, oversized: bool = True) -> Batch:
    """The batch in which the entry at a position lies.

    Raises:
        TooLarge: see `read_batches`.
        Torn: it is not there: the transcript was deleted meanwhile.
        Unavailable: the table or the bucket did not answer.
    """
    page = await store.read("Query", {**_range(head, 0, position), "ScanIndexForward": False, "Limit": 1})
    for item in page["Items"][:1]:
        if (batch := await _read(store, item, oversized=oversized)).end > position:
            return batch
    raise _missing()


async def read_batches(
    store: Store, head: Transcript, first: int, end: int, *, oversized: bool = True
) -> AsyncIterator[Batch]:
    """The batches in which the entries from `first` to before `end` lie, in order.

    Args:
        oversized: also those of one entry that no answer holds. If not, such a one is not fetched.

    Raises:
        Torn: one is not there: the transcript was deleted meanwhile.
        TooLarge: the next one is of an entry that no answer holds, and is not wanted.
        Unavailable: the table or the bucket did not answer.
    """
    at = first
    if 0 < first < end:
        yield (batch := await containing(store, head, first, oversized=oversized))
        at = batch.end
    if at >= end:
        return
    async for item in store.query(_range(head, at, end - 1)):
        batch = await _read(store, item, oversized=oversized)
        if batch.first != at:
            break
        yield batch
        at = batch.end
    if at < end:
        raise _missing()


async def object_of(store: Store, head: Transcript, position: int) -> tuple[str, int] | None:
    """The object of an entry that no answer holds, and the entry's bytes; None if the item has the entry.

    Raises:
        Torn: it is not there: the transcript was deleted meanwhile.
        Unavailable: the table did not answer.
    """
    page = await store.read("Query", {**_range(head, position, position), "Limit": 1})
    for item in page["Items"]:
        size = oversize(item)
        return (item["object"]["S"], size) if size and "object" in item else None
    raise _missing()


def _missing() -> Torn:
    return Torn("Entries are missing: the transcript was deleted meanwhile, or an object of it is lost.")


def _range(head: Transcript, first: int, last: int) -> dict[str, object]:
    """The parameters of a Query for the batches that begin between two positions."""
    key = head.key
    return {
        "KeyConditionExpression": _BETWEEN,
        "ExpressionAttributeValues": {
            ":session": attribute(key.session.partition),
            ":first": attribute(key.batch_sort_key(head.generation, first)),
            ":last": attribute(key.batch_sort_key(head.generation, last)),
        },
        "ConsistentRead": True,
    }


async def _read(store: Store, item: Item, *, oversized: bool) -> Batch:
    if (size := oversize(item)) and not oversized:
        raise _no_answer_holds(parse_batch_sort_key(item["SK"]["S"]), size)
    if "data" in item:
        return decode(item, bytes(item["data"]["B"]))
    bucket = store.bucket()
    try:
        data = await store.repeated(lambda: bucket.get(item["object"]["S"]))
    except NoSuchObject as error:
        raise _missing() from error
    return decode(item, data)


def _no_answer_holds(position: int, size: int) -> TooLarge:
    return TooLarge(
        f"The entry at position {position} takes {size} bytes, and an answer holds {PAYLOAD_LIMIT}. A program"
        f" that works on the table reads it; after={position} reads on behind it.",
        extra={"position": position},
    )
