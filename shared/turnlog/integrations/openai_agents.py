"""Turnlog as the session of the OpenAI Agents SDK: its items are messages, which a chat front end reads too.

G1, G2: an add of up to 99 items is one append, all or none, and one that is made again after an error is
stored once. A pop takes away the item that it returns and no other: it is a rewind by one message that holds
only if nobody has changed the session since that item was read.
"""

from __future__ import annotations

import random
from asyncio import sleep
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from uuid import uuid4
from weakref import WeakKeyDictionary

# First, so that whoever lacks the extra is told of the extra, not of what Turnlog needs of it.
try:
    from agents.memory.session_settings import coerce_session_settings, resolve_session_limit
except ImportError as error:
    message = "TurnlogSession needs the OpenAI Agents SDK: pip install 'turnlog[openai]'"
    raise ImportError(message, name=error.name) from error

from turnlog.client.clients import AsyncTurnlog
from turnlog.errors import (
    Contended,
    Gone,
    NotFound,
    PreconditionFailed,
    SequenceMismatch,
    TurnlogError,
    UsageError,
)
from turnlog.integrations.common import (
    Repeats,
    async_client,
    in_session,
    is_one_run,
    may_be_done,
    short_hash,
)
from turnlog.integrations.items import to_items, to_message
from turnlog.limits import MAX_BATCH
from turnlog.records.keys import check_session_id
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agents.memory import SessionSettings

    from turnlog.models.answers import Appended, Message

    Json = dict[str, Any]

TurnlogOf: TypeAlias = Callable[[Any], AsyncTurnlog]
"""Gives what a run works on, from its context (a `RunContextWrapper`; None outside of a run)."""

# Bytes of messages in one append: they fit into a request and an answer however they are escaped.
_BATCH_BYTES = 2 << 20
_READ_TRIES = 4
# Seconds, as the store's own writers wait.
_FIRST_WAIT, _LONGEST_WAIT = 0.01, 0.4


class _TakeBack(NamedTuple):
    """The rewind that takes back what a call stored, at the version that its last append made."""

    to_sequence: int
    expected_sequence: int
    if_match: int
    rewind_id: str


class _Failed:
    """What is known of the last call that failed.

    Attributes:
        repeats: the name under which its items were sent.
        take_back: the rewind that takes them back, until it is known how it ended: it may still arrive.
    """

    def __init__(self) -> None:
        self.repeats = Repeats()
        self.take_back: _TakeBack | None = None


class TurnlogSession:
    """An `agents.Session`, safe under concurrent writers.

    Args:
        session_id: the SDK's, any text. Turnlog's is the same where it can be one, else made of its hash.
        turnlog: the client whose user's the session is; or what gives it for a run's context, for one tenant
            always the same, so that one session object serves several.
        session_settings: as of the SDK's own sessions.
    """

    def __init__(
        self,
        session_id: str,
        turnlog: AsyncTurnlog | TurnlogOf,
        *,
        session_settings: SessionSettings | dict[str, Any] | None = None,
    ) -> None:
        self.session_id = session_id
        self.session_settings: SessionSettings | None = coerce_session_settings(session_settings or {})
        self._turnlog = async_client(turnlog) if not callable(turnlog) else turnlog
        self._id = turnlog_id(session_id)
        self._failed: WeakKeyDictionary[AsyncTurnlog, _Failed] = WeakKeyDictionary()

    async def get_items(self, limit: int | None = None, *, wrapper: Any = None) -> list[Any]:
        """The newest items in chronological order: all, or `limit` of them; none if that is not above 0.

        Raises:
            Unavailable: Turnlog did not answer.
        """
        limit = resolve_session_limit(limit, self.session_settings)
        if limit is not None and limit <= 0:
            return []
        try:
            messages = await self._standing(self._of(wrapper), limit)
        except NotFound:
            return []
        items = [item for message in messages for item in to_items(message.raw)]
        return items if limit is None else items[-limit:]

    async def add_items(self, items: Sequence[Mapping[str, Any]], *, wrapper: Any = None) -> None:
        """Add items: up to 99, or 2 MiB, in one append; more in several.

        If a later append is refused, what the earlier ones stored is taken back, if it is sure that this very
        call stored it and that nobody has changed the session since. Otherwise nothing is taken back, and the
        error says how many items were stored (`stored_items`), and whether another changed the session since.
        If the same call was made before and got no answer, the error says so: then more may be stored.
        If Turnlog is unavailable (`Unavailable`: no answer, 429 or 5xx), or the call is cancelled, nothing is
        taken back. Then the next `add_items` on this object, if it has the same items, stores the others.

        Raises:
            Gone: the session was deleted.
            Invalid: an item is no object.
            TooLarge: an item is above 64 MB, or above what is stored without a bucket.
            Unavailable: Turnlog did not answer; the same call may be made again.
        """
        if not items:
            return
        turnlog = self._of(wrapper)
        messages = [to_message(item) for item in items]
        lines = [dumps(message) for message in messages]

        failed = self._failed.setdefault(turnlog, _Failed())
        # Of the call before. As long as it may arrive late, it may take away what this one adds to.
        if await self._taken_back(turnlog, failed):
            failed.repeats.forget(self._id)
        undone = False

        async def send(request: str, unsure: bool) -> None:
            nonlocal undone
            stored: list[Appended] = []
            try:
                for batch in _batches(messages, lines, request):
                    added = await self._append(turnlog, batch)
                    stored.append(added)
            except TurnlogError as error:
                if stored and not unsure and is_one_run(stored) and not may_be_done(error):
                    failed.take_back = _TakeBack(
                        stored[0].first_sequence,
                        stored[-1].last_sequence + 1,
                        stored[-1].version,
                        uuid4().hex,
                    )
                undone = await self._settle(turnlog, failed, stored, error, of=len(messages))
                if unsure and not may_be_done(error) and not isinstance(error, NotFound | Gone):
                    error.told("The same call before got no answer: what it sent may still be stored.")
                raise

        try:
            await failed.repeats.named(self._id, b"\n".join(lines), send)
        except TurnlogError:
            if undone:
                failed.repeats.forget(
                    self._id
                )  # nothing of this call is stored, so the same call is a new one
            raise

    async def pop_item(self, *, wrapper: Any = None) -> Any:
        """Take the newest item away and return it; None if there is none.

        With it goes what else its message holds: a text, or other calls, where another program wrote it. And
        with it go the messages behind it that were removed.

        Raises:
            Unavailable: Turnlog did not answer; the item may be gone.
        """
        turnlog = self._of(wrapper)
        for attempt in count():
            with suppress(SequenceMismatch, PreconditionFailed):
                try:
                    return await self._pop(turnlog)
                except NotFound:
                    return None
            await _let_others_pass(attempt)
        raise AssertionError  # count() does not end

    async def clear_session(self, *, wrapper: Any = None) -> None:
        """Take all items away; the session stays.

        Raises:
            Unavailable: Turnlog did not answer; the same call may be made again.
        """
        turnlog = self._of(wrapper)
        for attempt in count():
            with suppress(SequenceMismatch, PreconditionFailed):
                try:
                    there = await turnlog.get_session(self._id, limit=0)
                    await turnlog.rewind_session(
                        self._id,
                        to_sequence=0,
                        expected_sequence=there.message_count,
                        if_match=there.version,
                    )
                except NotFound:
                    pass
                return
            await _let_others_pass(attempt)

    def _of(self, wrapper: Any) -> AsyncTurnlog:
        return self._turnlog if isinstance(self._turnlog, AsyncTurnlog) else self._turnlog(wrapper)

    async def _append(self, turnlog: AsyncTurnlog, batch: Sequence[Json]) -> Appended:
        metadata = {"openai_session_id": self.session_id}
        return await in_session(turnlog, self._id, metadata, lambda: turnlog.append_messages(self._id, batch))

    async def _settle(
        self,
        turnlog: AsyncTurnlog,
        failed: _Failed,
        stored: Sequence[Appended],
        error: TurnlogError,
        *,
        of: int,
    ) -> bool:
        """Take back what a failed call's appends stored; or have its error say what they stored.

        Args:
            turnlog: of the call.
            failed: with the take-back, if the call was refused and these appends stored all that they name.
            stored: the appends' answers.
            error: why the call failed.
            of: how many items the call has.

        Returns:
            Whether nothing of the call is stored any more.
        """
        if isinstance(error, NotFound | Gone):
            return False  # all of the session is gone
        count = sum(len(added.messages) for added in stored)
        may_be_taken = failed.take_back is not None
        try:
            if await self._taken_back(turnlog, failed):
                return True
        except TurnlogError:
            error.told(f"The first {count} of {of} items may still be stored.")
            return False
        if may_be_taken:
            error.told(
                f"The first {count} of {of} items were stored, and another has changed the session since.",
                stored_items=count,
            )
        elif stored:
            error.told(f"The first {count} of {of} items were stored.", stored_items=count)
        return False

    async def _taken_back(self, turnlog: AsyncTurnlog, failed: _Failed) -> bool:
        """Send the take-back of a call that failed, if there is one, until it is known how it ended.

        Only at the version that the call's last append made: whoever changed the session since keeps what
        they did. Only if the call was refused: else what failed may still arrive, behind items that are gone
        by then. It is kept until it is answered: one that arrives late would take the beginning of the same
        call made again. Its repeat is known by its id; and once it is refused, the session is of a later
        version, at which it is refused whenever it arrives.

        Returns:
            Whether it was made.

        Raises:
            Unavailable: it is not known yet.
        """
        if failed.take_back is None:
            return False
        try:
            await turnlog.rewind_session(self._id, **failed.take_back._asdict())
        except TurnlogError as refused:
            if may_be_done(refused) or isinstance(refused, UsageError):
                raise
            made = False
        else:
            made = True
        failed.take_back = None
        return made

    async def _pop(self, turnlog: AsyncTurnlog) -> Any:
        """Pop once.

        Raises:
            NotFound: there is no such session.
            SequenceMismatch: another came first, as for `PreconditionFailed`.
        """
        at_once = 1
        standing: list[Message] = []
        while not standing:
            session = await turnlog.get_session(self._id, limit=at_once)
            standing = _said(session.messages)
            if not standing and not session.has_more:
                return None
            at_once *= 2
        last = standing[-1]
        await turnlog.rewind_session(
            self._id,
            to_sequence=last.sequence,
            expected_sequence=session.message_count,
            rewind_id=uuid4().hex,  # by which the repeat of a lost reply is told from another's pop
            if_match=session.version,
        )
        # What holds no item is no item's place: it goes with the one before it.
        return items[-1] if (items := to_items(last.raw)) else await self._pop(turnlog)

    async def _standing(self, turnlog: AsyncTurnlog, limit: int | None) -> list[Message]:
        """The newest messages that were not removed; raises as `_newest` does."""
        at_once = limit
        while True:
            messages = await self._newest(turnlog, at_once)
            standing = _said(messages)
            if limit is None or at_once is None or len(standing) >= limit or len(messages) < at_once:
                return standing
            at_once *= 2

    async def _newest(self, turnlog: AsyncTurnlog, limit: int | None) -> list[Message]:
        """The newest messages, from as many answers as they take.

        Raises:
            NotFound: there is no such session.
            Contended: it is rewound all the time.
        """
        for _ in range(_READ_TRIES):
            session = await turnlog.get_session(self._id, limit=limit)
            messages, has_more = session.messages, session.has_more
            if not has_more or len(messages) == limit:
                return messages
            last = messages[-1]
            while has_more and len(messages) != limit:
                left = None if limit is None else limit - len(messages)
                page = await turnlog.list_messages(self._id, before=messages[0].sequence, limit=left)
                messages, has_more = [*page.messages, *messages], page.has_more
            # As long as the last one stands, none before it was taken away and replaced.
            again = await turnlog.list_messages(self._id, after=last.sequence - 1, limit=1)
            if [one.message_id for one in again.messages] == [last.message_id]:
                return messages
        raise Contended("The session is being rewound.")


def _said(messages: Sequence[Message]) -> list[Message]:
    """The messages without those that were removed: they say nothing any more."""
    return [message for message in messages if not message.removed]


async def _let_others_pass(attempt: int) -> None:
    """Wait before the next try, longer after each; who came first is then through."""
    await sleep(random.random() * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempt, 16)))  # noqa: S311 (jitter)


def turnlog_id(session_id: str) -> str:
    """Turnlog's id for a session of the SDK."""
    try:
        return check_session_id(session_id)
    except ValueError:
        return f"openai-{short_hash(session_id)}"


def _batches(messages: Sequence[Json], lines: Sequence[bytes], request: str) -> Iterator[list[Json]]:
    """The messages in batches that one append takes, each with an id of the request's."""
    batch: list[Json] = []
    size = 0
    for at, (message, line) in enumerate(zip(messages, lines, strict=True)):
        if batch and (len(batch) == MAX_BATCH or size + len(line) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({**message, "message_id": f"{request}-{at}"})
        size += len(line)
    yield batch
