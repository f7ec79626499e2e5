"""G7: what a rewind could not delete in its own transaction is deleted before the next append.

The head's `leftover` says so: the messages from `message_count` to before `leftover` still lie in the table,
and are in nobody's log. They are deleted newest first, in transactions that lower `leftover`; the last of
these removes it. So the oldest of the messages is there to the end. An append puts a message only where none
is, so none is stored before all of these are gone.

The objects of a step's messages are deleted after the step, so no item names an object that is not there. If
that fails, they go with the session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended, Unanswered
from turnlog.limits import MAX_DELETES
from turnlog.records.expressions import update
from turnlog.records.keys import parse_message_sort_key
from turnlog.store.deposits import delete_objects, objects_of
from turnlog.store.retry import check_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.store.store import Store


_FIRST = {"N": "0"}
WHAT_GOES = ("PK", "SK", "object", "epoch")
"""What is to be known of an item to delete it."""


async def clear_leftover(store: Store, head: Head, items: Sequence[Item] = ()) -> None:
    """Delete what is left over, if anything is.

    Args:
        head: as it was seen.
        items: what is left over, in order, if it is known.

    Raises:
        NotFound: the session was deleted meanwhile.
        Unavailable: the table refused or did not answer, or the time is over before all is deleted. Call
            this again.
    """
    being = Contended("The session is being rewound. Try again.")
    tries = store.tries()
    unsure: set[str] = set()  # objects of steps that may be applied
    while head.leftover is not None:
        check_time(store.clock, being)
        items = items or await store.items(head.key, head.message_count, head.leftover, *WHAT_GOES)
        step = newest_step(items)
        below = left_under(head.message_count, step)
        lowered = update(
            head.key,
            to={} if below is None else {"leftover": below},
            without=["leftover"] if below is None else [],
            condition="#rewinds = :rewinds AND #leftover = :seen",
            values={"rewinds": head.rewinds, "seen": head.leftover},
        )
        try:
            await store.transact({"Update": lowered}, *deletes(step))
        except (ConditionFailed, Contended, Unanswered) as refused:
            # What was put since the rewind bears its number: then another has cleared what was left over.
            unsure |= objects_of(item for item in step if int(item.get("epoch", _FIRST)["N"]) < head.rewinds)
            await tries.again(being if isinstance(refused, ConditionFailed) else refused)
            head, items = await store.head(head.key), ()
        else:
            await delete_objects(store, objects_of(step))
            head, items = head._replace(leftover=below), items[: -len(step)]
    await delete_objects(store, unsure)


def newest_step(items: Sequence[Item]) -> Sequence[Item]:
    """The last of these items: whole messages, as many as fit into a transaction."""
    last = items[-MAX_DELETES:]
    whole = (at for at, item in enumerate(last) if parse_message_sort_key(item["SK"]["S"])[1] == 0)
    return last[next(whole, len(last)) :]


def left_under(message_count: int, step: Sequence[Item]) -> int | None:
    """What `leftover` is when these items have gone."""
    oldest = parse_message_sort_key(step[0]["SK"]["S"])[0] if step else message_count
    return oldest if oldest > message_count else None


def deletes(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The writes that delete them."""
    return [{"Delete": {"Key": {"PK": item["PK"], "SK": item["SK"]}}} for item in items]
