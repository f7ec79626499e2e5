"""G1, G2, G3, G7, G8: one append is one conditional transaction.

The head moves from `message_count` n to n + k only if it still is n, and in the same transaction the messages
n..n+k-1 are put and the usage is added. So two writers cannot take one sequence, nothing is half written, and
the counts are those of the log. The condition also fails for a tombstone, which has no count (G4). When it
fails it brings the head as it is, from which the next try starts without a read.

A writer may find that a message is there already: a client sent it again, or the writer's own request was
applied and the reply lost. Both are one case: the ring in the head names the sequence, and the message stored
there decides. A batch of which the ring knows a part still is looked for beside that part. A head from the
cache is good for one guess at a write; whatever else it suggests is looked up.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from turnlog.errors import ConditionFailed, Contended, MessageIdReused, SequenceMismatch, TooLarge, Unanswered
from turnlog.limits import PAYLOAD_LIMIT
from turnlog.records import head as heads
from turnlog.records import messages, ring
from turnlog.store.doubt import tells_doubt
from turnlog.store.leftover import clear_leftover
from turnlog.store.log import Fields, advanced, head_update, identified, near, puts, stored_under
from turnlog.store.retry import Doubt, check_doubt
from turnlog.store.store import LogMoved, not_found
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.store import Store


class _Try(NamedTuple):
    """Where and when a try puts a message, and the version that it makes at least, if it is applied.

    By these it is known. The message itself is not kept: there may be a hundred tries, of megabytes each.
    """

    sequence: int
    created_at: str
    version: int


class Appended(NamedTuple):
    """What an append stored, or had stored before.

    Attributes:
        messages: JSON of each message of the request, in its order.
        sequences: of these messages.
        head: the head afterwards. Its `version` is low when others changed the session in the same instant,
            so that an `If-Match` with it fails rather than overwrites what its sender has not seen.
        replayed: nothing was new.
    """

    messages: list[bytes]
    sequences: list[int]
    head: Head
    replayed: bool


@tells_doubt
async def append_messages(
    store: Store,
    key: SessionKey,
    new: Sequence[Fields],
    *,
    usage: Mapping[str, int] | None = None,
    expected_sequence: int | None = None,
) -> Appended:
    """Append messages, all or none, each once.

    Args:
        store: where.
        key: the session.
        new: the messages as the client sent them, 1 to 99.
        usage: tokens to add to the session's sum, unless nothing is new.
        expected_sequence: if given, the sequence that the first new message must get.

    Raises:
        NotFound: no such session.
        SequenceMismatch: the next sequence is not the expected one; nothing was written.
        MessageIdReused: an id is taken by a message with other content; nothing was written.
        TooLarge: a message, or all of them together; nothing was written.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    new = identified(store, new)
    ids = [fields["message_id"] for fields in new]
    tried: dict[str, list[_Try]] = {}
    present: dict[str, Stored] = {}
    doubt: Doubt | None = None
    head, fresh = await store.cache.head(key), False
    for attempt in count():
        if head is None:
            head, fresh = await store.head(key), True
        seen = {one: [message.sequence] for one, message in present.items()}
        sent = {one: [a_try.sequence for a_try in tries] for one, tries in tried.items()}
        hits = ring.places(head.ring, head.message_count, ids, seen, sent if doubt else {})
        if not fresh and (hits or head.leftover or expected_sequence not in {None, head.message_count}):
            head = None
            continue
        try:
            present = await _present(store, head, new, hits)
        except LogMoved as moved:
            head = moved.head
            continue
        missing = [fields for fields in new if fields["message_id"] not in present]
        if not missing:
            return _found(store, ids, present, head, tried)
        check_doubt(doubt, head)
        check_sequence(expected_sequence, head)
        after, stored = _answerable(advanced(store, head, missing, usage), head)
        # Also of a try that is answered: somebody on the way may have sent it twice.
        _remember(tried, missing, stored, after)
        # A guess from the cache must be right about the version too, or the answer would carry on its error.
        try:
            await clear_leftover(store, head)
            await store.transact(head_update(head, after, same_version=not fresh), *puts(key, stored))
        except ConditionFailed as refused:
            head, fresh = await _next_head(store, key, attempt, refused)
        except Contended as error:
            store.counts["conflicts"] += 1
            await store.again(attempt, error)
        except Unanswered as error:
            doubt, head = Doubt(error, head.rewinds), None
            await store.again(attempt, error)
        else:
            await store.cache.appended(after, stored)
            store.counts["appends"] += len(stored)
            written = {fields["message_id"]: one for fields, one in zip(missing, stored, strict=True)}
            return _answer(ids, present | written, after, replayed=False)
    raise AssertionError  # count() does not end


async def _next_head(
    store: Store, key: SessionKey, attempt: int, refused: ConditionFailed
) -> tuple[Head, bool]:
    """Wait; the head to try from then, and whether it is the table's.

    While it waits others go on: from where they left it, as far as the cache tells, the next try is likelier
    to hold than from the head that refused this one.

    Raises:
        NotFound: there is no such session.
        Unavailable: there is no time for another try.
    """
    store.counts["conflicts"] += 1
    head = await refusing_head(store, key, refused)
    await store.again(attempt, Contended("Too many writers on this session."))
    seen = await store.cache.head(key)
    return (seen, False) if seen and seen.version > head.version else (head, True)


def _answerable(advance: tuple[Head, list[Stored]], head: Head) -> tuple[Head, list[Stored]]:
    """Let messages pass that the answer has room for, in which their JSON is escaped once more.

    Raises:
        TooLarge: it has not; after the write it would be too late to say so.
    """
    if advance[0].log_size - head.log_size > PAYLOAD_LIMIT:
        raise TooLarge(f"The messages take more than {PAYLOAD_LIMIT} bytes in the answer.")
    return advance


def check_sequence(expected: int | None, head: Head) -> None:
    """Let a log pass that ends where it is expected to, if that is said.

    Raises:
        SequenceMismatch: it ends elsewhere.
    """
    if expected not in {None, head.message_count}:
        raise SequenceMismatch(
            f"The next sequence is {head.message_count}.", extra={"message_count": head.message_count}
        )


async def refusing_head(store: Store, key: SessionKey, refused: ConditionFailed) -> Head:
    """The head that a failed transaction brought back, whose first write is the head's.

    Raises:
        NotFound: the session is deleted, or there is none.
    """
    if (item := refused.items[0]) is None:
        # The messages refused, not the head: it went on between the two looks, or there is none.
        return await store.head(key)
    head = heads.from_item(item)
    if not head.live:
        await store.cache.drop(key, head)
        raise not_found()
    return head


async def _present(
    store: Store, head: Head, new: Sequence[Fields], hits: Mapping[str, Sequence[int]]
) -> dict[str, Stored]:
    """Those of the messages that are stored already, by id: where the hits say, and beside these.

    Raises:
        LogMoved: the session was rewound meanwhile.
        MessageIdReused: one is, with other content.
    """
    present = await _verified(store, head, new, hits)
    unseen = [fields["message_id"] for fields in new if fields["message_id"] not in present]
    if present and unseen:
        beside = await near(store, head, unseen, [message.sequence for message in present.values()])
        present |= await _verified(store, head, new, beside)
    return present


async def _verified(
    store: Store, head: Head, new: Sequence[Fields], hits: Mapping[str, Sequence[int]]
) -> dict[str, Stored]:
    """Those of the messages that are stored where the hits say, by id; raises as `_present` does."""
    present: dict[str, Stored] = {}
    differing: dict[str, int] = {}
    by_id = {fields["message_id"]: fields for fields in new}
    async for message_id, message in stored_under(store, head, hits):
        if messages.equal(message.as_first_stored(), by_id[message_id]):
            present[message_id] = message
        else:
            differing[message_id] = message.sequence
    # An id that the ring had forgotten can be taken again; the repeat of the first message stays a repeat.
    for message_id, sequence in differing.items():
        if message_id not in present:
            raise MessageIdReused(
                "A message with this id and other content is stored.", extra={"sequence": sequence}
            )
    return present


def _remember(
    tried: dict[str, list[_Try]], sent: Sequence[Fields], stored: Sequence[Stored], after: Head
) -> None:
    for fields, message in zip(sent, stored, strict=True):
        created_at = fields.get("created_at", after.updated_at)
        tried.setdefault(fields["message_id"], []).append(_Try(message.sequence, created_at, after.version))


def _found(
    store: Store,
    ids: Sequence[str],
    present: Mapping[str, Stored],
    head: Head,
    tried: Mapping[str, Sequence[_Try]],
) -> Appended:
    """The answer where all is stored: by a try of this request that was not answered, or before."""
    ours = [
        a_try.version
        for one, message in present.items()
        for a_try in tried.get(one, ())
        if message.sequence == a_try.sequence and message.fields()["created_at"] == a_try.created_at
    ]
    store.counts["appends" if ours else "replays"] += len(ids)
    if ours:
        # What others changed since is not this append's: an `If-Match` with its version must fail.
        head = head._replace(version=min(head.version, max(ours)))
    return _answer(ids, present, head, replayed=not ours)


def _answer(ids: Sequence[str], by_id: Mapping[str, Stored], head: Head, *, replayed: bool) -> Appended:
    ordered = [by_id[message_id] for message_id in ids]
    return Appended(
        messages=[
            dumps(message.as_first_stored()) if message.attached else message.json for message in ordered
        ],
        sequences=[message.sequence for message in ordered],
        head=head,
        replayed=replayed,
    )
