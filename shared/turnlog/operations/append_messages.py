"""G1, G2, G3, G7, G8: one append is one conditional transaction.

The head moves from `message_count` n to n + k only if it still is n, and in the same transaction the messages
n..n+k-1 are put and the usage is added. So two writers cannot take one sequence, nothing is half written, and
the counts are those of the log. The condition also fails for a tombstone, which has no count (G4). When it
fails it brings the head as it is, from which the next try starts without a read. Fields of the session that
the append replaces are set in the same transaction, at the version that was read.

A stream's producer appends in its name: then the head has to name that stream and its epoch, and each message
bears the stream's id.

From the first head on that the table has shown, or over which a try was not answered, the writer works on
that generation of the session alone: if another is begun under the id, there is no such session for this
writer (G4).

A writer may find that a message is there already: a client sent it again, or the writer's own request was
applied and the reply lost. Both are one case: the ring in the head names the sequence, and the message stored
there decides. If the ring still knows a part of a batch, the rest is looked for beside that part.

The writer always holds one head, and what it may do depends on where that head is from:

| the head is | it comes from | the writer may |
|---|---|---|
| a guess | the cache: at the start, or after a lost race if it is newer there | write at this exact version |
| the table's | a read, or the refusal of a try | write at this count; answer a replay; refuse |
| none | | read it: after no answer, or where a guess suggests anything else than a write |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import ConditionFailed, Contended, MessageIdReused, TooLarge, Unanswered
from turnlog.limits import PAYLOAD_LIMIT
from turnlog.operations.create_session import check_objects, encoded_objects
from turnlog.records import messages, ring
from turnlog.store.doubt import tells_doubt
from turnlog.store.large import LargeMessages, whole
from turnlog.store.leftover import clear_leftover
from turnlog.store.log import (
    Fields,
    advanced,
    check_fence,
    check_sequence,
    head_update,
    near,
    puts,
    stored_under,
    with_message_ids,
)
from turnlog.store.store import LogMoved
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from turnlog.records.expressions import Fence
    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.retry import Tries
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
    title: str | None = None,
    fields: Mapping[str, Any] | None = None,
    answered: bool = True,
    fence: Fence | None = None,
) -> Appended:
    """Append messages, all or none, each once.

    Args:
        new: the messages as the client sent them, 1 to 99.
        usage: tokens to add to the session's sum, unless nothing is new.
        expected_sequence: if given, the sequence that the first new message must get.
        title: replaces the session's, unless nothing is new; as do the objects in `fields`.
        fields: see `create_session`.
        answered: whether the answer has to hold the messages.
        fence: only if this stream runs on the session, in this epoch; the messages bear its id.

    Raises:
        NotFound: no such session, or no such stream of it.
        StreamEnded: the stream has ended; nothing was written.
        Fenced: another has taken the stream over; nothing was written.
        SequenceMismatch: the next sequence is not the expected one; nothing was written.
        MessageIdReused: an id is taken by a message with other content; nothing was written.
        TooLarge: a message, all of them together, or the objects; nothing was written.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    large = LargeMessages(store, key)
    new = [{"stream_id": fence.stream_id, **fields} for fields in new] if fence else new
    work = _append(
        large,
        with_message_ids(store, new),
        usage=usage,
        expected_sequence=expected_sequence,
        replaced=replaced_fields(store, title, fields),
        answered=answered,
        fence=fence,
    )
    return await large.settled(work)


async def _append(
    large: LargeMessages,
    new: Sequence[Fields],
    *,
    usage: Mapping[str, int] | None,
    expected_sequence: int | None,
    replaced: Mapping[str, Any],
    answered: bool,
    fence: Fence | None,
) -> Appended:
    store, key = large.store, large.key
    ids = [fields["message_id"] for fields in new]
    tried: dict[str, list[_Try]] = {}
    present: dict[str, Stored] = {}
    tries = store.tries()
    meant: SessionKey | GenerationKey = key
    head, guessed = await store.cache.head(key), True
    while True:
        if head is None:
            head, guessed = await store.head(meant), False
            meant = head.key
        seen = {one: [message.sequence] for one, message in present.items()}
        sent = {one: [a_try.sequence for a_try in them] for one, them in tried.items()}
        hits = ring.candidates(head.ring, head.message_count, ids, seen, sent if tries.unanswered else {})
        if guessed and (hits or head.leftover or not _fits(head, expected_sequence, fence)):
            head = None
            continue
        try:
            present = await find_present(store, head, new, hits)
        except LogMoved as moved:
            head = moved.head
            continue
        missing = [fields for fields in new if fields["message_id"] not in present]
        if not missing:
            return _answer_stored(store, ids, present, head, tried)
        await check_fence(store, head, fence)
        tries.check_rewinds(head)
        check_sequence(expected_sequence, head)
        after, stored = advanced(store, head, missing, usage, large)
        after = after._replace(**replaced)
        _check(head, after, answered=answered and not store.in_process)
        # Also of a try that is answered: somebody on the way may have sent it twice.
        _remember(tried, missing, stored, after)
        await large.put(stored)
        # A guess from the cache must be right about the version too, or the answer would carry on its error.
        try:
            await clear_leftover(store, head)
            exact = guessed or bool(replaced)
            write = head_update(head, after, same_version=exact, replaced=replaced, fence=fence)
            await large.transact(stored, write, *puts(head.key, stored))
        except ConditionFailed as refused:
            head, guessed = await _next_head(store, meant, tries, refused)
            meant = head.key
        except (Contended, Unanswered) as error:
            store.counts["conflicts"] += isinstance(error, Contended)
            await tries.again(error, over=head)
            if isinstance(error, Unanswered):
                meant, head = head.key, None
        else:
            await store.cache.appended(after, stored)
            store.counts["appends"] += len(stored)
            written = {fields["message_id"]: one for fields, one in zip(missing, stored, strict=True)}
            return _answer(ids, present | written, after, replayed=False)


def _fits(head: Head, expected_sequence: int | None, fence: Fence | None) -> bool:
    """Whether a write may be tried at this head, as far as it says so itself."""
    return expected_sequence in {None, head.message_count} and (fence is None or head.runs(fence))


async def _next_head(
    store: Store, key: SessionKey | GenerationKey, tries: Tries, refused: ConditionFailed
) -> tuple[Head, bool]:
    """Wait; then the head to try from, and whether it is a guess.

    While this writer waits, others append. The cache may know of that: a try from its head is likelier to
    hold than one from the head that refused the last.

    Raises:
        NotFound: there is no such session.
        Unavailable: there is no time for another try.
    """
    store.counts["conflicts"] += 1
    head = await store.refusing_head(key, refused)
    await tries.again(Contended("Others keep changing this session. Try again."))
    seen = await store.cache.head(head.key.session)
    newer = seen and seen.key == head.key and seen.version > head.version
    return (seen, True) if seen and newer else (head, False)


def replaced_fields(store: Store, title: str | None, fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """The head's attributes that are replaced, with the token that every change of them leaves."""
    given: dict[str, Any] = encoded_objects(fields or {})
    given |= {} if title is None else {"title": title}
    return given | {"token": store.clock.token()} if given else {}


def _check(head: Head, after: Head, *, answered: bool) -> None:
    """Refuse what the head or the answer has no room for. After the write it would be too late to say so.

    Raises:
        TooLarge: the objects are over their limit, or the answer has no room for the messages' JSON, which
            is escaped there once more.
    """
    check_objects(head, after)
    size = after.log_size - head.log_size
    if answered and size > PAYLOAD_LIMIT:
        alone = after.message_count - head.message_count == 1
        what, fewer = ("The message takes", "") if alone else ("The messages take", " Send fewer at once.")
        raise TooLarge(
            f"{what} {size} bytes in the answer, which holds {PAYLOAD_LIMIT}.{fewer} An answer can do without"
            " messages: send the header Prefer: return=minimal (in Python, minimal=True)."
        )


async def find_present(
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
    """Those of the messages that are stored where the hits say, by id; raises as `find_present` does.

    A large one is read and compared before the next one is. It is kept only if it is the same, so no more is
    held than the request holds.
    """
    present: dict[str, Stored] = {}
    edited: dict[str, Stored] = {}
    differing: dict[str, int] = {}
    by_id = {fields["message_id"]: fields for fields in new}
    async for message_id, message in stored_under(store, head, hits):
        there = await whole(store, head, message)
        if messages.says(there, by_id[message_id], first=True):
            present[message_id] = there
        elif messages.erased(there.known()):
            edited[message_id] = there  # what it said at first is gone: whatever is sent is its repeat
        elif len(hits[message_id]) == 1:
            raise _reused(message.sequence)  # at once: what comes behind need not be read
        else:
            differing[message_id] = message.sequence
    present = edited | present
    # An id that the ring had forgotten can be taken again; the repeat of the first message stays a repeat.
    for message_id, sequence in differing.items():
        if message_id not in present:
            raise _reused(sequence)
    return present


def _reused(sequence: int) -> MessageIdReused:
    return MessageIdReused(
        f"The message at sequence {sequence} has the message_id of one that was sent, and"
        " other content. Send the new one with another message_id.",
        extra={"sequence": sequence},
    )


def _remember(
    tried: dict[str, list[_Try]], sent: Sequence[Fields], stored: Sequence[Stored], after: Head
) -> None:
    for fields, message in zip(sent, stored, strict=True):
        created_at = fields.get("created_at", after.updated_at)
        tried.setdefault(fields["message_id"], []).append(_Try(message.sequence, created_at, after.version))


def _answer_stored(
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
        if message.sequence == a_try.sequence and message.known()["created_at"] == a_try.created_at
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
