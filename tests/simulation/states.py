"""A session as it was from one commit to the next, and what a commit did to it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.history import Work
    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.keys import SessionKey

Fields = dict[str, Any]


class Version(NamedTuple):
    """A message as it was from this commit on.

    Attributes:
        edit_id: of the edit that made it so, if that had one.
    """

    commit: int
    fields: Fields
    edit_id: str | None = None


class Entry:
    """A message of a log, and how tool calls and edits changed it.

    Attributes:
        usage: tokens that came with it.
    """

    def __init__(self, version: Version, usage: Mapping[str, int]) -> None:
        self.versions = [version]
        self.usage = usage

    @property
    def newest(self) -> Fields:
        """The message as it is."""
        return self.versions[-1].fields

    def during(self, first: int, last: int) -> list[Fields]:
        """The message as it was at any time from the first commit to the last."""
        start = max(0, bisect_right(self.versions, first, key=lambda version: version.commit) - 1)
        return [version.fields for version in self.versions[start:] if version.commit <= last]


class State(NamedTuple):
    """A session from this commit on: its head, a tombstone, or nothing; and its log."""

    commit: int
    head: Head | None
    log: list[Entry]

    @property
    def live(self) -> Head | None:
        """The head, if the session is there for its user."""
        return self.head if self.head and self.head.live else None


NOTHING = State(0, None, [])


class Change(NamedTuple):
    """What one commit did to one session.

    Attributes:
        before: the state before it; `head`: the head after it.
        head_item: the head as it is stored.
        added: sequence and message of what is new; `edited`: of what was there.
        left: sequences of the messages of which there are items; `removed`: of those of which one went.
        beside: how many items there are beside the head and the marker.
        marked: whether the marker was put; `unmarked`: whether it went.
        put: of which generations items were put, but for the head and the marker; `purged`: of which they
            went.
        apart: it is about nothing but files and streams.
    """

    key: SessionKey
    commit: int
    work: Work
    before: State
    head: Head | None
    head_item: Item | None
    head_changed: bool
    added: dict[int, Fields]
    edited: dict[int, Fields]
    left: set[int]
    beside: int
    removed: set[int]
    marked: bool
    unmarked: bool
    put: set[int]
    purged: set[int]
    apart: bool

    @property
    def generation(self) -> int:
        """Of the session that is there or was deleted last."""
        return self.head.key.generation if self.head else 0

    @property
    def forks(self) -> bool:
        """Whether it is about a fork that is not whole, or was not before."""
        heads = (self.before.head, self.head)
        return self.head_changed and any(head and head.forking for head in heads)

    @property
    def unfinished(self) -> bool:
        """Whether what is there since is a fork that is not whole."""
        return bool(self.head and self.head.forking)

    @property
    def rewinds(self) -> bool:
        """Whether the log is cut."""
        before = self.before.live
        return bool(before and self.head and self.head.live and self.head.rewinds != before.rewinds)

    @property
    def runs(self) -> bool:
        """Whether it changed which stream runs, and no more: a stream was opened, taken over, or ended.

        The end of a stream with its messages is another thing.
        """
        before = self.before.live
        if not (before and self.head and self.head.live) or self.work.kind == "finish_stream":
            return False
        return self.stream_of(before) != self.stream_of(self.head)

    @staticmethod
    def stream_of(head: Head) -> tuple[str | None, int | None]:
        """Which stream runs on a session, and in which epoch."""
        return head.active_stream, head.stream_epoch

    @property
    def clears(self) -> bool:
        """Whether it did no more than delete what a rewind had left over: it changed nothing for anybody."""
        return self.same_version and not self.marks

    @property
    def marks(self) -> bool:
        """Whether it did no more than mark a message as one that an edit has found as it wanted it."""
        before = self.before.live
        return bool(self.same_version and before and self.head and self.head.edits != before.edits)

    @property
    def same_version(self) -> bool:
        """Whether it changed the head, and nothing that anybody sees."""
        before = self.before.live
        same = before and self.head and self.head.version == before.version
        return bool(self.head_changed and same and not self.runs)
