"""G3, G4: a session is created in one transaction with its messages and the user's count of sessions.

The head is put only where there is none. A tombstone is one, so a deleted id is refused while that is there.

Who asks for that (`recreate`) begins another session in the tombstone's place, which is then of the next
generation. Its head is put only over the tombstone that was seen, and its version goes on from that one's: so
a try that comes late or twice begins no third session, and no entity tag of the old one fits the new one.
What the old one stored lies under keys of its generation, and is purged whether or not it is gone by then.

G7: where messages are objects, nobody would delete these if the create crashed before its head is there. So
a marker is put first, if there is no head. When it ends, objects that no session has are looked for. Where
there is a head, the objects go with what that is of.

| over | the last try | finds | and so |
|---|---|---|---|
| nothing, or a tombstone | was refused | its own token | is made |
| | was refused | a live session | answers that |
| | was refused | a fork that is not whole | `ForkUnfinished` |
| | was refused | a tombstone | `Gone`; with `recreate` it is tried again over that tombstone |
| | was not answered | another tombstone since | may be made, and deleted by another: `Unanswered` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from turnlog.errors import ConditionFailed, Contended, TooLarge, Unanswered
from turnlog.limits import CREATE_DAYS, FIELDS_LIMIT, MAX_FIRST_BATCH, SETTLED_DAYS
from turnlog.records import head as heads
from turnlog.records.expressions import attribute, check, of, of_value, put
from turnlog.records.head import JSON_FIELDS, Head
from turnlog.records.keys import session_key, user_item_key
from turnlog.records.usage import replaced
from turnlog.store.doubt import tells_doubt
from turnlog.store.large import LargeMessages
from turnlog.store.log import advanced, puts, with_message_ids
from turnlog.store.store import fork_unfinished, gone
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from turnlog.records.expressions import Value
    from turnlog.records.keys import SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.retry import Tries
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
    recreate: bool = False,
) -> Created:
    """Create a session, or find that this user already has it.

    Args:
        new: its first messages as the client sent them, at most 97.
        usage: tokens to begin the sum with.
        title: None: it has none yet.
        fields: `metadata`, `credentials`, `successful_agent_runs`, `successful_agent_schedules`.
        recreate: begin another one if the session with this id was deleted.

    Raises:
        Gone: a session with this id was deleted, and `recreate` is not asked for.
        ForkUnfinished: a fork under this id is not whole yet.
        TooLarge: a message, all of them together, or the fields.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    large = LargeMessages(store, key)
    return await large.settled(_create(large, new, usage, title, fields, recreate=recreate))


async def _create(
    large: LargeMessages,
    new: Sequence[dict[str, Any]],
    usage: Mapping[str, int] | None,
    title: str | None,
    fields: Mapping[str, Any] | None,
    *,
    recreate: bool,
) -> Created:
    store, key = large.store, large.key
    token = store.clock.token()
    started_at = store.now()
    new = with_message_ids(store, new)
    given: dict[str, Any] = {**encoded_objects(fields or {}), **(replaced(usage) if usage else {})}
    blank = Head(
        key=key.at(0),
        version=0,
        title=title,
        started_at=started_at,
        updated_at=started_at,
        token=token,
    )._replace(**given)
    check_objects(None, blank)
    head, stored = advanced(store, blank, new, None, large, room=MAX_FIRST_BATCH)
    marked = not any(one.object_key for one in stored)
    buried: Head | None = None
    tries = store.tries()
    while True:
        if marked:
            await large.put(stored)
        try:
            if not marked:
                await store.repeated(lambda: store.transact(*marking(store, key)))
                marked = True
                continue
            await large.transact(stored, *_writes(store, head, stored, buried))
        except ConditionFailed as refused:
            there = heads.from_item(item) if (item := refused.items[0]) else None
            if there and there.live:
                if there.token != token:
                    return Created(there, [], created=False, unanswered=tries.unanswered)
            else:
                _check_begins(there, tries, recreate=recreate)
                if buried or there is None:
                    # Without a head, a message was there or the tombstone has ended while this was asked.
                    await tries.again(Contended("Others keep creating and deleting this session. Try again."))
                buried = there
                begun = _after(blank, there) if there else blank
                head, stored = advanced(store, begun, new, None, large, room=MAX_FIRST_BATCH)
                marked = there is not None or not any(one.object_key for one in stored)
                continue
        except (Contended, Unanswered) as error:
            await tries.again(error)
            continue
        await store.cache.appended(head, stored)
        store.counts["sessions_created"] += 1
        store.counts["appends"] += len(stored)
        return Created(head, stored, created=True)


def _check_begins(there: Head | None, tries: Tries, *, recreate: bool) -> None:
    """Refuse to begin a session where a fork or a tombstone is, or where one may have been begun before.

    Raises:
        ForkUnfinished, Gone: see `create_session`.
        Unanswered: an earlier try may have been applied, and what it began deleted again.
    """
    if there and there.forking:
        raise fork_unfinished() from None
    if there and not recreate:
        raise gone(there) from None
    if tries.unanswered:
        raise tries.unanswered from None


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


def expiry_put(key: SessionKey, since: datetime, days: int | None) -> list[dict[str, Any]]:
    """The write of the marker whose removal by the TTL asks what is over: see `purge`.

    Args:
        days: so many after `since`; None: there is nothing to ask.
    """
    if days is None:
        return []
    at = int(since.timestamp()) + days * _SECONDS_A_DAY
    return [{"Put": {"Item": {**key.expiry, "expires_at": attribute(at)}}}]


def marking(store: Store, key: SessionKey) -> list[dict[str, Any]]:
    """The writes that put a marker where there is no head, for objects that no session may ever have."""
    absent = check(key.at(0), "attribute_not_exists(#PK)")
    return [
        {"ConditionCheck": {**absent, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
        *expiry_put(key, store.clock.now(), CREATE_DAYS),
    ]


def _after(blank: Head, buried: Head) -> Head:
    """What the session is before it is begun, if it comes after this tombstone; clocks differ."""
    now = max(blank.started_at, buried.deleted_at or "")
    return blank._replace(key=buried.key.next, version=buried.version, started_at=now, updated_at=now)


def _writes(store: Store, head: Head, stored: Sequence[Stored], buried: Head | None) -> list[dict[str, Any]]:
    """The writes that begin a session: where there is none, or over this tombstone."""
    days, condition = store.retention_days, "attribute_not_exists(#PK)"
    values: dict[str, Value] = {}
    if buried:
        condition, values = f"attribute_exists(#deleted_at) AND {of(buried.key)}", of_value(buried.key)
        if store.objects is not None:  # what a slow writer of the former session leaves is looked for then
            days = min(days or SETTLED_DAYS, SETTLED_DAYS)
    return [
        {"Put": put(head.item(), condition=condition, values=values)},
        sessions_counted(head.key.user_id, 1),
        *expiry_put(head.key.session, store.clock.now(), days),
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
