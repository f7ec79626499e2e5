"""G1, G2, G7: an edit changes one stored message as it was asked to, once, and nothing beside it.

Each edit leaves a mark on the message, of its `edit_id` or of a token of its own. By the mark its repeat is
known, and an edit whose reply was lost. What an edit finds:

| the message | the edit |
|---|---|
| bears its mark | is made: the answer is the message as it stands |
| is not there, or is another one | is refused; `Unanswered` where a try may have been made before a rewind |
| was removed | is refused |
| is as the edit would make it | moves no version; its `edit_id` leaves a mark, so that a repeat is known |
| is another | is written at this count of edits (`store.log`); if that is refused, it looks again |

A message that was replaced or removed bears `edited_at`: what it said is gone, so a repeat of its append is
not compared with it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import (
    ConditionFailed,
    Contended,
    MessageMoved,
    MessageRemoved,
    Unanswered,
)
from turnlog.limits import EDITS_KEPT
from turnlog.records import messages
from turnlog.records.expressions import quiet_condition
from turnlog.records.head import check_version
from turnlog.store.doubt import tells_doubt
from turnlog.store.large import LargeMessages, check_answer, goes_apart, shown, whole
from turnlog.store.log import unquiet, write_edit
from turnlog.store.store import LogMoved, no_message
from turnlog.wire import merged, same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnlog.records.expressions import Fence
    from turnlog.records.head import Head, Match
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.retry import Tries
    from turnlog.store.store import Store

Fields = dict[str, Any]

_ON_THE_TABLE = "A program that works on the table can edit it (Turnlog or AsyncTurnlog with TURNLOG_TABLE)."
_KEPT = ("sequence", "message_id", "created_at", "stream_id")


class Edited(NamedTuple):
    """JSON of the message as it stands, and a version of the session.

    The version is low if others changed the session in the same instant, so that an `If-Match` with it fails.
    """

    message: bytes
    version: int


@tells_doubt
async def edit_message(
    store: Store,
    key: SessionKey,
    sequence: int,
    edit: Mapping[str, Any],
    *,
    message_id: str | None = None,
    edit_id: str | None = None,
    if_match: Match | None = None,
    fence: Fence | None = None,
) -> Edited:
    """Edit a stored message.

    Args:
        sequence: of the message.
        edit: one of `{"metadata": merge patch}`, `{"replace": message}`, `{"removed": True}`.
        message_id: only if the message with this id stands there.
        edit_id: an edit of this message under the same id is a repeat, among the newest `EDITS_KEPT`.
        if_match: only if it admits the session's version.
        fence: it is an edit of this stream's producer. While a stream runs, nobody else replaces or removes.

    Raises:
        NotFound: no such session, or no such message.
        StreamActive: a stream runs, and the edit is no patch of the metadata.
        StreamEnded, Fenced: the producer's stream has ended, or was taken over.
        MessageMoved: another message stands there.
        MessageRemoved: the message was removed.
        PreconditionFailed: the version is not one that `if_match` admits.
        TooLarge: the message would be, or its metadata; or no answer holds it.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    large = LargeMessages(store, key)
    work = _edit(
        large, sequence, edit, message_id=message_id, edit_id=edit_id, if_match=if_match, fence=fence
    )
    return await large.settled(work)


async def _edit(
    large: LargeMessages,
    sequence: int,
    edit: Mapping[str, Any],
    *,
    message_id: str | None,
    edit_id: str | None,
    if_match: Match | None,
    fence: Fence | None,
) -> Edited:
    store, key = large.store, large.key
    mark = messages.edit_mark(edit_id) if edit_id else store.clock.token()[: messages.TOKEN_SIZE]
    tries = store.tries()
    tried: Head | None = None  # that of the last try, also if it was answered: it may have been sent twice
    lost: Head | None = None  # that of the last try that was not answered
    changes = True  # whether the last try changes what the message says
    head: Head | None = None
    before: Stored | None = None
    meant: SessionKey | GenerationKey = key
    while True:
        head = head or await store.head(meant)
        meant = head.key
        head, before = await _standing(store, head, sequence, mark, edit, known=before)
        if before and before.bears(mark):
            await large.replaced(before)
            check_answer(store, before, _ON_THE_TABLE)
            # What others changed since is not this edit's: an `If-Match` with its version must fail.
            version = min(head.version, tried.version + changes) if tried else head.version
            store.counts["edits" if tried else "replays"] += 1
            return Edited(await shown(store, before), version)
        _check_unmade(tries, head, lost)
        before = _editable(before, message_id)
        if other := await _unquiet(store, head, edit, fence):
            head, before = other, None
            continue
        check_version(head, if_match)
        now = max(store.now(), head.updated_at)
        made = _after(large, head, before, edit, now=now, mark=mark)
        changes, after = made is not None, made or _marked(before, mark if edit_id else b"")
        check_answer(store, after, _ON_THE_TABLE)
        if after is before:
            return Edited(await shown(store, before), head.version)
        await large.put([after] if after.object_key != before.object_key else [])
        tried = head
        try:
            edited = await write_edit(
                large,
                head,
                before,
                after,
                now=now,
                same_version=bool(if_match),
                changes=changes,
                further=_further(edit, fence),
            )
        except ConditionFailed as refused:
            store.counts["conflicts"] += 1
            head = await store.refusing_head(meant, refused)
            if head.edits != tried.edits:
                before = None  # else it stands as it was read
            await tries.again(Contended("Others keep changing this session. Try again."))
        except Contended as error:
            await tries.again(error)
        except Unanswered as error:
            await tries.again(error, over=head)
            lost, head, before = head, None, None
        else:
            store.counts["edits"] += 1
            return Edited(await shown(store, after), edited.version)


async def _unquiet(store: Store, head: Head, edit: Mapping[str, Any], fence: Fence | None) -> Head | None:
    """See `unquiet`. Metadata may be edited while a stream runs."""
    return None if "metadata" in edit else await unquiet(store, head, fence)


def _further(edit: Mapping[str, Any], fence: Fence | None) -> tuple[str, dict[str, Any]] | None:
    """The condition that holds where `_unquiet` found nothing."""
    return None if "metadata" in edit else quiet_condition(fence)


async def _standing(
    store: Store,
    head: Head,
    sequence: int,
    mark: bytes,
    edit: Mapping[str, Any],
    *,
    known: Stored | None,
) -> tuple[Head, Stored | None]:
    """The message as the table has it, if the log has one there; and the head of that log.

    The object of a large message is read where it is compared, or answered and does not go apart.

    Args:
        mark: of the edit. A message that bears it will be answered.
        known: the message, if it is known to stand there.
    """
    if known:
        return head, known
    while sequence < head.message_count:
        try:
            message = (await store.messages(head, sequence, sequence + 1))[sequence]
            made = message.bears(mark)
            answered = made or "removed" not in edit
            read = ("replace" in edit and not made) or (answered and not goes_apart(store, message))
            return head, await whole(store, head, message) if read else message
        except LogMoved as moved:
            head = moved.head
    return head, None


def _check_unmade(tries: Tries, head: Head, lost: Head | None) -> None:
    """Refuse to go on where an unanswered try may have been applied, and its mark may have gone since.

    Raises:
        Unanswered: of that try.
    """
    tries.check_rewinds(head)
    if tries.unanswered and lost and head.edits - lost.edits >= EDITS_KEPT:
        raise tries.unanswered


def _editable(before: Stored | None, message_id: str | None) -> Stored:
    """The message, if it is the one that is meant, and may be edited.

    Raises:
        NotFound: there is none.
        MessageMoved: it is another one.
        MessageRemoved: it was removed.
    """
    if before is None:
        raise no_message()
    fields = before.known()
    if message_id not in {None, fields["message_id"]}:
        raise MessageMoved(
            f"The message at sequence {fields['sequence']} has another message_id than the one that is given."
            " Read the session again."
        )
    if "removed" in fields:
        raise MessageRemoved(
            f"The message at sequence {fields['sequence']} was removed. It cannot be edited any more."
        )
    return before


def _marked(before: Stored, mark: bytes) -> Stored:
    """The message, which an edit leaves as it is, with the mark of that edit if it has one."""
    return before._replace(edits=messages.edits_kept(before, mark, calls=False)) if mark else before


def _after(
    large: LargeMessages, head: Head, before: Stored, edit: Mapping[str, Any], *, now: str, mark: bytes
) -> Stored | None:
    """The message as the edit makes it; None if it is so already.

    Raises:
        TooLarge: it would be, or its metadata.
    """
    known = before.known()
    had = known.get("metadata") or {}
    if "metadata" in edit:
        metadata = merged(had, edit["metadata"]) or {}
        if same(had, metadata):
            return None
        edits = messages.edits_kept(before, mark, calls=False)
        after = messages.with_metadata(before, metadata, edits=edits)
        # The object has what was said, and that stays.
        return after if before.object_key else large.edited(head.key, before, after)
    given: Fields = {name: known[name] for name in _KEPT if name in known} | {"edited_at": now}
    if new := edit.get("replace"):
        alike = messages.says(before, new) and same(had, new.get("metadata") or {})
        if alike and not before.attached:
            return None
        given |= {name: value for name, value in new.items() if name not in _KEPT}
    else:
        given |= {"role": known["role"], "content": None, "removed": True}
        given.pop("stream_id", None)
    # The tool calls that were added to it go.
    edits = messages.edits_kept(before, mark, calls=True)
    after = messages.rewritten(before, given, attached=b"", edits=edits, room=large.room)
    return large.edited(head.key, before, after)
