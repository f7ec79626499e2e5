"""Entity tags: a session's is its version in quotes (RFC 9110, section 8.8.3)."""

from __future__ import annotations

import re

from turnlog.records.head import Match

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
# No client knows more versions, DynamoDB compares with at most 100 values, and int() has a limit of its own.
_MOST_TAGS = 99
_MOST_DIGITS = 15


def parse(header: str | None) -> Match | None:
    """What the header names; None when there is no header."""
    if header is None:
        return None
    tags = _TAG.findall(header)[:_MOST_TAGS]
    return Match(
        anything=header.strip() == "*",
        versions=frozenset(int(tag) for tag in tags if tag.isdecimal() and len(tag) <= _MOST_DIGITS),
    )
