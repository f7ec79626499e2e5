"""G4: a deleted session does not come back. G3: it leaves the user's count in the same transaction.

Deleting turns the head into a tombstone at once, whatever the length of the session: every write asks for a
`message_count`, which a tombstone has not. What lies under it is purged later, see `purge`.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, Unanswered
from turnlog.operations.create_session import expiry_put, sessions_counted
from turnlog.records import head as heads
from turnlog.records.expressions import LIVE, names, update
from turnlog.records.head import JSON_FIELDS, USAGE_FIELDS
from turnlog.store.doubt import tells_doubt
from turnlog.store.store import not_found
from turnlog.wire import parse_timestamp

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store

_GONE_WITH_THE_SESSION = (
    "GSI1PK",
    "GSI1SK",
    "title",
    "message_count",
    "log_size",
    "ring",
    "rewinds",
    "rewound",
    "leftover",
    *USAGE_FIELDS,
    "details",
    *JSON_FIELDS,
)


@tells_doubt
async def delete_session(store: Store, key: SessionKey, *, unchanged_since: str | None = None) -> None:
    """Delete a session.

    Args:
        unchanged_since: only if this is still its `updated_at`.

    Raises:
        NotFound: it is not there.
        Contended: it was changed since then, and stays.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    token = store.clock.token()
    buried = {
        "Update": update(
            key.head,
            to={"deleted_at": store.now(), "token": token},
            plus={"version": 1},
            without=_GONE_WITH_THE_SESSION,
            condition=LIVE + (" AND #updated_at = :seen" if unchanged_since else ""),
            values={"seen": unchanged_since} if unchanged_since else {},
        )
    }
    tries = store.tries()
    while True:
        try:
            await store.transact(buried, sessions_counted(key.user_id, -1))
        except ConditionFailed as refused:
            there = heads.from_item(refused.items[0]) if refused.items[0] else None
            if there and there.live:
                raise Contended("The session was changed meanwhile, and stays.") from None
            if there is None or there.token != token:
                raise not_found() from None
        except (Contended, Unanswered) as error:
            await tries.again(error)
            continue
        await store.cache.drop(key, await store.cache.head(key))
        store.counts["sessions_deleted"] += 1
        return


async def expire_session(store: Store, key: SessionKey) -> None:
    """Delete a session whose marker has gone, if it was not changed for the retention; else mark it again.

    Raises:
        Unavailable: it is not finished; call this again.
    """
    head = await store.find_head(key)
    if head is None or not head.live or store.retention_days is None:
        return
    changed = parse_timestamp(head.updated_at)
    if store.clock.now() - changed < timedelta(days=store.retention_days):
        live = {"Key": key.head, "ConditionExpression": LIVE, "ExpressionAttributeNames": names(LIVE)}
        with suppress(ConditionFailed):  # deleted meanwhile: nothing is left to be asked for
            await store.transact({"ConditionCheck": live}, *expiry_put(store, key, changed))
    else:
        await delete_session(store, key, unchanged_since=head.updated_at)
