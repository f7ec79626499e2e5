"""Reads server-sent events out of the bytes of an answer, wherever these are cut.

    frames = Frames()
    for chunk in response.iter_bytes():
        for frame in frames.feed(chunk):
            …

The rules are those of html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation.
Lines end with LF, CRLF or CR alone: `str.splitlines` and httpx's `iter_lines` would also cut a text where it
has a U+2028. An event that has no blank line behind it yet is none: its answer was cut off there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_ENDS = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """One event, or a comment.

    Attributes:
        event: its kind; `message` if it says none, empty for a comment.
        data: its text; of a comment, what that says.
        id: the last one that was seen, which may be an earlier event's; None: there was none.
    """

    event: str
    data: str
    id: str | None


class Frames:
    """The reader of one answer.

    Attributes:
        last_id: what to send as `Last-Event-ID` to go on; None: nothing came.
        retry: seconds after which to come again, as the server said.
    """

    def __init__(self) -> None:
        self.last_id: str | None = None
        self.retry: float | None = None
        self._rest = b""
        self._begun = False
        self._kind = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[Frame]:
        """The events that this chunk completes, and the comments in it."""
        self._rest += chunk
        if not self._begun:
            if len(self._rest) < len(_BOM) and _BOM.startswith(self._rest):
                return []
            self._rest, self._begun = self._rest.removeprefix(_BOM), True
        # What ends with CR may be half of a CRLF.
        whole = self._rest.removesuffix(b"\r")
        *lines, rest = _ENDS.split(whole)
        self._rest = rest + self._rest[len(whole) :]
        return [frame for line in lines for frame in self._line(line.decode(errors="replace"))]

    def _line(self, line: str) -> list[Frame]:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "":
                return [Frame("", value, self.last_id)]
            case "event":
                self._kind = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdecimal():
                self.retry = int(value) / 1000
        return []

    def _dispatch(self) -> list[Frame]:
        kind, data, self._kind, self._data = self._kind, self._data, "", []
        if self._id is not None:
            self.last_id = self._id
        return [Frame(kind or "message", "\n".join(data), self.last_id)] if data else []
