"""G5: ownership is in the key. Who asks with another user's id finds nothing.

A user id is whatever the identity provider calls the user, so it is percent-encoded: no `#` of its own can
forge a key, and no two users share one. A session id is checked instead: it has no `#`, and takes at most 512
bytes.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from turnlog.errors import Invalid

if TYPE_CHECKING:
    from turnlog.records.item import Item

HEAD = "HEAD"
USER = "USER"
EXPIRY = "EXPIRY"
MESSAGE_PREFIX = "MSG#"
TRANSCRIPT_PREFIX = "TRANSCRIPT#"
ENTRIES_PREFIX = "ENTRIES#"
OBJECT_PREFIX = "transcripts/"

# What a path cannot carry as it is, by a slash, a question mark or a number sign, or what looks like another
# id: no `.`, no `..`, not white space alone.
SESSION_ID_PATTERN = r"^(?!\.{1,2}$)(?!\s+$)[^/?#%\\\x00-\x1f\x7f-\x9f\u2028\u2029]{1,128}$"
SESSION_ID_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": SESSION_ID_PATTERN}
_SURROGATE = re.compile("[\ud800-\udfff]")
# Segments parted by single slashes; none is `.` or `..`, which a path on its way to a server loses.
_SEGMENT = r"(\.{0,2}[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3}[A-Za-z0-9._-]*)"
TRANSCRIPT_NAME_PATTERN = f"^{_SEGMENT}(/{_SEGMENT})*$"
TRANSCRIPT_NAME_LIMIT = 255
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

    @property
    def objects(self) -> str:
        """What the keys of all the session's objects begin with; nobody else's do.

        An object's key holds 1,024 bytes, which a user id alone can take: so the owner is in it as a hash.
        """
        return f"{OBJECT_PREFIX}{blake2b(self.partition.encode(), digest_size=24).hexdigest()}/"


class TranscriptKey(NamedTuple):
    """Whose session, and which transcript of it."""

    session: SessionKey
    name: str

    @property
    def head(self) -> Item:
        """The primary key of the transcript's head."""
        return {"PK": {"S": self.session.partition}, "SK": {"S": f"{TRANSCRIPT_PREFIX}{self.name}"}}

    @property
    def objects(self) -> str:
        """What the keys of all the transcript's objects begin with: no name has a `!`."""
        return f"{self.session.objects}{self.name}!"

    def batch(self, generation: int, first: int) -> Item:
        """The primary key of the batch of entries that begins at a position."""
        return {
            "PK": {"S": self.session.partition},
            "SK": {"S": self.batch_sort_key(generation, first)},
        }

    def batch_sort_key(self, generation: int, first: int | None = None) -> str:
        """`ENTRIES#main#000000#0000000012`; without a position, what those of a generation begin with."""
        position = "" if first is None else f"{first:010d}"
        return f"{ENTRIES_PREFIX}{self.name}#{generation:06d}#{position}"


def transcript_key(session: SessionKey, name: str) -> TranscriptKey:
    """The key of a transcript.

    Raises:
        Invalid: the name is not one.
    """
    if (
        not isinstance(name, str)
        or len(name) > TRANSCRIPT_NAME_LIMIT
        or not re.fullmatch(TRANSCRIPT_NAME_PATTERN, name)
    ):
        raise Invalid.at(
            "path",
            "name",
            msg=f"must be 1 to {TRANSCRIPT_NAME_LIMIT} characters: segments of letters, digits, ., _ and -, "
            "parted by single /, and none of them . or ..",
        )
    return TranscriptKey(session, name)


def session_key(user_id: str, session_id: str) -> SessionKey:
    """The key of a session.

    Raises:
        Invalid: either id is not one.
    """
    check_user_id(user_id)
    try:
        return SessionKey(user_id, check_session_id(session_id))
    except ValueError as error:
        raise Invalid.at("path", "session_id", msg=str(error)) from None


def check_session_id(session_id: Any) -> str:
    """The session id, if it is one: it is compared by code points, and never normalised.

    Raises:
        ValueError: it is none; to be read behind its name.
    """
    if (
        isinstance(session_id, str)
        and re.fullmatch(SESSION_ID_PATTERN, session_id)
        and not _SURROGATE.search(session_id)
    ):
        return session_id
    raise ValueError(
        "must be 1 to 128 characters, without / ? # % \\, controls and ends of lines, and not . or .. or"
        " white space alone"
    )


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


def parse_batch_sort_key(sort_key: str) -> int:
    """The position at which the batch with this sort key begins."""
    return int(sort_key.rpartition("#")[2])


def parse_object_generation(key: TranscriptKey, object_key: str) -> int:
    """The generation of the transcript to which an object of it belongs."""
    return int(object_key.removeprefix(key.objects).partition("!")[0])


def recency_sort_key(updated_at: str, session_id: str) -> str:
    """The index's sort key: by time, then by id, so that no page skips or repeats a session."""
    return f"{updated_at}#{session_id}"
