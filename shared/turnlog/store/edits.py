"""G1, G7: a stored message is written anew in one transaction with the head, and none beside it.

The head must still have the same number of edits, among which rewinds count. So of two edits at once one is
first, and the other one looks again; and an edit that comes late reaches no message that was put there after
a rewind.
The head's count of messages may have grown meanwhile: an append changes no stored message, and busy writers
would keep an edit waiting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.records.expressions import LIVE, touch, update
from turnlog.store.log import message_writes

if TYPE_CHECKING:
    from turnlog.records.expressions import Value
    from turnlog.records.head import Head
    from turnlog.records.messages import Stored
    from turnlog.store.store import Store


async def write_edit(
    store: Store,
    head: Head,
    before: Stored,
    after: Stored,
    *,
    now: str,
    same_count: bool = False,
    same_version: bool = False,
) -> Head:
    """Put a message over the one that stands there; the head after it.

    Its `version` is low if others changed the session in the same instant.

    Args:
        now: the time of the edit, not before the head's.
        same_count: only if nothing was appended since this head.
        same_version: only if nothing was changed since this head.

    Raises:
        ConditionFailed: the head is another; nothing was written.
        Contended: nothing was written.
        Unanswered: it may have been.
    """
    condition = f"{LIVE} AND #edits = :edits"
    values: dict[str, Value] = {"edits": head.edits}
    if same_count:
        condition += " AND #message_count = :expected"
        values["expected"] = head.message_count
    if same_version:
        condition += " AND #version = :version"
        values["version"] = head.version
    grown = after.size - before.size
    moved = update(
        head.key,
        to=touch(head.key, now),
        plus={"edits": 1, "log_size": grown, "version": 1},
        condition=condition,
        values=values,
    )
    await store.transact({"Update": moved}, *message_writes(head.key, before, after))
    edited = head._replace(
        edits=head.edits + 1, log_size=head.log_size + grown, version=head.version + 1, updated_at=now
    )
    await store.cache.edited(head, edited, after)
    return edited
