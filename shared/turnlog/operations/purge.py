"""G4, G7: what was deleted is removed in many requests; where one fails, the stream calls again.

Of a deleted session everything is removed but its tombstone: first the items, then the objects. These are
found by what their keys begin with, so that objects which no item names go too. Only then does the tombstone
get its TTL, so that an id is never given again while an old item is there. When the tombstone ends, objects
are looked for once more: a writer that was slower than the purge may have left one.

Of a deleted transcript the past generations are removed. Nothing writes an item to one of these again.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended
from turnlog.limits import DELETE_BATCH, TOMBSTONE_DAYS
from turnlog.operations.delete_session import expire_session
from turnlog.records import transcripts
from turnlog.records.expressions import attribute, update
from turnlog.records.keys import (
    EXPIRY,
    HEAD,
    TRANSCRIPT_PREFIX,
    TranscriptKey,
    parse_object_generation,
    parse_partition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store

# A record of the stream is at most a day old. So an object that is older was put before the tombstone
# ended, and is not of a session that was created under the id since.
_SETTLED = timedelta(days=1)


async def work_off(store: Store, key: Item) -> None:
    """Do what a record of the stream asks for, by the primary key of the item that it is about.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    session, sort_key = parse_partition(key["PK"]["S"]), key["SK"]["S"]
    if sort_key == HEAD:
        await purge_session(store, session)
    elif sort_key == EXPIRY:
        await expire_session(store, session)
    else:
        await purge_transcript(store, TranscriptKey(session, sort_key.removeprefix(TRANSCRIPT_PREFIX)))


async def purge_session(store: Store, key: SessionKey) -> None:
    """Remove what a deleted session left, then let its tombstone end. Does nothing to a live session.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    head = await store.find_head(key)
    if head is None:
        settled = store.clock.now() - _SETTLED
        await _remove_objects(store, key.objects, lambda _, since: since < settled)
        return
    if head.live:
        return
    await store.cache.drop(key, head)
    await _remove_items(
        store,
        {
            "KeyConditionExpression": "PK = :session",
            "ExpressionAttributeValues": {":session": attribute(key.partition)},
        },
    )
    await _remove_objects(store, key.objects)
    await _let_end(store, head)


async def purge_transcript(store: Store, key: TranscriptKey) -> None:
    """Remove what a transcript's past generations left.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    head = await store.find_transcript(key)
    if head is None:
        return  # the session's purge was here
    current = transcripts.begun(key, head).generation
    await _remove_items(
        store,
        {
            "KeyConditionExpression": "PK = :session AND SK BETWEEN :first AND :current",
            "ExpressionAttributeValues": {
                ":session": attribute(key.session.partition),
                ":first": attribute(key.batch_sort_key(0)),
                # It sorts before each batch of the current generation.
                ":current": attribute(key.batch_sort_key(current)),
            },
        },
    )
    await _remove_objects(store, key.objects, lambda name, _: parse_object_generation(key, name) < current)


async def _remove_items(store: Store, query: Mapping[str, Any]) -> None:
    """Remove the items that a Query finds, but for a head."""
    due: list[dict[str, Any]] = []
    asked = {**query, "ProjectionExpression": "PK, SK", "ConsistentRead": True}
    async for item in store.query(asked):
        if item["SK"]["S"] != HEAD:
            due.append({"DeleteRequest": {"Key": item}})
        if len(due) == DELETE_BATCH:
            await _remove(store, due)
            due = []
    if due:
        await _remove(store, due)


async def _remove(store: Store, requests: list[dict[str, Any]]) -> None:
    due = len(requests)
    tries = store.tries()
    while True:
        answer = await store.read("BatchWriteItem", {"RequestItems": {store.table.name: requests}})
        requests = answer.get("UnprocessedItems", {}).get(store.table.name, [])
        if not requests:
            store.counts["items_purged"] += due
            return
        await tries.again(Contended("The database is busy. Try again."))


async def _remove_objects(
    store: Store, prefix: str, due: Callable[[str, datetime], bool] = lambda *_: True
) -> None:
    """Remove the objects whose keys begin so, if they are due by their keys and by when they were put."""
    if (objects := store.objects) is None:
        return
    found = await store.repeated(lambda: objects.list(prefix))
    for name in sorted(name for name, since in found.items() if due(name, since)):
        await store.repeated(lambda name=name: objects.delete(name))  # type: ignore[misc]
        store.counts["objects_purged"] += 1


async def _let_end(store: Store, head: Head) -> None:
    ends = int((store.clock.now() + timedelta(days=TOMBSTONE_DAYS)).timestamp())
    # Where it has gone meanwhile, another purge was first.
    with suppress(ConditionFailed):
        await store.read(
            "UpdateItem",
            update(head.key.head, to={"expires_at": ends}, condition="attribute_exists(#deleted_at)"),
        )
