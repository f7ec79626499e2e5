"""G8: JSON text that is looked into, and not parsed.

What Python makes of JSON takes ten times the room of the text, where that has many small parts: 64 MB of one
message would be 600 MB. So what is much larger than the request that names it is compared as text, up to the
first difference. The text is such as `wire.dumps` writes: without white space, a name once in an object.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from turnlog.wire import same

ANY: Any = object()
"""Stands for a value that may be any, or absent from an object."""

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_SCALAR = re.compile(_STRING + rb"|[^,\]}]++")
_FLAT = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+")
_LONGEST_ESCAPE = 6


class Empty(NamedTuple):
    """Stands for a member that is absent, null, or this text."""

    text: bytes


class _Differs(Exception):
    """The text says something else."""


def says(text: bytes, wanted: dict[str, Any]) -> bool:
    """Whether an object's text is the same as an object, see `wire.same`.

    Args:
        text: of the object.
        wanted: the object; some values of it may be `ANY` or an `Empty`.
    """
    try:
        _compare(text, 0, wanted)
    except _Differs:
        return False
    return True


def member(text: bytes, name: str) -> Any:
    """One member of an object, of which no other is parsed; None if it is not there."""
    at = 1
    while text[at : at + 1] != b"}":
        end = _end(text, at)
        after = _end(text, end + 1)
        if json.loads(text[at:end]) == name:
            return json.loads(text[end + 1 : after])
        at = after + text.startswith(b",", after)
    return None


def _end(text: bytes, at: int) -> int:
    """The end of the value that begins there."""
    if text[at : at + 1] not in {b"{", b"["}:
        return _matched(_SCALAR, text, at)
    depth = 0
    while True:
        depth += 1 if text[at : at + 1] in {b"{", b"["} else -1
        if depth == 0:
            return at + 1
        at = _matched(_FLAT, text, at + 1)


def _matched(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _compare(text: bytes, at: int, wanted: Any) -> int:
    """The end of the value that begins there. One call for a level: they may be 500.

    Raises:
        _Differs: it is not the one that is wanted.
    """
    nested: Any = {b"{": dict, b"[": list}.get(text[at : at + 1], str)
    if nested is str or wanted is ANY or isinstance(wanted, Empty):
        return _compare_flat(text, at, wanted)
    if not isinstance(wanted, nested):
        raise _Differs
    at += 1
    if isinstance(wanted, list):
        for one in wanted:
            if text.startswith(b"]", at):
                raise _Differs
            at = _compare(text, at, one)
            at += text.startswith(b",", at)
        if not text.startswith(b"]", at):
            raise _Differs
        return at + 1
    left = sum(_must_be_there(one) for one in wanted.values())
    while not text.startswith(b"}", at):
        end = _end(text, at)
        one = wanted.get(json.loads(text[at:end]))
        left -= _must_be_there(one)
        at = _compare(text, end + 1, one)
        at += text.startswith(b",", at)
    if left:
        raise _Differs
    return at + 1


def _compare_flat(text: bytes, at: int, wanted: Any) -> int:
    if isinstance(wanted, Empty):
        return _empty(text, at, wanted)
    end = _end(text, at)
    if wanted is not ANY and not _same_scalar(text, at, end, wanted):
        raise _Differs
    return end


def _must_be_there(wanted: Any) -> bool:
    return not (wanted is None or wanted is ANY or isinstance(wanted, Empty))


def _empty(text: bytes, at: int, wanted: Empty) -> int:
    for word in (b"null", wanted.text):
        if text.startswith(word, at):
            return at + len(word)
    raise _Differs


def _same_scalar(text: bytes, at: int, end: int, wanted: Any) -> bool:
    longest = _LONGEST_ESCAPE * len(wanted) + 2 if isinstance(wanted, str) else 0
    if text.startswith(b'"', at) and end - at > longest:
        return False  # it is not read
    return same(json.loads(text[at:end]), wanted)
