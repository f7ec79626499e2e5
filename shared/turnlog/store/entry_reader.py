"""A transcript's entries are read by the batches in which they were appended, one batch at a time (G8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NoSuchObject, Torn
from turnlog.records.batches import decode
from turnlog.records.expressions import attribute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from turnlog.records.batches import Batch
    from turnlog.records.item import Item
    from turnlog.records.transcripts import Transcript
    from turnlog.store.store import Store

_BETWEEN = "PK = :session AND SK BETWEEN :first AND :last"


async def containing(store: Store, head: Transcript, position: int) -> Batch:
    """The batch in which the entry at a position lies.

    Raises:
        Torn: it is not there: the transcript was deleted meanwhile.
        Unavailable: the table or the bucket did not answer.
    """
    page = await store.read("Query", {**_range(head, 0, position), "ScanIndexForward": False, "Limit": 1})
    for item in page["Items"][:1]:
        if (batch := await _read(store, item)).end > position:
            return batch
    raise _missing()


async def read_batches(store: Store, head: Transcript, first: int, end: int) -> AsyncIterator[Batch]:
    """The batches in which the entries from `first` to before `end` lie, in order.

    Raises:
        Torn: one is not there: the transcript was deleted meanwhile.
        Unavailable: the table or the bucket did not answer.
    """
    at = first
    if 0 < first < end:
        yield (batch := await containing(store, head, first))
        at = batch.end
    if at >= end:
        return
    async for item in store.query(_range(head, at, end - 1)):
        batch = await _read(store, item)
        if batch.first != at:
            break
        yield batch
        at = batch.end
    if at < end:
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


async def _read(store: Store, item: Item) -> Batch:
    if "data" in item:
        return decode(item, bytes(item["data"]["B"]))
    bucket = store.bucket()
    try:
        data = await store.repeated(lambda: bucket.get(item["object"]["S"]))
    except NoSuchObject as error:
        raise _missing() from error
    return decode(item, data)
