"""G1, G4, G7, G8: one try to append to a transcript is one conditional transaction, at any length.

The transcript's head moves from `entry_count` n to n + k only if it still is n, in the same generation; in
the same transaction the k entries are put as one batch, and the session's head is touched, which fails where
the session is not live. When the condition fails it brings the transcript's head as it is, from which the
next try starts without a read.

Under which generation of its session the transcript lies, only the session's head says, and a writer mostly
does without a look at that. So a writer first takes the session for one whose id was never deleted:

| the generation is | it comes from | what the writer may do |
|---|---|---|
| a guess | 0; where that has no such transcript, the cache | write; take another from a refusal or a look |
| known | the table | write; if it is another now, there is no such session (G4) |

Where a try over a guess was not answered, and the session is another than guessed, `begun_anew` tells.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from turnlog.errors import ConditionFailed, Contended, NotFound, TurnlogError, Unanswered
from turnlog.records import head as heads
from turnlog.records import transcripts
from turnlog.records.batches import answer_size, batch_put
from turnlog.store.deposits import EntryDeposits
from turnlog.store.store import not_found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from turnlog.errors import Torn
    from turnlog.records.entries import Entry
    from turnlog.records.head import Head
    from turnlog.records.keys import TranscriptKey, TranscriptName
    from turnlog.records.transcripts import Transcript
    from turnlog.store.store import Store

T = TypeVar("T")


class EntryWriter:
    """One request's tries.

    Args:
        batch: what the request calls itself, if it may be sent again.

    Attributes:
        key: the transcript, of the session that is known or guessed.
        token: the batches of this request and of its repeats bear it.
        own: the batches of this sending of the request bear it.
        there: the transcript's head as it was last seen, a tombstone too; None if there is none.
        session_at: the session's time, where it was seen to be ahead of this machine's clock.
        tries: how often this was tried.
    """

    def __init__(self, store: Store, name: TranscriptName, batch: str | None = None) -> None:
        self.store = store
        self.name = name
        self.key = name.of(name.session.at(0))
        self.own = store.clock.token()
        self.token = self.own if batch is None else sha256(batch.encode()).digest()[: len(self.own)]
        self.there: Transcript | None = None
        self.session_at = ""
        self.tries = store.tries()
        self._known = False
        self._generation: tuple[int, int] | None = None
        self._deposits = EntryDeposits(store, self.own)  # a repeat must not take back what this one names

    @property
    def head(self) -> Transcript:
        """What the next try adds to."""
        return transcripts.begun(self.key, self.there)

    async def look(self) -> None:
        """See the head as it is now.

        Raises:
            Unavailable: the table refused or did not answer.
        """
        self.there = await self.store.find_transcript(self.key)
        if self.there is None and not self._known:
            cached = await self.store.cache.head(self.name.session)
            if cached and cached.key != self.key.session:
                self.key = self.name.of(cached.key)
                self.there = await self.store.find_transcript(self.key)

    async def known(self, session: Head | None = None) -> bool:
        """Whether the session is there, of the generation that was guessed; if of another, look anew.

        Args:
            session: its head as it is now; None: it is read.

        Raises:
            NotFound: there is no such session.
            Unavailable: the table refused or did not answer.
        """
        session = session or await self.store.head(self.key.session if self._known else self.name.session)
        right = session.key == self.key.session
        if self._known and not right:
            raise not_found()
        self._known = True
        if not right:
            self.key = self.name.of(session.key)
            await self.look()
        return right

    async def again_if_torn(self, torn: Torn) -> None:
        """Wait, then see the head as it is now: a batch that it counts was missing.

        Raises:
            Torn: it was missing too often. Its object is lost, and would be looked for until time is over.
            Unavailable: the table refused or did not answer.
        """
        await self.tries.again(torn)
        await self.look()

    def begun_anew(self) -> bool:
        """Whether it is another transcript than when this was asked last; what was put into that is gone."""
        before = self._generation
        self._generation = (self.key.session.generation, self.head.generation)
        moved = before not in {None, self._generation}
        if moved:
            self._deposits.judge(named=False)  # an item that names one goes with the old transcript
        return moved

    def judge(self, *, ours: bool) -> None:
        """After a look at the head: whether a try of this request was found to be applied."""
        # An unanswered try may still be applied later: then the next try fails, and a look finds it.
        self._deposits.judge(named=ours)

    async def settled(self, work: Awaitable[T]) -> T:
        """Do the request's work; then take back the objects that no item names."""
        try:
            done = await work
        except TurnlogError:
            await self._deposits.withdraw()
            raise
        await self._deposits.withdraw()
        return done

    async def write(self, entries: Sequence[Entry]) -> Transcript | None:
        """Try once to append a batch. The head with it; or None, and the head has been looked at.

        Args:
            entries: the batch.

        Raises:
            NotFound: there is no such session.
            TooLarge: no item holds them, and there is no bucket.
            Unavailable: refused or not answered, and there is no time for another try.
        """
        head, lines = self.head, [entry.line for entry in entries]
        now = max(self.store.now(), self.session_at)
        try:
            data, named = await self._deposits.deposit(self.key, head.generation, lines)
        except NotFound:
            if self._known or await self.known():
                raise
            return None
        size = answer_size(lines)
        after = head.grown((entry.identity for entry in entries), len(lines), size, now)
        self._deposits.send(named)
        try:
            await self.store.transact(
                transcripts.touched(self.key.session, now),
                transcripts.moved(self.there, after),
                batch_put(
                    after,
                    head.length,
                    size=size,
                    token=self.token,
                    writer=self.own,
                    data=data,
                    named=named,
                ),
            )
        except ConditionFailed as refused:
            self.store.counts["conflicts"] += 1
            try:
                found, session = await refusing_transcript(self.store, self.key, refused)
                if session and not await self.known(session):
                    return None
            except NotFound:
                self._deposits.judge(named=False)  # an item that names one is purged too
                raise
            self.there = found
            self.session_at = session.updated_at if session else self.session_at
            await self.tries.again(Contended("Others keep changing this transcript. Try again."))
        except Contended as error:
            self.store.counts["conflicts"] += 1
            await self.tries.again(error)
        except Unanswered as error:
            await self.tries.again(error)
            await self.look()
        else:
            self._deposits.settle(named)
            self.store.counts["entries_appended"] += len(lines)
            self.there = after
            return after
        return None


async def refusing_transcript(
    store: Store, key: TranscriptKey, refused: ConditionFailed
) -> tuple[Transcript | None, Head | None]:
    """The transcript's head after a failed transaction, and the session's if that refused.

    It refuses where its time is ahead of this machine's clock, or where it is of another generation. The
    transaction's first write is the session's head, its second the transcript's.

    Raises:
        NotFound: there is no such session.
        Unavailable: the table did not answer.
    """
    session: Head | None = None
    if 0 in refused.failed:
        session = heads.from_item(refused.items[0]) if refused.items[0] else None
        if session is None or not session.live:
            raise not_found()
        if session.key != key.session:
            return None, session
    item = refused.items[1]
    return transcripts.from_item(item) if item else await store.find_transcript(key), session
