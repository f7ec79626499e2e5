"""JSON and time as they are stored and sent: one encoding for both, so that a stored message is an answer."""

from __future__ import annotations

import json
import re
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal, NoReturn, TypeAlias

from turnlog.errors import Invalid, MalformedBody
from turnlog.limits import DEPTH_LIMIT

Role: TypeAlias = Literal["user", "assistant", "system", "developer", "tool", "function", "model"]
"""Who says a message; `model` is Gemini's word for the assistant."""


JSON = "application/json"

JSONL = "application/jsonl"
"""A text of JSON lines (jsonlines.org)."""

MARKDOWN = "text/markdown; charset=utf-8"
"""A text for people (RFC 7763)."""


def dumps(value: Any, *loc: str | int) -> bytes:
    r"""Compact UTF-8 JSON; of lone surrogates, which UTF-8 cannot hold, their escapes (`\ud83d`).

    Args:
        value: what to encode.
        loc: where it came from, for the error; the body, if nothing is said.

    Raises:
        Invalid: a number that JSON has no word for (`1e999` reads as infinity), or what is no JSON at all.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise Invalid.at(*(loc or ("body",)), msg=_NUMBER) from error
    except RecursionError as error:
        raise Invalid.at(*(loc or ("body",)), msg=_DEPTH) from error
    except TypeError as error:
        raise no_json(value, error, *(loc or ("body",))) from error
    # Python escapes what it cannot encode as JSON does.
    return text.encode("utf-8", "backslashreplace")


def no_json(value: Any, error: Exception, *loc: str | int) -> Invalid:
    """The error of a value that holds what JSON has no word for: where that is, and what to do.

    Args:
        value: of which `json.dumps` raised `error`.
        loc: where the value came from.
    """
    left = [(loc, value)]  # in a loop, as in `same`
    while left:
        place, one = left.pop()
        if isinstance(one, dict):
            left += [((*place, name), member) for name, member in reversed(one.items())]
        elif isinstance(one, list | tuple):
            left += [((*place, at), one[at]) for at in reversed(range(len(one)))]
        elif one is not None and not isinstance(one, str | int | float):
            return Invalid.at(*place, msg=f"is {_way_out(one)}")
    return Invalid.at(*loc, msg=f"is not JSON: {error}")


def _way_out(one: Any) -> str:
    """What a value is that JSON has no word for, and what to send instead."""
    if isinstance(one, bytes | bytearray | memoryview):
        return 'bytes, which JSON has no word for: use model_dump(mode="json"), or base64'
    kind = f"a {type(one).__name__}, which JSON has no word for"
    if hasattr(one, "model_dump"):
        return f'{kind}: call its model_dump(mode="json")'
    if hasattr(one, "isoformat"):
        return f'{kind}: use model_dump(mode="json"), or isoformat()'
    return kind


def loads(text: str | bytes, *loc: str | int) -> Any:
    """The value of a JSON text that a client sent.

    Args:
        text: JSON; bytes are UTF-8.
        loc: where it came from, for the error; the body, if nothing is said.

    Raises:
        MalformedBody: it is not JSON.
        Invalid: it is JSON that Turnlog does not take: an integer of more than 4,300 digits, or nested too
            deep for any message.
    """
    try:
        return json.loads(text if isinstance(text, str) else text.decode(), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"It is not UTF-8, at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise MalformedBody(f"{error.msg} at line {error.lineno} column {error.colno}.") from error
    except ValueError as error:  # Python's limit of digits
        raise Invalid.at(*(loc or ("body",)), msg=_NUMBER) from error
    except RecursionError as error:
        raise Invalid.at(*(loc or ("body",)), msg=_DEPTH) from error


_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRINGS = re.compile(_STRING, re.DOTALL)
# A part of a text that holds whole strings, and no more of them than are taken out of it at once.
_STRETCH = re.compile(rb'(?:[^"]*+%b){1,1000}+|[^"]++' % _STRING, re.DOTALL)


def has_more_values(text: str | bytes, limit: int) -> bool:
    """Whether JSON, or JSON lines, has more values than this; it is not read for that.

    Each value but the outermost stands behind a comma, or is the first of a list or an object. Most texts
    have fewer of these in all, and are not looked at any further. An empty list or object with white space
    in it counts twice.
    """
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if _separators(raw) <= limit:
        return False
    found = 0
    for stretch in _STRETCH.finditer(raw):
        found += _separators(_STRINGS.sub(b"0", stretch[0]))
        if found > limit:
            return True
    return False


def _separators(raw: bytes) -> int:
    empty = raw.count(b"[]") + raw.count(b"{}")
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{") - empty


_NUMBER = "must not hold a number beyond a double's range, or an integer of more than 4300 digits"
_DEPTH = f"must not be nested deeper than {DEPTH_LIMIT} levels"


def _no_number(word: str) -> NoReturn:
    """Refuse `NaN` and `Infinity`, which Python takes and JSON does not know."""
    raise MalformedBody(f"{word} is not JSON.")


def what_cannot_be_kept(value: Any) -> str | None:
    """What is wrong with a value that `loads` gave, to be read behind its name; None: it can be kept.

    Returns:
        that it holds an infinite number, or is nested deeper than `DEPTH_LIMIT` levels.
    """
    level, depth = [value], 0
    while level:
        inside: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inside += one.values()
            elif isinstance(one, list | tuple):
                inside += one
            elif isinstance(one, float) and one - one != 0:  # infinite, or not a number
                return _NUMBER
            else:
                continue
            if depth == DEPTH_LIMIT:
                return _DEPTH
        level, depth = inside, depth + 1
    return None


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same to any JSON client.

    Members of objects may come in any order. A member that is null is as one that is absent; an element of a
    list is not. Numbers are equal as IEEE doubles, as JavaScript reads them (RFC 8259, section 6); booleans
    are no numbers.
    """
    pairs = [(one, other)]  # in a loop: a value may be nested deeper than calls may be
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            pairs += [(one.get(name), other.get(name)) for name in one.keys() | other.keys()]
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            pairs += zip(one, other, strict=True)
        elif type(one) in _NUMBERS and type(other) in _NUMBERS:
            if _double(one) != _double(other):
                return False
        elif type(one) is not type(other) or one != other:
            return False
    return True


_NUMBERS = (int, float)


def _double(number: float) -> float:
    """The number as a double; an integer beyond the doubles as it is."""
    try:
        return float(number)
    except OverflowError:
        return number


def digest(value: Any) -> bytes:
    """Sixteen bytes of a JSON value that are equal for two values if they are `same`, and else differ."""
    hashed = blake2b(digest_size=16)
    left = [value]  # in a loop, as in `same`
    while left:
        one = left.pop()
        if isinstance(one, dict):
            there = sorted(name for name, member in one.items() if member is not None)
            word = f"{{{there!r}"  # quotes tell where each name ends
            left += [one[name] for name in reversed(there)]
        elif isinstance(one, list):
            word = f"[{len(one)}"
            left += reversed(one)
        elif type(one) in _NUMBERS:
            word = repr(_double(one) or 0)  # 0.0 and -0.0 are equal
        else:
            word = repr(one)
        hashed.update(word.encode("utf-8", "surrogatepass") + b"\n")
    return hashed.digest()


def payload_size(encoded: bytes) -> int:
    """Bytes that JSON text takes inside a Lambda's answer, which is JSON itself and escapes it once more."""
    return len(encoded) + encoded.count(b'"') + encoded.count(b"\\")


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, of one width, so that it sorts as text."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """The time that `timestamp` wrote."""
    return datetime.fromisoformat(text)


def merged(target: Any, patch: Any) -> Any:
    """The target after a JSON merge patch (RFC 7386, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, change in patch.items():
        if change is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), change)
    return result
