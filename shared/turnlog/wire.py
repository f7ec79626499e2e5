"""JSON and time as they are stored and sent: one encoding for both, so that a stored message is an answer."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal, TypeAlias

from turnlog.errors import Invalid

Role: TypeAlias = Literal["user", "assistant", "system", "developer", "tool", "function"]
"""Who says a message."""


def dumps(value: Any, *loc: str | int) -> bytes:
    """Compact UTF-8 JSON.

    Args:
        value: what to encode.
        loc: where it came from, for the error; the body, if nothing is said.

    Raises:
        Invalid: a number that JSON has no word for (`1e999` reads as infinity), a lone surrogate, or what is
            no JSON at all.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        msg = "must not hold a number or a character that JSON cannot carry"
        raise Invalid.at(*(loc or ("body",)), msg=msg) from error
    except RecursionError as error:
        raise Invalid.at(*(loc or ("body",)), msg="is nested too deep") from error
    except TypeError as error:  # it names the type
        raise Invalid.at(*(loc or ("body",)), msg=f"is not JSON: {error}") from error


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, and neither is true."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def payload_size(encoded: bytes) -> int:
    """Bytes that JSON text takes inside a Lambda's answer, which is JSON itself and escapes it once more."""
    return len(encoded) + encoded.count(b'"') + encoded.count(b"\\")


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, of one width, so that it sorts as text."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """The time that `timestamp` wrote."""
    return datetime.fromisoformat(text)
