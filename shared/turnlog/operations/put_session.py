"""G1, G7: PUT compares what overlaps and appends what is new; it never slices by a count of its own.

The messages of the request are what the session holds from `start_sequence` on. Those that are stored must
match; the others are appended in steps of one transaction each, in order. All of them are checked before the
first is written, so that an answer that refuses finds nothing written.

| state | known | what comes next |
|---|---|---|
| unseen | nothing that is current | read the head, or create the session with the first step: seen |
| seen | the head | refuse; or compare what is not `confirmed` (after a rewind: all): matched |
| matched | that the head's log holds what is `confirmed` | write the next step: seen; failed: unseen |
| done | that nothing is left to write | answer |

A crash, a lost reply or another writer between two steps leads to "unseen", in this request or in a repeat of
it: what was stored is then found by the comparison, and the repeat finishes, or says where the logs part.

A step holds only at the version that was read, so the answer is a state that the table had. Where a step was
not answered and another changed the session since, the step is not made again over that: whether it was made
cannot be told (`Unanswered`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import (
    ConditionFailed,
    Contended,
    Diverged,
    MessageIdReused,
    PreconditionFailed,
    Unanswered,
)
from turnlog.limits import MAX_BATCH, MAX_FIRST_BATCH, PART_SIZE, REQUEST_LIMIT
from turnlog.operations.create_session import check_objects, create_session, encoded_objects
from turnlog.operations.read_session import load
from turnlog.records import messages, ring
from turnlog.records.head import Head, check_version
from turnlog.records.usage import replaced
from turnlog.store.doubt import tells_doubt
from turnlog.store.large import LargeMessages, whole
from turnlog.store.leftover import clear_leftover
from turnlog.store.log import Fields, advanced, head_update, puts, steps, stored_under, with_message_ids
from turnlog.store.store import LogMoved, fork_unfinished, gone, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from turnlog.records.head import Match
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.messages import Stored
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
        ForkUnfinished: a fork under this id is not whole yet.
        NotFound: it was deleted meanwhile.
        PreconditionFailed: the version is another; nothing was written.
        TooLarge: a message, or the fields.
        Unavailable: the table refused or did not answer; the same request finishes.
    """
    request = _Request(
        key,
        messages=with_message_ids(store, new),
        named=[fields.get("message_id") for fields in new],
        start=start,
        title=title,
        usage=usage,
        fields=fields,
        if_match=if_match,
    )
    large = LargeMessages(store, key)
    return await large.settled(_put(_Progress(large, request)))


async def _put(progress: _Progress) -> Put:
    while True:
        head = progress.head or await progress.look()
        progress.check(head)
        try:
            await progress.match(head)
        except LogMoved as moved:
            progress.head = moved.head
            continue
        step, changed = progress.left(head)
        if not step and not changed:
            return Put(head, progress.created)
        await progress.write(head, step, changed)


class _Request(NamedTuple):
    """What a PUT asks for, see `put_session`.

    Attributes:
        messages: with an id each.
        named: the ids that the client gave; None for a message to which it gave none.
    """

    key: SessionKey
    messages: Sequence[Fields]
    named: Sequence[str | None]
    start: int
    title: str | None
    usage: Mapping[str, int] | None
    fields: Mapping[str, Any] | None
    if_match: Match | None

    def attributes(self) -> dict[str, Any]:
        """The attributes that the head gets."""
        titled = {"title": self.title} if self.title is not None else {}
        return {
            **(replaced(self.usage) if self.usage else {}),
            **encoded_objects(self.fields or {}),
            **titled,
        }


class _Progress:
    """How far a PUT has come, see the module's states.

    Attributes:
        head: as it is now; None: unseen.
        created: this PUT made the session.
        confirmed: how many of the request's messages are stored, from the first on.
        ours: this PUT has written: the version and the title, objects and usage are done with.
        tried: the head over which the last step was tried.
        tries: of the step that is under way.
    """

    def __init__(self, large: LargeMessages, request: _Request) -> None:
        store = large.store
        self.head: Head | None = None
        self.created = False
        self.confirmed = 0
        self.ours = False
        self.tried: Head | None = None
        self.tries = store.tries()
        self._store = store
        self._request = request
        self._large = large
        self._wanted = request.attributes()
        self._token = store.clock.token()
        self._rewinds = 0  # of the head at which the messages were confirmed
        self._meant: GenerationKey | None = None  # that was there first
        created_at = store.now()
        self._sizes = []
        for sequence, one in enumerate(request.messages, request.start):
            fields = {"sequence": sequence, "created_at": created_at, **one}
            size = len(messages.to_json(fields))
            if size > large.room:
                large.check(sequence, fields)
            # What is more than the room is an object.
            self._sizes.append(min(large.room, size))

    async def look(self) -> Head:
        """The head as it is now; where there is none, the session is created with the first step."""
        request = self._request
        if head := await self._store.find_head(request.key):
            return head
        _check_new(request.start, request.if_match)
        made = await create_session(
            self._store,
            request.key,
            request.messages[: _step_length(self._sizes, MAX_FIRST_BATCH)],
            usage=request.usage,
            title=request.title,
            fields=request.fields,
        )
        self.created = self.ours = made.created
        self.confirmed = len(made.messages)
        self.tries.unanswered, self.tried = made.unanswered, Head(request.key.at(0))
        return made.head

    def check(self, head: Head) -> None:
        """Refuse a head that the PUT must not change.

        Raises:
            Gone: the session was deleted.
            ForkUnfinished: it is a fork that is not whole yet.
            NotFound: it was deleted, and another was begun under its id (G4).
            PreconditionFailed: nothing was written, and the version is another.
            Unanswered: as for that, but something may have been written.
        """
        if head.forking:
            raise fork_unfinished()
        if not head.live:
            raise gone(head)
        if self._meant not in {None, head.key}:
            raise not_found()
        self._meant = head.key
        self.ours = self.ours or head.token == self._token
        if not self.ours:
            check_version(head, self._request.if_match)
        if head.rewinds != self._rewinds:
            self.confirmed, self._rewinds = 0, head.rewinds

    async def match(self, head: Head) -> None:
        """Compare with the log what is not confirmed yet.

        Raises:
            Diverged: a stored message differs, or a gap would arise.
            MessageIdReused: a new message bears the id of an older one.
            LogMoved: the session was rewound meanwhile.
        """
        self.confirmed += await _matching(self._large, head, self._request, self.confirmed)
        await _check_unused(self._store, head, self._request.messages[self.confirmed :])

    def left(self, head: Head) -> tuple[Sequence[Fields], dict[str, Any]]:
        """What is left to write: the messages of the next step, and the head's attributes that change."""
        length = _step_length(self._sizes[self.confirmed :], MAX_BATCH)
        step = self._request.messages[self.confirmed : self.confirmed + length]
        if self.ours:
            return step, {}
        return step, {name: value for name, value in self._wanted.items() if getattr(head, name) != value}

    async def write(self, head: Head, step: Sequence[Fields], changed: Mapping[str, Any]) -> None:
        """Try a step over this head; if that fails, wait.

        Raises:
            TooLarge: the objects would be.
            Unavailable: there is no time for another try.
            Unanswered: see `_check_overtaken`.
        """
        self._check_overtaken(head, changed)
        check_objects(head, head._replace(**changed))
        replaced = {"token": self._token, **changed}
        after, stored = advanced(self._store, head, step, None, self._large)
        await self._large.put(stored)
        self.head, self.tried = None, head
        try:
            self.head = await self._written(head, after, stored, replaced)
        except (ConditionFailed, Contended, Unanswered) as refused:
            self._store.counts["conflicts"] += not isinstance(refused, Unanswered)
            again = refused if isinstance(refused, Unanswered) else self.tries.unanswered
            await self.tries.again(again or Contended("Others keep changing this session. Try again."))
        else:
            self.confirmed += len(step)
            self.ours, self.tries = True, self._store.tries()

    async def _written(
        self, head: Head, after: Head, stored: Sequence[Stored], replaced: Mapping[str, Any]
    ) -> Head:
        """Store one step's messages and the attributes that get a value; the head after it.

        Only if the session is of the version that was read: so the head is one that the table has.
        """
        await clear_leftover(self._store, head)
        moved = head_update(head, after, same_version=True, replaced=replaced)
        await self._large.transact(stored, moved, *puts(head.key, stored))
        after = after._replace(**replaced)
        await self._store.cache.appended(after, stored)
        self._store.counts["appends"] += len(stored)
        return after

    def _check_overtaken(self, head: Head, changed: Mapping[str, Any]) -> None:
        """Refuse another try where it could undo what another did after an unanswered one.

        Raises:
            Unanswered: another changed the session since that try. Every change but an append leaves a token.
                A step of messages alone is compared with the log, so it can undo nothing but a rewind.
        """
        unanswered, tried = self.tries.unanswered, self.tried
        if not unanswered or not tried or head.token == tried.token:
            return
        if changed or head.rewinds != tried.rewinds:
            raise unanswered


def _check_new(start: int, if_match: Match | None) -> None:
    """Refuse a PUT that cannot create a session."""
    if start:
        raise _gap(start, 0)
    if if_match:
        raise PreconditionFailed("If-Match asks for a session that is there, and there is none.")


def _step_length(sizes: Sequence[int], room: int) -> int:
    """How many of the messages surely go into one transaction.

    Args:
        sizes: of the messages, uncompressed, but for what is never in an item.
        room: how many items they may take.
    """
    size = parts = 0
    for at, one in enumerate(sizes):
        size += one
        parts += -(-one // PART_SIZE)
        if size > REQUEST_LIMIT or parts > room:
            return at
    return len(sizes)


async def _matching(large: LargeMessages, head: Head, request: _Request, done: int) -> int:
    """How many messages of the request are stored, behind the first `done` of it.

    G8: the large ones of those that are compared are read one at a time.

    Raises:
        Diverged: one differs, or a gap would arise.
    """
    store, start = large.store, request.start
    if start > head.message_count:
        raise _gap(start, head.message_count)
    first, end = start + done, min(start + len(request.messages), head.message_count)
    for at, stop in steps(head, first, end):
        for message in await load(store, head, at, stop):
            large.found([message])
            at_request = message.sequence - start
            same_id = request.named[at_request] in {None, message.known()["message_id"]}
            there = await whole(store, head, message) if same_id else message
            if not same_id or not messages.says(there, request.messages[at_request]):
                raise _diverged(message.sequence, head.message_count)
    return max(0, end - first)


async def _check_unused(store: Store, head: Head, new: Sequence[Fields]) -> None:
    """Refuse messages whose ids are taken (G2)."""
    hits = ring.find(head.ring, head.message_count, [fields["message_id"] for fields in new])
    async for _, message in stored_under(store, head, hits):
        raise MessageIdReused(
            f"A new message has the message_id of the one at sequence {message.sequence}."
            " Send it with another.",
            extra={"sequence": message.sequence},
        )


def _gap(start: int, message_count: int) -> Diverged:
    return Diverged(
        f"start_sequence is {start}, and the session holds {message_count} messages: a gap would arise."
        f" Begin at {message_count} or before.",
        extra={"sequence": message_count, "message_count": message_count},
    )


def _diverged(sequence: int, message_count: int) -> Diverged:
    return Diverged(
        f"The stored messages differ from sequence {sequence} on; the session holds {message_count} messages."
        " Read it again.",
        extra={"sequence": sequence, "message_count": message_count},
    )
