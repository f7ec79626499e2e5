"""G1, G7: PUT compares what overlaps and appends what is new; it never slices by a count of its own.

The messages of the request are what the session holds from `start_sequence` on. Those that are stored must
match; the others are appended in steps of one transaction each, in order. All of them are checked before the
first is written, so that an answer that refuses finds nothing written. What a crash, a lost reply or
another writer leaves between two steps is looked at afresh: a repeat finishes, or says where the logs part.
After a rewind between two steps, all is compared anew. A step holds only at the version that was read, so the
answer is a state that the table had. Where a step's reply was lost and another changed the session since, the
step is not made again over that: whether it was made cannot be told (`Unanswered`).
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import (
    ConditionFailed,
    Contended,
    Diverged,
    Gone,
    MessageIdReused,
    PreconditionFailed,
    Unanswered,
)
from turnlog.limits import MAX_BATCH, MAX_FIRST_BATCH, PART_SIZE, REQUEST_LIMIT
from turnlog.operations.change_session import check_version
from turnlog.operations.create_session import check_objects, create_session, encoded_objects
from turnlog.operations.read_session import load
from turnlog.records import messages, ring
from turnlog.records.head import Head
from turnlog.store.doubt import tells_doubt
from turnlog.store.leftover import clear_leftover
from turnlog.store.log import Fields, advanced, head_update, identified, puts, steps, stored_under
from turnlog.store.store import LogMoved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from turnlog.records.keys import SessionKey
    from turnlog.records.match import Match
    from turnlog.store.store import Store


class Put(NamedTuple):
    """The session afterwards, as the table had it then, and whether this made it."""

    head: Head
    created: bool


@tells_doubt
async def put_session(
    store: Store,
    key: SessionKey,
    new: Sequence[Fields],
    *,
    start: int = 0,
    title: str | None = None,
    usage: Mapping[str, int] | None = None,
    fields: Mapping[str, Any] | None = None,
    if_match: Match | None = None,
) -> Put:
    """Make the session hold these messages from `start` on, and these fields; create it if there is none.

    Args:
        store: where.
        key: the session.
        new: the messages, of any number.
        start: the sequence of the first.
        title: replaces, if given; as do `usage` and the objects in `fields`.
        usage: the sum of tokens.
        fields: see `create_session`.
        if_match: only if it admits the version that the session has before.

    Raises:
        Diverged: a stored message differs, or a gap would arise; nothing was written, unless another
            writer came between two steps.
        MessageIdReused: a new message bears the id of an older one; nothing was written.
        Gone: the session was deleted.
        PreconditionFailed: the version is another; nothing was written.
        TooLarge: a message, or the fields.
        Unavailable: the table refused or did not answer; the same request finishes.
    """
    named = [fields.get("message_id") for fields in new]
    new = identified(store, new)
    sizes = [
        len(messages.to_json({"sequence": sequence, "created_at": store.now(), **one}))
        for sequence, one in enumerate(new, start)
    ]
    token = store.clock.token()
    titled = {"title": title} if title is not None else {}
    wanted: dict[str, Any] = {**(usage or {}), **encoded_objects(fields or {}), **titled}
    confirmed = 0  # of the request's messages, from the first on
    rewinds = 0  # at which they were
    head: Head | None = None
    created = ours = False
    tried: Head | None = None
    unsure: Unanswered | None = None
    for attempt in count():
        head = head or await store.find_head(key)
        if head is None:
            _check_new(start, if_match)
            step = new[: _step(sizes, MAX_FIRST_BATCH)]
            made = await create_session(store, key, step, usage=usage, title=title, fields=fields)
            head, created, confirmed = made.head, made.created, len(made.messages)
            ours, unsure, tried = created, made.unsure, Head(key)
        if not head.live:
            raise Gone("The session was deleted; its id is not given again.")
        ours = ours or head.token == token
        if not ours:
            check_version(head, if_match)
        if head.rewinds != rewinds:
            confirmed, rewinds = 0, head.rewinds
        try:
            confirmed += await _matching(
                store, head, list(zip(named, new, strict=True)), start=start, done=confirmed
            )
            await _check_unused(store, head, new[confirmed:])
        except LogMoved as moved:
            head = moved.head
            continue
        step = new[confirmed : confirmed + _step(sizes[confirmed:], MAX_BATCH)]
        changed = (
            {} if ours else {name: value for name, value in wanted.items() if getattr(head, name) != value}
        )
        if not step and not changed:
            return Put(head, created)
        _check_overtaken(unsure, tried, head, changed)
        check_objects(head, head._replace(**changed))
        tried = head
        try:
            head = await _put(store, head, step, {"token": token, **changed})
        except (ConditionFailed, Contended, Unanswered) as refused:
            store.counts["conflicts"] += not isinstance(refused, Unanswered)
            unsure = refused if isinstance(refused, Unanswered) else unsure
            await store.again(attempt, unsure or Contended("Too many writers on this session."))
            head = None
            continue
        confirmed += len(step)
        ours, unsure = True, None
    raise AssertionError  # count() does not end


async def _put(store: Store, head: Head, step: Sequence[Fields], replaced: Mapping[str, Any]) -> Head:
    """Store one step's messages and the attributes that get a value; the head after it.

    Only if the session is of the version that was read: so the head is one that the table has.
    """
    after, stored = advanced(store, head, step, None)
    await clear_leftover(store, head)
    moved = head_update(head, after, same_version=True, replaced=replaced)
    await store.transact(moved, *puts(head.key, stored))
    after = after._replace(**replaced)
    await store.cache.appended(after, stored)
    store.counts["appends"] += len(stored)
    return after


def _check_overtaken(
    unsure: Unanswered | None, tried: Head | None, head: Head, changed: Mapping[str, Any]
) -> None:
    """Let a PUT pass that may try again after a try that was not answered.

    Raises:
        Unanswered: another changed the session since that try, and one more could undo what the other did.
            Every change but an append leaves a token. Messages are compared, and can undo a rewind only.
    """
    if unsure and tried and head.token != tried.token and (changed or head.rewinds != tried.rewinds):
        raise unsure


def _check_new(start: int, if_match: Match | None) -> None:
    """Let a PUT pass that can make a session."""
    if start:
        raise _diverged(0, 0)
    if if_match:
        raise PreconditionFailed("There is no such session.")


def _step(sizes: Sequence[int], room: int) -> int:
    """How many of the messages, of these sizes uncompressed, surely go into one transaction."""
    size = parts = 0
    for at, one in enumerate(sizes):
        size += one
        parts += -(-one // PART_SIZE)
        if size > REQUEST_LIMIT or parts > room:
            return at
    return len(sizes)


async def _matching(
    store: Store, head: Head, new: Sequence[tuple[str | None, Fields]], *, start: int, done: int
) -> int:
    """How many messages of the request are stored, behind the first `done` of it.

    Args:
        store: where.
        head: the session's.
        new: the id that the client gave, if it did, and the message.
        start: the sequence of the first.
        done: how many are known to match.

    Raises:
        Diverged: one differs, or a gap would arise.
    """
    if start > head.message_count:
        raise _diverged(head.message_count, head.message_count)
    first, end = start + done, min(start + len(new), head.message_count)
    for at, stop in steps(head, first, end):
        for message in await load(store, head, at, stop):
            there = message.fields()
            named, given = new[message.sequence - start]
            if named not in {None, there["message_id"]} or not messages.equal(there, given):
                raise _diverged(message.sequence, head.message_count)
    return max(0, end - first)


async def _check_unused(store: Store, head: Head, new: Sequence[Fields]) -> None:
    """Let messages pass whose ids are new (G2)."""
    hits = ring.find(head.ring, head.message_count, [fields["message_id"] for fields in new])
    async for _, message in stored_under(store, head, hits):
        raise MessageIdReused(
            "A new message bears the id of an older one.", extra={"sequence": message.sequence}
        )


def _diverged(sequence: int, message_count: int) -> Diverged:
    return Diverged(
        f"The stored messages differ from sequence {sequence} on; the session holds {message_count}.",
        extra={"sequence": sequence, "message_count": message_count},
    )
