"""G1, G3, G4, G7: a fork is copied in steps that nobody sees, and one transaction makes it a session.

While it is copied, its head is no session's: it has no `message_count`, which every write asks for, and no
place in the list. It says how far the fork is (`records.forks`). Each step puts messages and moves the head
in one transaction, on the condition that the head is what it was. So a step that comes late or twice writes
nothing, and two requests for one fork help each other.

| under the new id is | next |
|---|---|
| nothing | the head of the unfinished fork is put, with a marker that ends after a day: unfinished |
| this fork, unfinished | the next messages are copied: unfinished; all are there: the last transaction |
| this fork, whole | answered: made by this request, or a replay |
| another unfinished fork | `ForkUnfinished` |
| another session | `SessionExists` |
| a tombstone | `Gone` |

The last transaction checks that the source is there, and that since the pass began no stored message of it
was edited or taken away, and since it was read no field. So the whole fork is what the source was at that
moment. If the check fails, another pass begins, which writes what differs. Appends to the source do not
disturb it: the fork has the messages before `to` alone.

If the marker ends before the fork is whole, the head becomes a tombstone, and what was copied is purged.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import (
    ConditionFailed,
    Contended,
    NoSuchObject,
    NotFound,
    SequenceMismatch,
    SessionExists,
    Torn,
    Unanswered,
    Unavailable,
)
from turnlog.limits import FORK_DAYS, FORK_ITEMS, REQUEST_LIMIT
from turnlog.operations.create_session import expiry_put, sessions_counted
from turnlog.operations.delete_session import GONE_WITH_THE_SESSION
from turnlog.records import forks, ring
from turnlog.records.expressions import LIVE, check, put, update
from turnlog.records.forks import Progress
from turnlog.records.head import Head
from turnlog.records.messages import decode
from turnlog.store.deposits import delete_objects
from turnlog.store.doubt import tells_doubt
from turnlog.store.leftover import clear_leftover
from turnlog.store.log import message_writes
from turnlog.store.retry import check_time
from turnlog.store.store import fork_unfinished, gone
from turnlog.wire import dumps, parse_timestamp

if TYPE_CHECKING:
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.store import Store

# That the fork is not whole; the token is of this fork alone.
_UNFINISHED = "attribute_exists(#forking) AND #token = :fork"
# That the fork's head is what it was: the version counts the steps, the token is of this fork alone.
_UNCHANGED = "attribute_exists(#forking) AND #version = :seen AND #token = :fork"


class Forked(NamedTuple):
    """The fork's head, and whether this call made it whole."""

    head: Head
    created: bool


async def fork_session(
    store: Store,
    source: SessionKey,
    key: SessionKey,
    *,
    to: int | None = None,
    title: str | None = None,
) -> Forked:
    """Make a session that begins with the messages of another one.

    Args:
        source: of the session that is forked.
        key: of the fork.
        to: the sequence before which it ends; None: it has all messages that are there now.
        title: None: the source's.

    Raises:
        NotFound: there is no source, or it was deleted before the fork was whole.
        SequenceMismatch: the source has fewer messages.
        SessionExists: the id is another session's.
        ForkUnfinished: the id is that of another fork, which is not whole yet.
        Gone: the session with this id was deleted.
        Unavailable: the table or the bucket did not answer, or the time is over; the same request goes on.
            The error bears the fork's `session_id`, and as `copied` how many messages this request copied.
    """
    try:
        return await _fork(store, source, key, to, title)
    except Unavailable as error:
        error.told(
            "To go on with the fork, send the same request again, with this session_id.",
            session_id=key.session_id,
            copied=store.counts["messages_copied"],
        )
        raise


@tells_doubt
async def _fork(
    store: Store, source: SessionKey, key: SessionKey, to: int | None, title: str | None
) -> Forked:
    work = _Work(store, source, key, to, title)
    went_on = False  # each request makes a step at least
    tries = store.tries()
    while True:
        try:
            head = work.head = work.head or await store.find_head(key)
            if head is None:
                await work.begin()
                continue
            if not head.forking:
                return await work.found(head)
            if went_on:
                check_time(
                    store.clock, Unavailable("The fork is not finished: it takes longer than a request.")
                )
            await work.go_on(head)
            went_on, tries = True, store.tries()
        except ConditionFailed:
            store.counts["conflicts"] += 1
            work.forget()
            await tries.again(Contended("Others keep changing the session or the fork. Try again."))
        except (Contended, Unanswered) as error:
            work.forget()
            await tries.again(error)


class _Work:
    """One request for a fork.

    Attributes:
        head: of the fork, as it is now; None: not read yet, or there is none.
        source: the head of the session that is forked, as it was read after `head`; None: not read yet.
    """

    def __init__(
        self, store: Store, source: SessionKey, key: SessionKey, to: int | None, title: str | None
    ) -> None:
        self.head: Head | None = None
        self.source: Head | None = None
        self._store = store
        self._of = source
        self._key = key
        self._to = to
        self._title = title
        self._token = store.clock.token()

    def forget(self) -> None:
        """What was read may be out of date."""
        self.head = self.source = None

    async def begin(self) -> None:
        """Put the head of the unfinished fork."""
        store, now = self._store, self._store.now()
        self.source = source = await store.head(self._of)
        to = self._end(source)
        progress = Progress(
            self._of.session_id, source.key.generation, self._to, self._title, to, source.edits
        )
        head = Head(
            self._key.at(0), started_at=now, updated_at=now, token=self._token, forking=progress.dump()
        )
        await store.transact(
            {"Put": put(head.item(), condition="attribute_not_exists(#PK)")},
            *expiry_put(self._key, store.clock.now(), FORK_DAYS),
        )
        self.head = head

    async def found(self, head: Head) -> Forked:
        """What is under the id is no unfinished fork.

        Raises:
            Gone: it is a tombstone.
            SessionExists: it is another session.
        """
        if not head.live:
            raise gone(head)
        if head.token == self._token:
            return Forked(head, created=True)
        origin = json.loads(head.forked_from) if head.forked_from else {}
        if origin.get("session_id") != self._of.session_id or self._to not in {None, origin["sequence"]}:
            raise SessionExists(
                "There is a session with this session_id, and it is no such fork. Take another id."
            )
        self._store.counts["replays"] += 1
        return Forked(head, created=False)

    async def go_on(self, head: Head) -> None:
        """Make the next step.

        Raises:
            ForkUnfinished: it is another fork.
            NotFound: the source was deleted.
            SequenceMismatch: the source has fewer messages by now.
            ConditionFailed: the fork or the source is another by now, as for `Contended`.
            Unanswered: the step may have been made.
        """
        assert head.forking is not None  # noqa: S101 (see `_fork`)
        progress = forks.load(head.forking)
        if (progress.source, progress.asked, progress.title) != (self._of.session_id, self._to, self._title):
            raise fork_unfinished()
        source = self.source = self.source or await self._store.head(self._of.at(progress.generation))
        if source.edits != progress.edits:
            progress = progress._replace(to=self._end(source), edits=source.edits, copied=0)
            head = head._replace(log_size=0, ring=b"")
        if progress.copied < progress.to:
            self.head = await self._copy(head, source, progress)
        else:
            self.head = await self._finish(head, source, progress)

    async def _copy(self, head: Head, source: Head, progress: Progress) -> Head:
        """Copy the next messages; the head after that."""
        store, first = self._store, progress.copied
        end = min(first + FORK_ITEMS, progress.to)
        there = await self._copied(head.key, first, min(end, progress.end))
        writes: list[dict[str, Any]] = []
        old: set[str] = set()
        copies: list[Stored] = []
        size = 0
        for sequence, message in (await store.messages(source, first, end)).items():
            copy = _copy_of(message, head.key)
            before = there.get(sequence)
            more = [] if copy == before else message_writes(head.key, before or copy, copy)
            size += len(copy.blob) if more else 0
            if writes and (len(writes) + len(more) > FORK_ITEMS or size > REQUEST_LIMIT):
                break
            if more and copy.object_key:
                await self._copy_object(message.object_key, copy.object_key)
            old |= {before.object_key} - {copy.object_key} if before else set()
            writes += more
            copies.append(copy)
        copied = first + len(copies)
        progress = progress._replace(copied=copied, end=max(progress.end, copied))
        after = head._replace(
            version=head.version + 1,
            forking=progress.dump(),
            log_size=head.log_size + sum(copy.size for copy in copies),
            ring=ring.joined(head.ring, (copy.mark for copy in copies)),
        )
        moved = update(
            head.key,
            to={name: getattr(after, name) for name in ("forking", "log_size", "ring")},
            plus={"version": 1},
            condition=_UNCHANGED,
            values=_seen(head),
        )
        await store.transact({"Update": moved}, *writes)
        store.counts["messages_copied"] += len(copies)
        await delete_objects(store, old - {""})
        return after

    async def _copied(self, key: GenerationKey, first: int, end: int) -> dict[int, Stored]:
        """The messages first..end-1 of the unfinished fork."""
        if end <= first:
            return {}
        return {one.sequence: one for one in decode(await self._store.items(key, first, end))}

    async def _copy_object(self, name: str, to: str) -> None:
        bucket = self._store.bucket()
        try:
            await self._store.repeated(lambda: bucket.copy(name, to))
        except NoSuchObject:
            # As a rule: the source was edited or rewound since its item was read.
            raise Torn("A message's content is missing: it was changed meanwhile, or is lost.") from None

    async def _finish(self, head: Head, source: Head, progress: Progress) -> Head:
        """Make the fork a session, if the source is what it was; its head."""
        store = self._store
        origin = {"session_id": progress.source, "sequence": progress.to}
        # Clocks differ. No message is later than the session's last change.
        now = max(store.now(), head.updated_at, source.updated_at)
        whole = head._replace(
            version=1,
            message_count=progress.to,
            leftover=progress.end if progress.end > progress.to else None,
            forking=None,
            forked_from=dumps(origin).decode(),
            title=source.title if progress.title is None else progress.title,
            metadata=dumps(json.loads(source.metadata) | {"forked_from": origin}).decode(),
            updated_at=now,
            token=self._token,
        )
        await store.transact(
            {"Put": put(whole.item(), condition=_UNCHANGED, values=_seen(head))},
            # It may have got more messages.
            {
                "ConditionCheck": check(
                    source.key,
                    f"{LIVE} AND #edits = :edits AND #token = :token",
                    {"edits": source.edits, "token": source.token},
                )
            },
            sessions_counted(whole.key.user_id, 1),
            *expiry_put(self._key, store.clock.now(), store.retention_days),
        )
        store.counts["sessions_forked"] += 1
        with suppress(NotFound, Unavailable):  # else the first append does it
            await clear_leftover(store, whole)
        return whole

    def _end(self, source: Head) -> int:
        """How many messages the fork gets.

        Raises:
            SequenceMismatch: more are asked for than there are.
        """
        if self._to is not None and self._to > source.message_count:
            raise SequenceMismatch(
                f"to_sequence is {self._to}, but the session holds {source.message_count} messages."
                " Read the session again.",
                extra={"message_count": source.message_count},
            )
        return source.message_count if self._to is None else self._to


def _seen(head: Head) -> dict[str, Any]:
    return {"seen": head.version, "fork": head.token}


def _copy_of(message: Stored, key: GenerationKey) -> Stored:
    """A message as the fork has it: no rewind and no edit of it was made there, and it brought no usage."""
    name = message.object_key and f"{key.message_objects}{message.object_key.rpartition('/')[2]}"
    return message._replace(epoch=0, usage="", edits=b"", object_key=name)


async def give_up_fork(store: Store, head: Head) -> None:
    """Bury a fork whose marker has ended before it is whole.

    The marker may have been another one's, of before: then the fork is marked again.

    Args:
        head: of the unfinished fork.

    Raises:
        Unavailable: it is not done; call this again.
    """
    begun = parse_timestamp(head.started_at)
    if store.clock.now() - begun < timedelta(days=FORK_DAYS):
        marked = expiry_put(head.key.session, begun, FORK_DAYS)
        still = {"ConditionCheck": check(head.key, _UNFINISHED, {"fork": head.token})}
        with suppress(ConditionFailed):  # it is whole, or given up
            await store.repeated(lambda: store.transact(still, *marked))
        return
    buried = update(
        head.key,
        to={"deleted_at": store.now()},
        plus={"version": 1},
        without=GONE_WITH_THE_SESSION,
        condition=_UNFINISHED,
        values={"fork": head.token},
    )
    with suppress(ConditionFailed):
        await store.read("UpdateItem", buried)
