"""The session's head: one item of about 1 KB that says all about a session but its messages.

G3: its counts change in the same transaction as what they count. G4: a deleted session's head stays as a
tombstone, which has no `message_count`; every write asks for one.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import PreconditionFailed
from turnlog.records import usage
from turnlog.records.expressions import EMPTY, SHORT
from turnlog.records.keys import (
    GenerationKey,
    SessionKey,
    parse_partition,
    recency_sort_key,
    user_partition,
)
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.records.expressions import Fence
    from turnlog.records.item import Item

JSON_FIELDS = ("credentials", "metadata", "successful_agent_runs", "successful_agent_schedules")
USAGE_FIELDS = usage.FIELDS
_NUMBERS = (
    "version",
    "message_count",
    "edits",
    "rewinds",
    "leftover",
    "log_size",
    "stream_epoch",
    *USAGE_FIELDS,
)
_STRINGS = (
    "title",
    "started_at",
    "updated_at",
    "deleted_at",
    "rewound",
    "forking",
    "forked_from",
    "active_stream",
    "details",
    *JSON_FIELDS,
)
_BYTES = ("ring", "token")


class Head(NamedTuple):
    """A session's head: live, a tombstone, or that of a fork which is not whole yet.

    Attributes:
        key: with its generation, which is an attribute of the item where it is not 0.
        edits: how often a stored message was changed or removed; it is in the key of the cached log.
        rewinds: how often the log was cut; a message that was put since a rewind bears its count.
        rewound: from and to which `message_count` the last rewind went, as `"4:9"`.
        leftover: the sequence behind the last message that a rewind has yet to delete; None: there is none.
        forking: JSON text of how far an unfinished fork is, see `turnlog.records.forks`; None: it is none.
        forked_from: JSON text of what a fork's `metadata.forked_from` is at first; None: it is no fork.
        active_stream: the id of the stream that runs, see `turnlog.records.streams`; None: none does.
        stream_epoch: of that stream, None without one.
        log_size: bytes of all messages in an answer, see `wire.payload_size`.
        ring: fingerprints of the newest message ids, see `turnlog.records.ring`.
        token: of the last change that is not an append; by it a writer knows its own change after a lost
            reply.
        details: JSON text of the nested counters of tokens, see `turnlog.records.usage`.
        credentials: JSON text, as are the other objects.
    """

    key: GenerationKey
    version: int = 1
    message_count: int = 0
    edits: int = 0
    rewinds: int = 0
    rewound: str | None = None
    leftover: int | None = None
    forking: str | None = None
    forked_from: str | None = None
    active_stream: str | None = None
    stream_epoch: int | None = None
    log_size: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    details: str = usage.NONE
    title: str | None = None
    started_at: str = ""
    updated_at: str = ""
    deleted_at: str | None = None
    credentials: str = "{}"
    metadata: str = "{}"
    successful_agent_runs: str = "{}"
    successful_agent_schedules: str = "{}"
    ring: bytes = b""
    token: bytes = b""

    @property
    def live(self) -> bool:
        """Whether the session is there, rather than deleted, or a fork that is not whole yet."""
        return self.deleted_at is None and self.forking is None

    def runs(self, fence: Fence) -> bool:
        """Whether it says that this stream runs, in this epoch."""
        return (self.active_stream, self.stream_epoch) == fence

    @property
    def etag(self) -> str:
        """The entity tag of this version (RFC 9110, section 8.8.3)."""
        return f'"{self.version}"'

    @property
    def sort_key(self) -> str:
        """Where the session stands in the index by recency."""
        return recency_sort_key(self.updated_at, self.key.session_id)

    @property
    def objects_size(self) -> int:
        """Bytes of JSON of the session's objects, all together; an empty one takes none.

        What a fork's metadata says of where it is from does not count, as long as it says that.
        """
        size = sum(len(text.encode()) for name in JSON_FIELDS if (text := getattr(self, name)) != "{}")
        if self.forked_from is not None:
            origin = {"forked_from": json.loads(self.forked_from)}
            if json.loads(self.metadata).get("forked_from") == origin["forked_from"]:
                size -= len(dumps(origin))
        return size

    def usage(self) -> dict[str, Any]:
        """The sum of tokens as the contract shows it, with its details if there are any."""
        more = {} if self.details == usage.NONE else {"details": usage.details(self.details)}
        return {field: getattr(self, field) for field in USAGE_FIELDS} | more

    def session(self) -> dict[str, Any]:
        """The session as the contract shows it, without messages."""
        return {
            "session_id": self.key.session_id,
            "user_id": self.key.user_id,
            "title": self.title,
            "started_at": self.started_at,
            "updated_at": self.updated_at,
            "version": self.version,
            "message_count": self.message_count,
            "usage": self.usage(),
            **{field: json.loads(getattr(self, field)) for field in JSON_FIELDS},
        }

    def item(self) -> Item:
        """The item: of a live session, with its place in the index; of an unfinished fork, without.

        A fork that is not whole has no `message_count` either, which every write asks for.
        """
        numbers = {field: getattr(self, field) for field in _NUMBERS}
        strings = {field: getattr(self, field) for field in _STRINGS}
        item = {
            **self.key.head,
            **({"generation": {"N": str(self.key.generation)}} if self.key.generation else {}),
            "GSI1PK": {"S": user_partition(self.key.user_id)},
            "GSI1SK": {"S": self.sort_key},
            **{
                SHORT.get(field, field): {"N": str(value)}
                for field, value in numbers.items()
                if value is not None
            },
            # An empty object is left out: with it, many a head would be above 1 KB, a write unit more.
            **{
                SHORT.get(field, field): {"S": value}
                for field, value in strings.items()
                if value not in {None, EMPTY}
            },
            **{field: {"B": getattr(self, field)} for field in _BYTES},
        }
        if self.forking is not None:
            for name in ("GSI1PK", "GSI1SK", SHORT["message_count"]):
                del item[name]
        return item

    def dump(self) -> bytes:
        """The head as the cache keeps it."""
        fields = self._asdict() | {field: b64encode(getattr(self, field)).decode() for field in _BYTES}
        return json.dumps(fields).encode()


def load(dumped: bytes) -> Head:
    """The head that `Head.dump` wrote."""
    fields = json.loads(dumped)
    fields |= {field: b64decode(fields[field]) for field in _BYTES}
    # Another release may have written it, with fields that this one does not know.
    known = {field: value for field, value in fields.items() if field in Head._fields}
    (user_id, session_id), generation = fields["key"]
    return Head(**{**known, "key": GenerationKey(SessionKey(user_id, session_id), int(generation))})


def from_item(item: Item) -> Head:
    """The head in an item of the table or of the index, live or a tombstone."""
    fields: dict[str, Any] = {}
    fields |= {field: int(item[name]["N"]) for field in _NUMBERS if (name := SHORT.get(field, field)) in item}
    fields |= {field: item[name]["S"] for field in _STRINGS if (name := SHORT.get(field, field)) in item}
    fields |= {field: bytes(item[field]["B"]) for field in _BYTES if field in item}
    generation = int(item["generation"]["N"]) if "generation" in item else 0
    return Head(key=parse_partition(item["PK"]["S"]).at(generation), **fields)


class Match(NamedTuple):
    """What an `If-Match` or `If-None-Match` names (RFC 9110, section 13.1).

    Attributes:
        anything: it is `*`: any version of what is there.
        versions: those that are named; a tag that is no version of ours matches none.
    """

    anything: bool
    versions: frozenset[int]

    def admits(self, version: int) -> bool:
        """Whether a session of this version is meant."""
        return self.anything or version in self.versions


def check_version(head: Head, if_match: Match | None) -> None:
    """Refuse a version that `if_match` does not name.

    Args:
        if_match: None: every version is right.

    Raises:
        PreconditionFailed: the version is another.
    """
    if if_match and not if_match.admits(head.version):
        raise PreconditionFailed(
            f'The session has version {head.version}, which If-Match does not name (as "{head.version}", in'
            " quotes). Read the session again.",
            extra={"version": head.version},
        )
