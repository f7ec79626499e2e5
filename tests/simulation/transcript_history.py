"""What was committed to transcripts: heads and entries, as the table's stream and the bucket tell it."""

from __future__ import annotations

import json
import zlib
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation import transcript_rules
from tests.simulation.violations import Rule, require
from turnlog.records import transcripts
from turnlog.records.keys import ENTRIES_PREFIX, TRANSCRIPT_PREFIX, TranscriptKey, parse_generation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.simulation.history import Work
    from tests.simulation.states import State
    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.transcripts import Transcript

Fields = dict[str, Any]


class TranscriptState(NamedTuple):
    """A transcript from this commit on.

    Attributes:
        head: live, a tombstone, or None where there is none.
        log: the entries of its generation, also those that came later; `commits`: that put each of them.
    """

    commit: int
    head: Transcript | None
    log: list[Fields]
    commits: list[int]

    @property
    def entries(self) -> list[Fields]:
        """The entries that its head counts; none of one that is not there."""
        return self.log[: self.head.length] if self.head else []

    @property
    def live(self) -> bool:
        """Whether it is there for its user, if its session is."""
        return self.head is not None and self.head.live


NONE = TranscriptState(0, None, [], [])


class TranscriptChange(NamedTuple):
    """What one commit did to one transcript.

    Attributes:
        head_changed: whether its head was written, and `session`: the session's head where that was.
        added: by generation and first position, the batches that were put.
        removed: the generations of which a batch went.
    """

    key: TranscriptKey
    commit: int
    work: Work
    before: TranscriptState
    head: Transcript | None
    head_changed: bool
    session: Head | None
    session_live: bool
    added: dict[tuple[int, int], list[Fields]]
    removed: set[int]


class TranscriptHistory:
    """All that was committed to transcripts.

    Args:
        data: gives an object's bytes, None if it is not there.
    """

    def __init__(self, data: Callable[[str], bytes | None]) -> None:
        self.states: dict[TranscriptKey, list[TranscriptState]] = defaultdict(lambda: [NONE])
        self._data = data

    def during(self, key: TranscriptKey, first: int, last: int) -> list[TranscriptState]:
        """The transcript's states at any time from the first commit to the last."""
        states = self.states.get(key) or [NONE]
        start = bisect_right(states, first, key=lambda state: state.commit) - 1
        return [state for state in states[start:] if state.commit <= last]

    def named(
        self, session: SessionKey, name: str, states: Sequence[State], first: int, last: int
    ) -> list[TranscriptState]:
        """The states, as `during` has them, of the transcripts of this name.

        Args:
            session: under whose id they are.
            name: of them.
            states: of the session, at that time; each that was begun has a transcript of its own.
            first: the first commit.
            last: the last commit.
        """
        numbers = sorted({state.head.key.generation for state in states if state.head} or {0})
        return [
            one
            for number in numbers
            for one in self.during(TranscriptKey(session.at(number), name), first, last)
        ]

    def current(self, session: SessionKey, sort_key: str) -> bool:
        """Whether a batch is of a transcript that is there, in its present life."""
        number, rest = parse_generation(sort_key)
        _, name, generation, _ = rest.split("#")
        head = self.states[TranscriptKey(session.at(number), name)][-1].head
        return head is not None and head.live and head.generation == int(generation)

    def changed(
        self,
        session: SessionKey,
        records: list[dict[str, Any]],
        items: Mapping[str, Item],
        *,
        commit: int,
        work: Work,
        head: Head | None,
        head_changed: bool,
        was: GenerationKey | None,
    ) -> None:
        """Note and check what one commit did to the transcripts under a session's id.

        Args:
            session: under whose id they are.
            records: what the stream tells of the commit.
            items: what is stored since, by sort key.
            commit: its number.
            work: whose it is.
            head: of the session, since; `head_changed`: whether that was written.
            was: the session that was there before it, if one was.
        """
        names: dict[TranscriptKey, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            number, sort_key = parse_generation(record["Keys"]["SK"]["S"])
            kind, _, rest = sort_key.partition("#")
            if f"{kind}#" in {TRANSCRIPT_PREFIX, ENTRIES_PREFIX}:
                names[TranscriptKey(session.at(number), rest.partition("#")[0])].append(record)
        for key, changed in names.items():
            item = items.get(key.head["SK"]["S"])
            added, removed = {}, set()
            for record in changed:
                kind, _, *place = parse_generation(record["Keys"]["SK"]["S"])[1].split("#")
                if not place:
                    continue
                if "NewImage" in record:
                    require(Rule.BATCH_WRITTEN_ONCE, record["eventName"] == "INSERT", record)
                    added[int(place[0]), int(place[1])] = self._entries(record["NewImage"])
                else:
                    removed.add(int(place[0]))
            change = TranscriptChange(
                key,
                commit,
                work,
                self.states[key][-1],
                transcripts.from_item(item) if item else None,
                head_changed=any(TRANSCRIPT_PREFIX in record["Keys"]["SK"]["S"] for record in changed),
                session=head if head_changed else None,
                session_live=was == key.session,
                added=added,
                removed=removed,
            )
            self._note(change)

    def _note(self, change: TranscriptChange) -> None:
        before = change.before
        begun = change.head and (not before.head or change.head.generation != before.head.generation)
        log, commits = ([], []) if begun else (before.log, before.commits)
        transcript_rules.check_change(change, log, commits)
        log += [entry for batch in change.added.values() for entry in batch]
        commits += [change.commit] * (len(log) - len(commits))
        change.work.entries += [
            (change.key, change.head, entry) for b in change.added.values() for entry in b
        ]
        if change.head_changed:
            if before.live and not (change.head and change.head.live):
                change.work.buried.append(change.key)
            self.states[change.key].append(TranscriptState(change.commit, change.head, log, commits))

    def _entries(self, item: Item) -> list[Fields]:
        data = item["data"]["B"] if "data" in item else self._data(item["object"]["S"])
        require(Rule.OBJECT_BEFORE_ITS_ITEM, data is not None, item)
        assert data is not None
        # As zlib, or as gzip, which a client reads by itself.
        lines = zlib.decompress(bytes(data), zlib.MAX_WBITS | 32).split(b"\n")[:-1]
        require(Rule.BATCH_COUNTED, len(lines) == int(item["count"]["N"]), item)
        return [json.loads(line) for line in lines]
