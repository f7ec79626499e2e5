"""G4, G7: what was deleted is removed in many requests; where one fails, the stream calls again.

Of a deleted session everything is removed but its tombstone: first the items, then the objects. These are
found by what their keys begin with, so that objects which no item names go too. Only then does the tombstone
get its TTL, so that an id is never given again while an old item is there. When the tombstone ends, objects
are looked for once more: a writer that was slower than the purge may have left one.

Another session may be begun in the tombstone's place at any time, also while the purge is at work. So a purge
removes what is of the tombstone's generation and of those before it, which is a range of keys, and no key in
it is written again. What else there is, the head and the marker, is written on the condition that the
tombstone is still there. Under a live head, what is of the generations before its own is over. A day after it
was begun, the marker ends, and objects are looked for once more.

A fork that is not whole a day after it was begun becomes a tombstone, and all that was copied is purged.

If a create crashed after it wrote objects, and no session is there when its marker ends, the objects go. The
same when a tombstone ends. Objects that are not a day old then may be those of a create that is under way, so
another marker is put for them.

Of a deleted transcript the past generations are removed. Nothing writes an item to one of these again.

The item of a stream ends when nobody is told any more that there was one. Then its events go. Another stream
may be opened under the id: its epochs are later than those of the events that go.

The item of a job ends a while after the job. Then its result goes, if that is an object. Another job may be
started with the same Idempotency-Key: the keys of its objects sort behind those that go.

A file's marker ends a day after the file was promised, or deleted. Then nobody may begin to send its bytes
any more. Where the bytes have come the file stays, unless it was the body of a request. Else what is there
goes.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended
from turnlog.limits import DELETE_BATCH, SETTLED_DAYS, TOMBSTONE_DAYS
from turnlog.operations.create_session import marking
from turnlog.operations.delete_session import expire_session
from turnlog.operations.fork_session import give_up_fork
from turnlog.records import files, transcripts
from turnlog.records.expressions import attribute, update
from turnlog.records.keys import (
    EXPIRY,
    HEAD,
    JOB_PREFIX,
    LOOK_PREFIX,
    STREAM_PREFIX,
    hook_key,
    parse_file,
    parse_generation,
    parse_job,
    parse_object_generation,
    parse_partition,
    parse_segment_sort_key,
    parse_stream,
    parse_transcript,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.keys import FileKey, GenerationKey, JobKey, SessionKey, StreamKey, TranscriptKey
    from turnlog.store.store import Store

# So an object that is older was put before the tombstone ended, and is not of a session that was created
# under the id since.
_SETTLED = timedelta(days=SETTLED_DAYS)


async def work_off(store: Store, key: Item) -> None:
    """Do what a record of the stream asks for, by the primary key of the item that it is about.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    session, sort_key = parse_partition(key["PK"]["S"]), key["SK"]["S"]
    if sort_key == HEAD:
        await purge_session(store, session)
    elif sort_key == EXPIRY:
        await _look_again(store, session)
    elif parse_generation(sort_key)[1].startswith(LOOK_PREFIX):
        await purge_file(store, parse_file(key))
    elif parse_generation(sort_key)[1].startswith(STREAM_PREFIX):
        await purge_stream(store, parse_stream(key))
    elif parse_generation(sort_key)[1].startswith(JOB_PREFIX):
        await purge_job(store, parse_job(key))
    else:
        await purge_transcript(store, parse_transcript(key))


async def purge_session(store: Store, key: SessionKey) -> None:
    """Remove what deleted sessions of this id left; if none is there now, let the tombstone end.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    head = await store.find_head(key)
    if head is None:
        await _remove_settled(store, key)
        return
    if head.forking:
        return
    if head.live:
        if head.key.generation:
            await _remove_before(store, head.key)
        return
    await store.cache.drop(head.key, head)
    marked = await _remove_before(store, head.key.next)
    await _let_end(store, head, marked=marked)


async def _remove_before(store: Store, end: GenerationKey) -> bool:
    """Remove all items and objects of the generations before this one; whether there is a marker."""
    found = await _remove_items(
        store,
        {
            "KeyConditionExpression": "PK = :session AND SK < :end",
            "ExpressionAttributeValues": {
                ":session": attribute(end.partition),
                ":end": attribute(end.first),
            },
        },
    )
    await _remove_objects(store, end.session.objects, before=end.objects)
    return EXPIRY in found


async def _look_again(store: Store, key: SessionKey) -> None:
    """What a marker asks for when it ends: see the module, and `expire_session`."""
    head = await store.find_head(key)
    if head is None:
        await _remove_settled(store, key)
        return
    if head.forking:
        await give_up_fork(store, head)
    if not head.live:
        return
    if head.key.generation:
        await _remove_before(store, head.key)
    await expire_session(store, head)


async def _remove_settled(store: Store, key: SessionKey) -> None:
    """Where there is no session, remove the objects that are left of one that ended, or was never created.

    If some are too young for that, a marker asks for them again.
    """
    settled = store.clock.now() - _SETTLED
    if await _remove_objects(store, key.objects, lambda _, since: since < settled):
        with suppress(ConditionFailed):  # a session was begun meanwhile: they go with it
            await store.repeated(lambda: store.transact(*marking(store, key)))


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


async def purge_file(store: Store, key: FileKey) -> None:
    """Remove what is left of a file that was deleted, whose bytes did not come, or that was a body.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    if (bucket := store.objects) is None:
        return
    found = await store.read("GetItem", {"Key": key.item, "ConsistentRead": True})
    if "Item" in found:
        if not files.from_item(found["Item"]).body and await store.repeated(
            lambda: bucket.has(key.object_key)
        ):
            return
        await _remove(store, [{"DeleteRequest": {"Key": key.item}}])
    await store.repeated(lambda: bucket.delete(key.object_key))


async def purge_stream(store: Store, key: StreamKey) -> None:
    """Remove the events of a stream that is forgotten.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    query = {
        "KeyConditionExpression": "PK = :session AND SK BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":session": attribute(key.session.partition),
            ":first": key.segment(0, 0)["SK"],
            ":last": key.segment(10**16 - 1, 0)["SK"],
        },
        "ProjectionExpression": "PK, SK",
        "ConsistentRead": True,
    }
    found = [item async for item in store.query(query)]
    from turnlog.store.streams import find_stream  # noqa: PLC0415 (of most sessions nothing else goes)

    # Only now: what another stream has put by now is of an epoch that is seen here.
    there = await find_stream(store, key)
    gone = [one for one in found if not there or _epoch(one) < there.first_epoch]
    for at in range(0, len(gone), DELETE_BATCH):
        await _remove(store, [{"DeleteRequest": {"Key": one}} for one in gone[at : at + DELETE_BATCH]])


async def purge_job(store: Store, key: JobKey) -> None:
    """Remove the result of a job that is forgotten, where that is an object.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    if (bucket := store.objects) is None:
        return
    found = await store.repeated(lambda: bucket.list(key.results, ""))
    from turnlog.store.jobs import find_job  # noqa: PLC0415 (as in `purge_stream`)

    # Only now: what another job has put by now sorts behind what is seen here.
    there = await find_job(store, key)
    for name in sorted(found):
        if there is None or name < there.since:
            await store.repeated(lambda name=name: bucket.delete(name))  # type: ignore[misc]
            store.counts["objects_purged"] += 1


def _epoch(segment: Item) -> int:
    return parse_segment_sort_key(segment["SK"]["S"])[0]


async def _remove_items(store: Store, query: Mapping[str, Any]) -> set[str]:
    """Remove the items that a Query finds, but for those of no generation; the sort keys of these."""
    due: list[dict[str, Any]] = []
    kept: set[str] = set()
    asked = {**query, "ProjectionExpression": "PK, SK, hook", "ConsistentRead": True}
    async for item in store.query(asked):
        if item["SK"]["S"] in {HEAD, EXPIRY}:
            kept.add(item["SK"]["S"])
        else:
            if hook := item.pop("hook", None):  # of a job: it lies in a partition of its own
                # First, and by itself: once the job is gone, nothing names it.
                await _remove(store, [{"DeleteRequest": {"Key": hook_key(hook["S"])}}])
            due.append({"DeleteRequest": {"Key": item}})
        if len(due) >= DELETE_BATCH:
            await _remove(store, due[:DELETE_BATCH])
            due = due[DELETE_BATCH:]
    if due:
        await _remove(store, due)
    return kept


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
    store: Store, prefix: str, due: Callable[[str, datetime], bool] = lambda *_: True, *, before: str = ""
) -> bool:
    """Remove the objects whose keys begin so, if they are due by their keys and by when they were put.

    Args:
        before: only those whose keys sort before this, if it is given; no others are looked at.

    Returns:
        whether others are left.
    """
    if (objects := store.objects) is None:
        return False
    found = await store.repeated(lambda: objects.list(prefix, before))
    gone = sorted(name for name, since in found.items() if due(name, since))
    for name in gone:
        await store.repeated(lambda name=name: objects.delete(name))  # type: ignore[misc]
        store.counts["objects_purged"] += 1
    return len(gone) < len(found)


async def _let_end(store: Store, head: Head, *, marked: bool) -> None:
    ends = int((store.clock.now() + timedelta(days=TOMBSTONE_DAYS)).timestamp())
    ending = update(head.key, to={"expires_at": ends}, condition="attribute_exists(#deleted_at)")
    # Where it has gone meanwhile, another purge was first, or another session is begun.
    with suppress(ConditionFailed):
        if marked:
            unmarked = {"Delete": {"Key": head.key.session.expiry}}
            await store.repeated(lambda: store.transact({"Update": ending}, unmarked))
        else:
            await store.read("UpdateItem", ending)
