"""G5: ownership is in the key. Who asks with another user's id finds nothing.

A user id is whatever the identity provider calls the user, so it is percent-encoded: no `#` of its own can
forge a key, and no two users share one. A session id is checked instead, since it is ours to define.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from shared.errors import Invalid

if TYPE_CHECKING:
    from shared.backend import Item

HEAD = "HEAD"
USER = "USER"
EXPIRY = "EXPIRY"
MESSAGE_PREFIX = "MSG#"

SESSION_ID_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
# A partition key holds 2,048 bytes; a character takes up to twelve when encoded. What OpenID Connect allows
# for `sub` is 255 ASCII characters (Core 1.0, section 2).
_MAX_ENCODED_USER = 1_024


class SessionKey(NamedTuple):
    """Whose session, and which."""

    user_id: str
    session_id: str

    @property
    def partition(self) -> str:
        """The partition key of the session's head and messages."""
        return f"{user_partition(self.user_id)}#SESSION#{self.session_id}"

    @property
    def head(self) -> Item:
        """The primary key of the session's head."""
        return {"PK": {"S": self.partition}, "SK": {"S": HEAD}}

    @property
    def expiry(self) -> Item:
        """The primary key of the marker whose TTL asks whether the session is past its retention."""
        return {"PK": {"S": self.partition}, "SK": {"S": EXPIRY}}

    def message(self, sequence: int, part: int = 0) -> Item:
        """The primary key of a message, or of a further part of one above DynamoDB's 400 KB."""
        return {"PK": {"S": self.partition}, "SK": {"S": message_sort_key(sequence, part)}}


def session_key(user_id: str, session_id: str) -> SessionKey:
    """The key of a session.

    Raises:
        Invalid: either id is not one.
    """
    check_user_id(user_id)
    if not isinstance(session_id, str) or not re.fullmatch(SESSION_ID_PATTERN, session_id):
        raise Invalid.at("path", "session_id", msg="must be 1 to 64 of letters, digits, - and _")
    return SessionKey(user_id, session_id)


def parse_partition(partition: str) -> SessionKey:
    """The key of the session that a partition key names."""
    _, user, _, session_id = partition.split("#")
    return SessionKey(unquote(user), session_id)


def check_user_id(user_id: str) -> str:
    """The user id, if it is one.

    Raises:
        Invalid: it is empty, too long, or no text.
    """
    try:
        if isinstance(user_id, str) and 0 < len(quote(user_id, safe="")) <= _MAX_ENCODED_USER:
            return user_id
    except UnicodeEncodeError:  # a lone surrogate
        pass
    raise Invalid.at("user_id", msg=f"must be text of 1 to {_MAX_ENCODED_USER} bytes when percent-encoded")


def user_partition(user_id: str) -> str:
    """The partition key of the user's item, and of the user's sessions in the index by recency."""
    return f"USER#{quote(user_id, safe='')}"


def user_item_key(user_id: str) -> Item:
    """The primary key of the item that counts the user's sessions."""
    return {"PK": {"S": user_partition(user_id)}, "SK": {"S": USER}}


def message_sort_key(sequence: int, part: int = 0) -> str:
    """`MSG#0000000012`, and `MSG#0000000012#1` for its second part, which sorts right behind it."""
    return f"{MESSAGE_PREFIX}{sequence:010d}" + (f"#{part}" if part else "")


def parse_message_sort_key(sort_key: str) -> tuple[int, int]:
    """The sequence and the part that a message's sort key names."""
    _, sequence, *part = sort_key.split("#")
    return int(sequence), int(part[0]) if part else 0


def recency_sort_key(updated_at: str, session_id: str) -> str:
    """The index's sort key: by time, then by id, so that no page skips or repeats a session."""
    return f"{updated_at}#{session_id}"
