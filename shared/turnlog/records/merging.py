"""Which of a text's entries a transcript holds already: found in one pass over the transcript.

| the transcript's entry | is the text's |
|---|---|
| has a `uuid` | that has the same one, wherever it stands; their contents must be the same |
| has none | next one, if that has no `uuid` either and is the same |
| has none | one that the pass went by, because a later one of the text stood before it, if it is the same |

What was not found at the end of the pass is appended behind, in the text's order. So a later pass over the
same text finds all of it, whatever others have put in between. Memory does not grow with the transcript.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from turnlog.errors import EntryUuidReused
from turnlog.records.entries import uuid_of
from turnlog.wire import digest, loads, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.entries import Entry, Fields


class Merge:
    """One pass.

    Args:
        entries: of the text, each uuid once.
        numbers: their lines' numbers, for an error.
    """

    def __init__(self, entries: Sequence[Entry], numbers: Sequence[int]) -> None:
        self._entries = entries
        self._numbers = numbers
        self._named = {entry.identity: at for at, entry in enumerate(entries) if entry.named}
        self._missing = dict.fromkeys(range(len(entries)))  # in their order
        self._next = 0
        self._gone_by: dict[bytes, deque[int]] = {}  # entries without a uuid, by content

    @property
    def whole(self) -> bool:
        """Whether the transcript holds all of them."""
        return not self._missing

    def missing(self, most: int) -> list[Entry]:
        """The first of those that were not found, in their order."""
        return [self._entries[at] for at in islice(self._missing, most)]

    def find(self, line: bytes, position: int, *, uuid_only: bool = False) -> bool:
        """Whether the transcript's entry at a position is one of the text's.

        Args:
            line: the entry.
            position: for an error.
            uuid_only: an entry without a uuid is another's.

        Raises:
            EntryUuidReused: it has the uuid of one, and other content.
        """
        expected = self._entries[self._next] if self._next < len(self._entries) else None
        # Most often it is the next one, byte for byte: then there is nothing to parse.
        if expected and line == expected.line and (expected.named or not (self._gone_by or uuid_only)):
            self._found(self._next)
            return True
        fields = loads(line)
        if uuid_of(fields):
            at = self._place(fields, position)
        else:
            at = None if uuid_only else self._next_of(fields)
        if at in self._missing:
            self._found(at)
        return at is not None

    def _place(self, fields: Fields, position: int) -> int | None:
        """The index of the entry with this one's uuid.

        Raises:
            EntryUuidReused: see `find`.
        """
        at = self._named.get(uuid_of(fields) or "")
        if at in self._missing and not same(fields, self._entries[at].fields):
            number = self._numbers[at]
            raise EntryUuidReused(
                f"line {number}: the entry at position {position} has its uuid, and other content.",
                extra={"position": position, "line": number},
            )
        return at

    def _next_of(self, fields: Fields) -> int | None:
        """The index of the entry without a uuid for which this one is taken."""
        if gone_by := self._gone_by.get(digest(fields)) if self._gone_by else None:
            return gone_by.popleft()
        expected = self._entries[self._next] if self._next < len(self._entries) else None
        return self._next if expected and not expected.named and same(fields, expected.fields) else None

    def _found(self, at: int) -> None:
        for passed in range(self._next, at):
            if passed in self._missing and not self._entries[passed].named:
                self._gone_by.setdefault(digest(self._entries[passed].fields), deque()).append(passed)
        del self._missing[at]
        self._next = max(self._next, at)
        while self._next < len(self._entries) and self._next not in self._missing:
            self._next += 1
