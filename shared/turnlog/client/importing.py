"""G1, G2, G7: a text of any length is imported in steps, each of which is one request.

A step is what a request may hold. It begins in the transcript where the step before it ended. What it stored
is found when the same import is made once more: so after a crash that import goes on where it was. Nothing is
kept beside the transcript for that.

Memory holds one step. Which uuids came before, and with which content, is kept in a temporary file: those of
the text, and those that others have put in between.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from io import BytesIO
from typing import IO, TYPE_CHECKING, NamedTuple, TypeAlias

from turnlog.errors import EntryUuidReused, Invalid, TooLarge, TurnlogError
from turnlog.limits import BODY_LIMIT, ENTRY_LIMIT, MAX_IMPORT
from turnlog.records import jsonl
from turnlog.records.batches import answer_size
from turnlog.records.entries import uuid_of
from turnlog.wire import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from turnlog.models.answers import Json
    from turnlog.records.jsonl import Line

Source: TypeAlias = str | bytes | os.PathLike[str] | IO[bytes]
"""A text of JSON lines, the path of a file that has it, or that file, open to read bytes."""

# A character of an entry may be written as an escape of six bytes.
_LONGEST_LINE = 6 * ENTRY_LIMIT


class Step(NamedTuple):
    """What goes into one request."""

    lines: list[Line]

    @property
    def text(self) -> str:
        """The request's body."""
        return b"".join(line.text + b"\n" for line in self.lines).decode("utf-8", "surrogatepass")

    def told(self, error: TurnlogError) -> TurnlogError:
        """A refusal of the step, with the number that a line has in the whole text."""
        at = error.extra.get("line", 1 if len(self.lines) == 1 and isinstance(error, TooLarge) else None)
        if not isinstance(at, int) or not 0 < at <= len(self.lines):
            return error
        number = self.lines[at - 1].number
        detail = f"line {number}: {error.detail.removeprefix(f'line {at}: ')}"
        return type(error)(detail, errors=error.errors, extra={**error.extra, "line": number})


class Known:
    """The uuids that came before, each with a digest of its content, in a file that is deleted at the end."""

    def __init__(self) -> None:
        import sqlite3  # noqa: PLC0415 (no other call needs it)

        self._kept = sqlite3.connect("", isolation_level=None)  # a temporary file, once it is no longer small
        self._kept.execute("PRAGMA journal_mode = OFF")
        self._kept.execute("CREATE TABLE known (uuid BLOB PRIMARY KEY, content BLOB, line INT) WITHOUT ROWID")

    def close(self) -> None:
        """Delete the file."""
        self._kept.close()

    def add(self, fields: Json, line: int = 0) -> int | None:
        """The number of the line in which this uuid came before; None if it did not, and now is known.

        Args:
            fields: the entry.
            line: the number of its line; 0: another has stored it.

        Raises:
            Invalid: it came in another line, with other content.
            EntryUuidReused: another has stored it, with other content.
        """
        if (uuid := uuid_of(fields)) is None:
            return None
        key, content = digest(uuid), digest(fields)
        found = self._kept.execute("SELECT content, line FROM known WHERE uuid = ?", (key,)).fetchone()
        if found is None:
            self._kept.execute("INSERT INTO known VALUES (?, ?, ?)", (key, content, line))
            return None
        if line and found[0] != content:
            if found[1]:
                raise jsonl.two_contents(line, found[1])
            msg = f"line {line}: an entry that another has stored has its uuid, and other content."
            raise EntryUuidReused(msg, extra={"line": line})
        return int(found[1])


def steps(source: Source, known: Known) -> Iterator[Step]:
    """A text in steps, of at least one line each. Of a uuid they have the first line.

    Raises:
        EntryNotJson, TornLastLine, Invalid: see `jsonl.read`; the steps before are not affected.
        EntryUuidReused: see `Known.add`.
        TooLarge: a line is longer than any entry.
    """
    lines: list[Line] = []
    size = 0
    with _opened(source) as file:
        for line in jsonl.read(_lines(file)):
            more = answer_size([line.text])
            if lines and (size + more > BODY_LIMIT or len(lines) == MAX_IMPORT):
                yield Step(lines)
                lines, size = [], 0
            # Only now: with that step it came to be known what others have put in between.
            if known.add(line.fields, line.number) is not None:
                continue
            lines.append(line)
            size += more
    if lines:
        yield Step(lines)


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    """The text, to read; a file that the caller has opened stays open.

    Raises:
        Invalid: it is none of those.
    """
    if isinstance(source, str):
        if source.strip() and "\n" not in source and "{" not in source:
            raise Invalid.at(
                "source", msg="is a text without an entry; the path of a file is given as pathlib.Path(…)"
            )
        # JSON's escape of half a character, which UTF-8 cannot hold, is Python's.
        source = source.encode("utf-8", "backslashreplace")
    if isinstance(source, bytes):
        yield BytesIO(source)
    elif isinstance(source, os.PathLike):
        with open(source, "rb") as file:
            yield file
    elif hasattr(source, "readline"):
        yield source
    else:
        raise Invalid.at("source", msg="must be a text, a path, or a file that is open to read bytes")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    number = 1
    while line := file.readline(_LONGEST_LINE):
        if not isinstance(line, bytes):
            raise Invalid.at("source", msg="must be open to read bytes, not text: open it with mode 'rb'")
        if len(line) == _LONGEST_LINE:
            raise TooLarge(f"line {number}: an entry is at most {ENTRY_LIMIT} bytes.", extra={"line": number})
        yield line
        number += 1
