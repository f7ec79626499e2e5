"""Reads entries from a text of JSON lines (jsonlines.org), and says what is wrong with it.

A text is taken as agents' tools write it: with a byte order mark or without, with blank lines, with escapes
of lone surrogates, with parents that are missing or come later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from turnlog.errors import EntryNotJson, Invalid, MalformedBody, TooLarge, TornLastLine
from turnlog.limits import MAX_IMPORT
from turnlog.records.entries import uuid_of
from turnlog.wire import loads, same, what_cannot_be_kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from turnlog.records.entries import Fields

_MARK = b"\xef\xbb\xbf"


_TORN = (
    "is not JSON, and has no end: whoever wrote the text was stopped, or is still writing. Import it without"
    " this line, or once the line is whole"
)


class Line(NamedTuple):
    """An entry of a text.

    Attributes:
        number: of its line, from 1.
        text: the line, without white space around it.
    """

    number: int
    text: bytes
    fields: Fields


def read(lines: Iterable[bytes]) -> Iterator[Line]:
    r"""The entries in the lines of a text; blank lines are passed over.

    Args:
        lines: each with its end, `\\n`; the last one may have none.

    Raises:
        EntryNotJson: a line is not JSON.
        TornLastLine: the last line is not JSON, and has no end.
        Invalid: an entry is no object, or holds what Turnlog does not take.
    """
    for number, line in enumerate(lines, 1):
        text = (line.removeprefix(_MARK) if number == 1 else line).strip(b" \t\r\n")
        if not text:
            continue
        try:
            fields = loads(text.decode("utf-8", "surrogatepass"))
        except (MalformedBody, UnicodeDecodeError):
            if line.endswith(b"\n"):
                raise problem(EntryNotJson, number, "is not JSON") from None
            raise problem(TornLastLine, number, _TORN) from None
        except Invalid as error:
            raise problem(Invalid, number, error.errors[0]["msg"]) from None
        if not isinstance(fields, dict):
            raise problem(Invalid, number, "must be an object")
        if msg := what_cannot_be_kept(fields):
            raise problem(Invalid, number, msg)
        yield Line(number, text, fields)


def parse(text: bytes) -> list[Line]:
    """The entries in a whole text, those of one uuid once.

    Raises:
        Invalid: one uuid comes with two contents, or there is no entry; see `read`, as for what is not JSON.
        TooLarge: there are more than `MAX_IMPORT` lines.
    """
    given = text.split(b"\n")
    if (count := sum(1 for line in given if line.strip())) > MAX_IMPORT:
        raise TooLarge(
            f"One request imports at most {MAX_IMPORT} lines; this one has {count}. Send the first of them,"
            " then the others with the answer's next_position as start_position."
        )
    lines: list[Line] = []
    first: dict[str, Line] = {}
    for line in read([*(one + b"\n" for one in given[:-1]), given[-1]]):
        uuid = uuid_of(line.fields)
        before = first.setdefault(uuid, line) if uuid else line
        if before is line:
            lines.append(line)
        elif not same(before.fields, line.fields):
            raise two_contents(line.number, before.number)
    if not lines:
        raise Invalid.at("body", msg="must hold at least one entry")
    return lines


def two_contents(number: int, before: int) -> Invalid:
    """The error for a line whose uuid has come before with other content."""
    return problem(Invalid, number, f"has the uuid of line {before}, and other content")


def problem(kind: type[Invalid], number: int, msg: str) -> Invalid:
    """An error that says in which line."""
    told = f"line {number}: {msg}"
    return kind(told, errors=[{"loc": ["body", number], "msg": told}], extra={"line": number})
