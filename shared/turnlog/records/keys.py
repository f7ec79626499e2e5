"""G5: ownership is in the key. Who asks with another user's id finds nothing.

A user id is whatever the identity provider calls the user, so it is percent-encoded: no `#` of its own can
forge a key, and no two users share one. A session id is checked instead: it has no `#`, and takes at most 512
bytes.

G4: a session that is begun anew under a deleted id has the next generation. What it stores lies under keys
that bear the generation, behind all that the generations before it have: so those are a range, which is
purged without a look at what is there now. The first generation, 0, is not written, and costs no bytes.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard
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
FILE_PREFIX = "FILE#"
LOOK_PREFIX = "LOOK#"
OBJECT_PREFIX = "sessions/"
ANSWER_PREFIX = "answers/"

# What a path cannot carry as it is, by a slash, a question mark or a number sign, or what looks like another
# id: no `.`, no `..`, not white space alone.
SESSION_ID_PATTERN = r"^(?!\.{1,2}$)(?!\s+$)[^/?#%\\\x00-\x1f\x7f-\x9f\u2028\u2029]{1,128}$"
SESSION_ID_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": SESSION_ID_PATTERN}
_SURROGATE = re.compile("[\ud800-\udfff]")
# Segments parted by single slashes; none is `.` or `..`, which a path on its way to a server loses.
_SEGMENT = r"(\.{0,2}[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3}[A-Za-z0-9._-]*)"
TRANSCRIPT_NAME_PATTERN = f"^{_SEGMENT}(/{_SEGMENT})*$"
TRANSCRIPT_NAME_LIMIT = 255
FILE_ID_PATTERN = "^[0-9a-f]{32}$"
# What a file's id begins with: those of bodies, which are in no list, sort behind all others.
LISTED_ID, BODY_ID = "0", "f"
# A partition key holds 2,048 bytes; a character takes up to twelve when encoded. What OpenID Connect allows
# for `sub` is 255 ASCII characters (Core 1.0, section 2).
_MAX_ENCODED_USER = 1_024
# It sorts behind all that generation 0 has. The head and the retention marker are of no generation.
_LATER = "~"


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

    def at(self, generation: int) -> GenerationKey:
        """The key of one of the sessions that were begun under the id, one after the other."""
        return GenerationKey(self, generation)

    @property
    def objects(self) -> str:
        """What the keys of all objects begin with that are of any generation; nobody else's do.

        An object's key holds 1,024 bytes, which a user id alone can take: so the owner is in it as a hash.
        """
        return f"{OBJECT_PREFIX}{blake2b(self.partition.encode(), digest_size=24).hexdigest()}"


class GenerationKey(NamedTuple):
    """One session of those that were begun under its id: whose it is, and how many were deleted before it.

    Who has seen a head goes on with the head's key, and so never reaches a session that is begun later.
    """

    session: SessionKey
    generation: int

    @property
    def user_id(self) -> str:
        """Whose session it is."""
        return self.session.user_id

    @property
    def session_id(self) -> str:
        """The id, which all generations share."""
        return self.session.session_id

    @property
    def partition(self) -> str:
        """The partition key, which all generations share."""
        return self.session.partition

    @property
    def head(self) -> Item:
        """The primary key of the head, which all generations share."""
        return self.session.head

    @property
    def next(self) -> GenerationKey:
        """The key of the session that is begun when this one is deleted."""
        return GenerationKey(self.session, self.generation + 1)

    @property
    def first(self) -> str:
        """What the sort keys of all that it stores begin with; those of former generations sort before it.

        Empty for generation 0. Then `next.first` is behind all that there is.
        """
        return f"{_LATER}{self.generation:010d}#" if self.generation else ""

    def item(self, sort_key: str) -> Item:
        """The primary key of what it stores under this sort key."""
        return {"PK": {"S": self.partition}, "SK": {"S": f"{self.first}{sort_key}"}}

    def message(self, sequence: int, part: int = 0) -> Item:
        """The primary key of a message, or of a further part of one above DynamoDB's 400 KB."""
        return self.item(message_sort_key(sequence, part))

    @property
    def objects(self) -> str:
        """What the keys of all its objects begin with; those of former generations sort before it."""
        # A slash sorts before a digit.
        return f"{self.session.objects}{f'{self.generation:010d}' if self.generation else ''}/"

    @property
    def message_objects(self) -> str:
        """What the keys of the objects of its messages begin with; no transcript's name begins with a `!`."""
        return f"{self.objects}!messages/"


class FileKey(NamedTuple):
    """Which session, and which file of it."""

    session: GenerationKey
    file_id: str

    @property
    def item(self) -> Item:
        """The primary key of what is known of the file."""
        return self.session.item(f"{FILE_PREFIX}{self.file_id}")

    @property
    def look(self) -> Item:
        """The primary key of the marker whose TTL asks whether the bytes have come, or have to go."""
        return self.session.item(f"{LOOK_PREFIX}{self.file_id}")

    @property
    def object_key(self) -> str:
        """The key of the object that has its bytes; no transcript's name begins with a `!`."""
        return f"{self.session.objects}!files/{self.file_id}"


class TranscriptName(NamedTuple):
    """Whose session, and which transcript of whichever session is there."""

    session: SessionKey
    name: str

    def of(self, generation: GenerationKey) -> TranscriptKey:
        """The key of the transcript of that name of one session."""
        return TranscriptKey(generation, self.name)


class TranscriptKey(NamedTuple):
    """Which session, and which transcript of it."""

    session: GenerationKey
    name: str

    @property
    def head(self) -> Item:
        """The primary key of the transcript's head."""
        return self.session.item(f"{TRANSCRIPT_PREFIX}{self.name}")

    @property
    def objects(self) -> str:
        """What the keys of all the transcript's objects begin with: no name has a `!`."""
        return f"{self.session.objects}{self.name}!"

    def batch(self, generation: int, first: int) -> Item:
        """The primary key of the batch of entries that begins at a position."""
        return {"PK": {"S": self.session.partition}, "SK": {"S": self.batch_sort_key(generation, first)}}

    def batch_sort_key(self, generation: int, first: int | None = None) -> str:
        """`ENTRIES#main#000000#0000000012`; without a position, what those of a generation begin with.

        Args:
            generation: of the transcript, of which several are begun in one session.
            first: the position.
        """
        position = "" if first is None else f"{first:010d}"
        return f"{self.session.first}{ENTRIES_PREFIX}{self.name}#{generation:06d}#{position}"


def transcript_name(session: SessionKey, name: str) -> TranscriptName:
    """The name of a transcript.

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
    return TranscriptName(session, name)


def is_file_id(given: Any) -> TypeGuard[str]:
    """Whether it can be a file's id."""
    return isinstance(given, str) and re.fullmatch(FILE_ID_PATTERN, given) is not None


def check_file_id(file_id: Any, *loc: str) -> str:
    """The file's id, if it can be one.

    Args:
        file_id: as it was given.
        loc: where it was given.

    Raises:
        Invalid: it can be none.
    """
    if is_file_id(file_id):
        return file_id
    raise Invalid.at(*loc, msg="must be a file's id: 32 hexadecimal digits, as POST …/files answers it")


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


def parse_generation(sort_key: str) -> tuple[int, str]:
    """The session's generation that a sort key names, and what the sort key is without that."""
    if not sort_key.startswith(_LATER):
        return 0, sort_key
    generation, _, rest = sort_key.removeprefix(_LATER).partition("#")
    return int(generation), rest


def parse_message_sort_key(sort_key: str) -> tuple[int, int]:
    """The sequence and the part that a message's sort key names."""
    _, sequence, *part = parse_generation(sort_key)[1].split("#")
    return int(sequence), int(part[0]) if part else 0


def parse_transcript(item: Item) -> TranscriptKey:
    """The key of the transcript of which this is the head's primary key."""
    generation, sort_key = parse_generation(item["SK"]["S"])
    session = parse_partition(item["PK"]["S"]).at(generation)
    return TranscriptKey(session, sort_key.removeprefix(TRANSCRIPT_PREFIX))


def parse_file(item: Item) -> FileKey:
    """The key of the file of which this is the item's or the marker's primary key."""
    generation, sort_key = parse_generation(item["SK"]["S"])
    session = parse_partition(item["PK"]["S"]).at(generation)
    return FileKey(session, sort_key.partition("#")[2])


def parse_batch_sort_key(sort_key: str) -> int:
    """The position at which the batch with this sort key begins."""
    return int(sort_key.rpartition("#")[2])


def parse_object_generation(key: TranscriptKey, object_key: str) -> int:
    """The generation of the transcript to which an object of it belongs."""
    return int(object_key.removeprefix(key.objects).partition("!")[0])


def recency_sort_key(updated_at: str, session_id: str) -> str:
    """The index's sort key: by time, then by id, so that no page skips or repeats a session."""
    return f"{updated_at}#{session_id}"
