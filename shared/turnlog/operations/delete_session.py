"""G4: a deleted session does not come back. G3: it leaves the user's count in the same transaction.

Deleting turns the head into a tombstone at once, whatever the length of the session: every write asks for a
`message_count`, which a tombstone has not. What lies under it is purged later, see `purge`.

A stream that runs on the session ends in the same transaction: so its producer is told, and appends no more.

A deletion is of one generation (G4): that which the table has shown first, or over which a try was not
answered. So it deletes no session that is begun after the one that was meant.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended, Unanswered
from turnlog.operations.create_session import expiry_put, sessions_counted
from turnlog.records import head as heads
from turnlog.records.expressions import LIVE, check, quiet_condition, update
from turnlog.records.head import JSON_FIELDS, USAGE_FIELDS
from turnlog.records.keys import GenerationKey, StreamKey
from turnlog.store.doubt import tells_doubt
from turnlog.store.store import not_found
from turnlog.wire import parse_timestamp

if TYPE_CHECKING:
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey
    from turnlog.records.streams import Stream
    from turnlog.store.store import Store

GONE_WITH_THE_SESSION = (
    "GSI1PK",
    "GSI1SK",
    "title",
    "message_count",
    "log_size",
    "ring",
    "rewinds",
    "rewound",
    "leftover",
    "forking",
    "forked_from",
    "active_stream",
    "stream_epoch",
    *USAGE_FIELDS,
    "details",
    *JSON_FIELDS,
)
"""Attributes of a head that its tombstone has not."""


@tells_doubt
async def delete_session(
    store: Store, key: SessionKey | GenerationKey, *, unchanged_since: str | None = None
) -> None:
    """Delete a session.

    Args:
        key: of whichever session is there, or of one generation alone.
        unchanged_since: only if this is still its `updated_at`.

    Raises:
        NotFound: it is not there.
        Contended: it was changed since then, and stays.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    token = store.clock.token()
    # Mostly nothing was deleted under the id; else the first refusal tells which generation is there.
    known = isinstance(key, GenerationKey)
    tried = key if isinstance(key, GenerationKey) else key.at(0)
    tries = store.tries()
    running: Stream | None = None
    while True:
        try:
            await store.transact(
                _burial(store, tried, token, unchanged_since, running),
                sessions_counted(key.user_id, -1),
                *_end(store, running),
            )
        except ConditionFailed as refused:
            there = heads.from_item(refused.items[0]) if refused.items[0] else None
            if running and refused.failed == [2]:  # an event has come
                running = await _there(store, running.key)
                await tries.again(Contended("The session's stream goes on. Try again."))
                continue
            if there and _other_stream(there, tried, running):
                running = await _running(store, there)
                await tries.again(Contended("A stream begins or ends on the session. Try again."))
                continue
            if there and there.live and there.key == tried:
                raise Contended("The session was changed meanwhile, and stays.") from None
            if there and there.live and not known:
                tried, known = there.key, True
                running = await _running(store, there)
                continue
            if there is None or there.token != token:
                raise not_found() from None
        except (Contended, Unanswered) as error:
            known = known or isinstance(error, Unanswered)
            await tries.again(error)
            continue
        if running:
            from turnlog.store.stream_cache import cached  # noqa: PLC0415 (mostly none runs)

            await cached(store, running.key).ended(running.epoch)
        await store.cache.drop(tried, await store.cache.head(tried.session))
        store.counts["sessions_deleted"] += 1
        return


def _other_stream(there: Head, tried: GenerationKey, running: Stream | None) -> bool:
    """Whether a live session has another stream than a try took it to have."""
    fence = (running.key.stream_id, running.epoch) if running else (None, None)
    return there.live and there.key == tried and (there.active_stream, there.stream_epoch) != fence


async def _running(store: Store, head: Head) -> Stream | None:
    """The stream that runs on the session, if one does."""
    if head.active_stream is None:
        return None
    return await _there(store, StreamKey(head.key, head.active_stream))


async def _there(store: Store, key: StreamKey) -> Stream | None:
    from turnlog.store.streams import find_stream  # noqa: PLC0415 (mostly none runs)

    return await find_stream(store, key)


def _end(store: Store, running: Stream | None) -> list[dict[str, Any]]:
    """The write that ends the stream, if one runs."""
    if running is None:
        return []
    from turnlog.store.streams import ended  # noqa: PLC0415 (mostly none runs)

    return [running.moved(ended(store, running, "cancelled"), ttl=store.stream_ttl)]


def _burial(
    store: Store, key: GenerationKey, token: bytes, unchanged_since: str | None, stream: Stream | None
) -> dict[str, Any]:
    """The write of the tombstone, if this stream runs on the session, or none does."""
    runs, was = quiet_condition(stream.fence if stream else None)
    return {
        "Update": update(
            key,
            to={"deleted_at": store.now(), "token": token},
            plus={"version": 1},
            without=GONE_WITH_THE_SESSION,
            condition=f"{LIVE} AND {runs}" + (" AND #updated_at = :seen" if unchanged_since else ""),
            values=was | ({"seen": unchanged_since} if unchanged_since else {}),
        )
    }


async def expire_session(store: Store, head: Head) -> None:
    """Delete a session whose marker has gone, if it was not changed for the retention; else mark it again.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    if (days := store.retention_days) is None:
        return
    changed = parse_timestamp(head.updated_at)
    if store.clock.now() - changed < timedelta(days=days):
        still_there = {"ConditionCheck": check(head.key)}
        with suppress(ConditionFailed):  # deleted meanwhile: nothing is left to be asked for
            await store.transact(still_there, *expiry_put(head.key.session, changed, days))
    else:
        await delete_session(store, head.key, unchanged_since=head.updated_at)
