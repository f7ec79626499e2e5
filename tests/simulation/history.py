"""What was committed, and when: the truth that answers are held against.

A commit is what one applied request changed, as the table's stream tells it. Each is checked by
`commit_rules` at once, so that a broken promise is found at the request that broke it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from tests.simulation import commit_rules, fork_rules, refusal_rules
from tests.simulation.file_history import FileHistory, is_of_files
from tests.simulation.rewind_rules import usages
from tests.simulation.states import NOTHING, Change, Entry, State, Version
from tests.simulation.transcript_history import TranscriptHistory
from tests.simulation.violations import Rule, Violation, require
from turnlog.errors import Unanswered
from turnlog.records import head as heads
from turnlog.records import messages
from turnlog.records.keys import EXPIRY, HEAD, MESSAGE_PREFIX, USER, parse_generation, parse_partition
from turnlog.records.keys import parse_message_sort_key as parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.simulation.memory_table import MemoryTable
    from tests.simulation.requests import Request
    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.keys import FileKey, GenerationKey, SessionKey, TranscriptKey
    from turnlog.records.transcripts import Transcript

Fields = dict[str, Any]


@dataclass(eq=False)
class Work:
    """What a process writes for: one attempt at a client's request, or a kind of upkeep.

    Attributes:
        begin: how many commits there were when it began; `end`: when it was answered.
        changes: what it changed.
        entries: what it added to transcripts, each with the head that counts it.
        buried: the transcripts that it deleted.
        calls: how often it called what.
        seen: the live sessions that the table showed it, in order.
        unanswered: a write of it was applied, or will be, and it was not told.
        files: that it promised or deleted.
        objects: how many objects had come and gone when it began.
        denied: it said that it wrote nothing.
        faults: what struck it; `struck`: what struck the request in the order in which it did, also when the
            client sent it before.
    """

    kind: str
    request: Request | None = None
    begin: int = 0
    end: int = 0
    changes: list[Change] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    seen: list[GenerationKey] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)
    struck: list[str] = field(default_factory=list)
    entries: list[tuple[TranscriptKey, Transcript | None, Fields]] = field(default_factory=list)
    buried: list[TranscriptKey] = field(default_factory=list)
    files: list[FileKey] = field(default_factory=list)
    objects: int = 0
    unanswered: bool = False
    denied: bool = False

    @property
    def done(self) -> bool:
        """Whether it changed anything."""
        return bool(self.changes or self.entries or self.buried or self.files)


class History:
    """All that was committed.

    Attributes:
        commits: how many there are.
        coarse: whether times of different moments may be equal.
        totals: by user, since which commit, how many sessions.
        sessions: by key, its states in order.
        drafts: by key, all that were put, and by what.
        transcripts: likewise; `files`: likewise.
        apart: the keys of the objects that have answers.
        shapes: which states the table was seen in, as hashes.
    """

    def __init__(
        self,
        table: MemoryTable,
        seconds: Callable[[], float],
        retention_days: int | None,
        *,
        data: Callable[[str], bytes | None],
        objects: Callable[[str, int], set[bool]],
        coarse: bool,
    ) -> None:
        self.commits = 0
        self.seconds = seconds
        self.retention_days = retention_days
        self.coarse = coarse
        self.totals: dict[str, list[tuple[int, int]]] = defaultdict(lambda: [(0, 0)])
        self.sessions: dict[SessionKey, list[State]] = defaultdict(lambda: [NOTHING])
        self.drafts: dict[SessionKey, list[tuple[Work, list[Fields]]]] = defaultdict(list)
        self.transcripts = TranscriptHistory(data)
        self.files = FileHistory(data, objects)
        self._data = data
        self.apart: set[str] = set()
        self.shapes: set[int] = set()
        self._stream = table.stream
        self._seen = 0
        self._items: dict[str, dict[str, Item]] = defaultdict(dict)

    def committed(self, work: Work) -> None:
        """Note and check what the request changed, of which the stream's new records tell."""
        records, self._seen = self._stream[self._seen :], len(self._stream)
        if not records:
            return
        self.commits += 1
        partitions: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            partitions[record["Keys"]["PK"]["S"]].append(record)
        for partition, changed in partitions.items():
            if changed[0]["Keys"]["SK"]["S"] == USER:
                user = changed[0]["NewImage"]
                self.totals[partition].append((self.commits, int(user["session_count"]["N"])))
            else:
                self._change(partition, changed, work)
        refusal_rules.check_late(work)
        commit_rules.check_totals(
            self, {parse_partition(name).user_id for name in partitions if "#SESSION#" in name}
        )
        self.shapes.add(self._shape())

    def during(self, key: SessionKey, first: int, last: int) -> list[State]:
        """The session's states at any time from the first commit to the last."""
        states = self.sessions.get(key) or [NOTHING]
        start = bisect_right(states, first, key=lambda state: state.commit) - 1
        return [state for state in states[start:] if state.commit <= last]

    def totals_during(self, partition: str, first: int, last: int) -> set[int]:
        """What a user's count of sessions was, at any time from the first commit to the last."""
        counts = self.totals[partition]
        start = bisect_right(counts, first, key=lambda count: count[0]) - 1
        return {count for commit, count in counts[start:] if commit <= last}

    def items(self, key: SessionKey) -> dict[str, Item]:
        """What is stored of a session now, by sort key."""
        return self._items[key.partition]

    def _change(self, partition: str, records: list[dict[str, Any]], work: Work) -> None:
        key, items = parse_partition(partition), self._items[partition]
        before = self.sessions[key][-1]
        for record in records:
            sort_key = record["Keys"]["SK"]["S"]
            if "NewImage" in record:
                items[sort_key] = record["NewImage"]
            else:
                items.pop(sort_key)
        head_item = items.get(HEAD)
        head = heads.from_item(head_item) if head_item else None
        current = head.key if head else key.at(0)
        written = {
            kept: {r["Keys"]["SK"]["S"] for r in records if ("NewImage" in r) == kept}
            for kept in (True, False)
        }
        touched, removed = (_sequences(written[kept], current) for kept in (True, False))
        head_changed = HEAD in written[True] | written[False]
        begun = _begins(before.head, head)
        log = [] if begun else before.log
        stored = {at: self._message(items, current, at) for at in _shown(before.head, head, touched)}
        change = Change(
            key=key,
            commit=self.commits,
            work=work,
            before=before._replace(log=log),
            head=head,
            head_item=head_item,
            head_changed=head_changed,
            added={sequence: fields for sequence, fields in stored.items() if sequence >= len(log)},
            edited={sequence: fields for sequence, fields in stored.items() if sequence < len(log)},
            left={parse(name)[0] for name in items if name.startswith(f"{current.first}{MESSAGE_PREFIX}")},
            beside=len(items.keys() - {HEAD, EXPIRY}),
            removed=removed - touched,
            marked=EXPIRY in written[True],
            unmarked=EXPIRY in written[False],
            put=_generations(written[True]),
            purged=_generations(written[False]),
            files_alone=all(is_of_files(record["Keys"]["SK"]["S"]) for record in records),
        )
        commit_rules.check_change(change, self.seconds(), self.retention_days)
        self.files.changed(records, items, commit=self.commits, work=work, live=before.live)
        if change.forks or change.unfinished:
            fork_rules.check_commit(change, self.sessions, len(records), self.seconds())
        unseen = change.clears or change.announces or change.unfinished or change.files_alone
        if not unseen:
            work.changes.append(change)
        self.transcripts.changed(
            key,
            records,
            items,
            commit=self.commits,
            work=work,
            head=head,
            head_changed=head_changed,
            was=before.live.key if before.live else None,
        )
        if change.rewinds:  # the states before it keep theirs
            assert head is not None
            log = log[: head.message_count]
        for fields, usage in zip(change.added.values(), usages(change), strict=True):
            log.append(Entry(Version(self.commits, fields), usage))
        for sequence, fields in change.edited.items():
            edit_id = work.request.body.get("edit_id") if work.request else None
            log[sequence].versions.append(Version(self.commits, fields, edit_id))
        if head_changed:
            self.sessions[key].append(State(self.commits, head, log))

    def _message(self, items: dict[str, Item], key: GenerationKey, sequence: int) -> Fields:
        parts: list[Item] = []
        while (item := items.get(key.message(sequence, len(parts))["SK"]["S"])) is not None:
            parts.append(item)
        try:
            (stored,) = messages.decode(parts)
            if stored.unread:
                blob = self._data(stored.object_key)
                require(Rule.OBJECT_BEFORE_ITS_ITEM, blob is not None, stored.object_key)
                stored = stored._replace(blob=blob or b"")
        except (ValueError, Unanswered):
            detail = f"sequence {sequence} is stored in {len(parts)} parts that do not fit"
            raise Violation(Rule.MESSAGE_WHOLE, detail) from None
        return stored.fields()

    def _shape(self) -> int:
        """The state of all sessions, without times and texts: to count how many were reached."""
        newest = [
            (key, len(states), head and (head.version, head.message_count, head.edits, head.live))
            for key, states in self.sessions.items()
            for head in [states[-1].head]
        ]
        # Not hash(): it is another one in every process.
        return int.from_bytes(blake2b(repr(newest).encode(), digest_size=6).digest(), "big")


def _begins(before: Head | None, after: Head | None) -> bool:
    """Whether a session is there since that was not there before."""
    if after is None or not after.live:
        return False
    return before is None or before.key != after.key or before.forking is not None


def _shown(before: Head | None, after: Head | None, touched: set[int]) -> list[int]:
    """Which messages of those that a commit touched are to be seen: of a fork all as soon as it is whole."""
    if after and after.forking:
        return []
    if after and after.live and before and before.forking:
        return list(range(after.message_count))
    return sorted(touched)


def _sequences(sort_keys: Iterable[str], key: GenerationKey) -> set[int]:
    """Of the messages of this generation that are among these."""
    return {parse(name)[0] for name in sort_keys if name.startswith(f"{key.first}{MESSAGE_PREFIX}")}


def _generations(sort_keys: Iterable[str]) -> set[int]:
    """Of what these name, but for the head and the marker."""
    return {parse_generation(name)[0] for name in sort_keys if name not in {HEAD, EXPIRY}}
