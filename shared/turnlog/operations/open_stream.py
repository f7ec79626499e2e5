"""G9, G7: a stream is opened in one transaction with the session's head, which names the one that runs.

So of two that are opened at once one is first. The other one is refused, or ends the first in the same
transaction (`interrupt`). A try is known again by its token, which the stream bears: by `open_id`, if the
caller gives one, also a call that is made again after a lost reply.

| on the session | `reject` | `interrupt` |
|---|---|---|
| a stream has the id | that one is answered, whatever became of it | the same |
| no stream runs | it is opened | the same |
| another one runs | `StreamActive` | that one is ended as cancelled, and this one is opened |
| another one runs, and is due | that one is ended, and this one is opened | the same |
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from turnlog.errors import ConditionFailed, Contended, StreamActive, Unanswered
from turnlog.records import streams
from turnlog.records.expressions import LIVE, running, touch, update
from turnlog.records.keys import StreamKey
from turnlog.records.streams import opened
from turnlog.store.doubt import tells_doubt
from turnlog.store.stream_cache import cached
from turnlog.store.streams import check_kept, ended, find_stream, look, with_tail

if TYPE_CHECKING:
    from turnlog.records.expressions import Value
    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.streams import Stream
    from turnlog.store.store import Store


@tells_doubt
async def open_stream(
    store: Store,
    key: SessionKey,
    *,
    stream_id: str | None = None,
    message_id: str | None = None,
    open_id: str | None = None,
    interrupt: bool = False,
    lease_seconds: int,
) -> tuple[Stream, bool]:
    """Open a stream on a session; the stream, and whether this call did.

    Args:
        stream_id: its id; None: it is given one.
        message_id: of the message that it says; None: it is given one.
        open_id: of the call; the same one again is told that it opened the stream, while nobody else has it.
        interrupt: end another one that runs.
        lease_seconds: how long it belongs to who opens it.

    Raises:
        NotFound: no such session.
        StreamActive: another stream runs.
        Resync: a stream of that id has ended, and is kept no longer.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    token = open_id.encode() if open_id else store.clock.token()
    stream_id = stream_id or str(UUID(bytes=store.clock.token(), version=4))
    message_id = message_id or str(UUID(bytes=store.clock.token(), version=4))
    head: Head | None = None
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head = head or await store.head(meant)
        meant = head.key
        now = store.clock.now()
        new = opened(head.key, stream_id, message_id=message_id, now=now, lease=lease_seconds, token=token)
        over, state = await _running(store, head, new, interrupt=interrupt)
        if over and over.key == new.key:
            return await _known(store, head, over, token)
        ending = await _ending(store, over, state, same_lease=not interrupt)
        after, write = _writes(store, head, new, over)
        try:
            await store.transact(write, *ending, new.put())
        except ConditionFailed as refused:
            store.counts["conflicts"] += 1
            if item := refused.items[-1]:
                return await _known(store, head, streams.from_item(item), token)
            head = await store.refusing_head(meant, refused)
            await tries.again(Contended("Others keep changing this session. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
            head = None
        else:
            await store.cache.changed(after)
            await cached(store, new.key).reset(new)
            if over:
                await cached(store, over.key).ended(over.epoch)
            store.counts["streams_opened"] += 1
            return new, True


async def _running(store: Store, head: Head, new: Stream, *, interrupt: bool) -> tuple[Stream | None, str]:
    """The stream of that id, if there is one; else the one that runs, and as what it is ended.

    Raises:
        StreamActive: it is not to be ended.
    """
    if head.active_stream is None:
        return None, ""
    if head.active_stream != new.key.stream_id and (known := await find_stream(store, new.key)):
        return known, ""
    over = await find_stream(store, StreamKey(head.key, head.active_stream))
    if over is None or over.key == new.key:
        return over, ""
    state = over.due(store.clock.now())
    if over.open and not state and not interrupt:
        raise StreamActive(
            "Another stream runs on the session. Wait until it has ended, cancel it, or send"
            ' "on_active": "interrupt".',
            extra={"stream_id": head.active_stream},
        )
    return over, state or "cancelled"


async def _known(store: Store, head: Head, found: Stream, token: bytes) -> tuple[Stream, bool]:
    """The stream that has the id already, and whether a try of this call that was not answered opened it."""
    due = found.due(store.clock.now())
    if found.token == token and found.open and not due:
        return found, True
    check_kept(store, found)
    if due:
        _, found = await look(store, head.key, found.key.stream_id)
    store.counts["replays"] += 1
    return found, False


async def _ending(
    store: Store, over: Stream | None, state: str, *, same_lease: bool
) -> list[dict[str, object]]:
    """The writes that end the stream that runs, with what is in the cache alone; none, if none runs.

    Args:
        same_lease: only if its producer has sent no heartbeat since: it may be alive after all.
    """
    if over is None or not over.open:
        return []
    whole, tail = await with_tail(store, over)
    move = over.moved(ended(store, whole, state), ttl=store.stream_ttl, same_lease=same_lease)
    return [move, *tail.puts(over.key)]


def _writes(store: Store, head: Head, new: Stream, over: Stream | None) -> tuple[Head, dict[str, object]]:
    """The head with the new stream, and the write that makes it so, over one that runs if there is one."""
    now = max(store.now(), head.updated_at)
    condition, values = "attribute_not_exists(#active_stream)", dict[str, "Value"]()
    if over:
        condition, values = running(over.fence)
    change = update(
        head.key,
        to={
            **touch(head.key, now),
            "active_stream": new.key.stream_id,
            "stream_epoch": new.epoch,
        },
        plus={"version": 1},
        condition=f"{LIVE} AND {condition}",
        values=values,
    )
    after = head._replace(
        active_stream=new.key.stream_id,
        stream_epoch=new.epoch,
        version=head.version + 1,
        updated_at=now,
    )
    return after, {"Update": change}
