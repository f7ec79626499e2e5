"""G3, G4: a session is created in one transaction with its messages and the user's count of sessions.

The head is put only where there is none. A tombstone is one, so a deleted id is refused while that is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from turnlog.errors import ConditionFailed, Contended, TooLarge, Unanswered
from turnlog.limits import FIELDS_LIMIT, MAX_FIRST_BATCH
from turnlog.records import head as heads
from turnlog.records.expressions import attribute
from turnlog.records.head import JSON_FIELDS, Head
from turnlog.records.keys import session_key, user_item_key
from turnlog.records.usage import replaced
from turnlog.store.doubt import tells_doubt
from turnlog.store.log import advanced, puts, with_message_ids
from turnlog.store.store import gone
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from turnlog.records.keys import SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.store import Store

_SECONDS_A_DAY = 86_400


class Created(NamedTuple):
    """A session, and whether this call made it.

    Attributes:
        messages: those that were stored with it; none if it was there before.
        unanswered: the error of a try that was not answered, where the session was found: that try may have
            made it, and another may have changed it since.
    """

    head: Head
    messages: list[Stored]
    created: bool
    unanswered: Unanswered | None = None


def new_session_key(store: Store, user_id: str, session_id: str | None) -> SessionKey:
    """The key of a session to create; with a UUID if the client named none.

    Raises:
        Invalid: either id is not one.
    """
    return session_key(user_id, session_id or str(UUID(bytes=store.clock.token(), version=4)))


@tells_doubt
async def create_session(
    store: Store,
    key: SessionKey,
    new: Sequence[dict[str, Any]] = (),
    *,
    usage: Mapping[str, int] | None = None,
    title: str | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Created:
    """Create a session, or find that this user already has it.

    Args:
        new: its first messages as the client sent them, at most 97.
        usage: tokens to begin the sum with.
        title: None: it has none yet.
        fields: `metadata`, `credentials`, `successful_agent_runs`, `successful_agent_schedules`.

    Raises:
        Gone: a session with this id was deleted.
        TooLarge: a message, all of them together, or the fields.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    token = store.clock.token()
    started_at = store.now()
    given: dict[str, Any] = {**encoded_objects(fields or {}), **(replaced(usage) if usage else {})}
    blank = Head(
        key=key,
        version=0,
        title=title,
        started_at=started_at,
        updated_at=started_at,
        token=token,
    )._replace(**given)
    check_objects(None, blank)
    head, stored = advanced(store, blank, with_message_ids(store, new), None, room=MAX_FIRST_BATCH)
    tries = store.tries()
    while True:
        try:
            await store.transact(*_writes(store, head, stored))
        except ConditionFailed as refused:
            if (item := refused.items[0]) is None:
                # A message was there without a head: a tombstone has ended while this was asked.
                await tries.again(Contended("Others keep creating and deleting this session. Try again."))
                continue
            there = heads.from_item(item)
            if not there.live:
                raise gone() from None
            if there.token != token:
                return Created(there, [], created=False, unanswered=tries.unanswered)
        except (Contended, Unanswered) as error:
            await tries.again(error)
            continue
        await store.cache.appended(head, stored)
        store.counts["sessions_created"] += 1
        store.counts["appends"] += len(stored)
        return Created(head, stored, created=True)


def encoded_objects(fields: Mapping[str, Any]) -> dict[str, str]:
    """JSON text of each of the session's objects that is given."""
    return {name: dumps(fields[name]).decode() for name in JSON_FIELDS if fields.get(name) is not None}


def check_objects(before: Head | None, after: Head) -> None:
    """Refuse a change after which the session's objects are over their limit.

    A change that makes them no larger is not refused: that is the way back to the limit.

    Raises:
        TooLarge: they are over it.
    """
    size = after.objects_size
    if size > FIELDS_LIMIT and (before is None or size > before.objects_size):
        raise TooLarge(
            f"A session's objects are at most {FIELDS_LIMIT} bytes of JSON together; these would have {size}."
            f" Make them smaller, or take something out of {', '.join(JSON_FIELDS)}."
        )


def expiry_put(store: Store, key: SessionKey, since: datetime) -> list[dict[str, Any]]:
    """The write of the marker whose removal by the TTL asks whether the session is past its retention."""
    if store.retention_days is None:
        return []
    at = int(since.timestamp()) + store.retention_days * _SECONDS_A_DAY
    return [{"Put": {"Item": {**key.expiry, "expires_at": attribute(at)}}}]


def _writes(store: Store, head: Head, stored: Sequence[Stored]) -> list[dict[str, Any]]:
    return [
        {
            "Put": {
                "Item": head.item(),
                "ConditionExpression": "attribute_not_exists(PK)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        sessions_counted(head.key.user_id, 1),
        *expiry_put(store, head.key, store.clock.now()),
        *puts(head.key, stored),
    ]


def sessions_counted(user_id: str, more: int) -> dict[str, Any]:
    """The write that keeps the user's exact count of sessions."""
    return {
        "Update": {
            "Key": user_item_key(user_id),
            "UpdateExpression": "ADD session_count :more",
            "ExpressionAttributeValues": {":more": attribute(more)},
        }
    }
