"""What operations answer: the types of a client's answers, and the shapes in the OpenAPI document.

A function answers a message as it lies in the table, and builds none of these. A client makes them of the
answer's JSON. They are dataclasses of the standard library, so that a program that uses the HTTP API needs no
pydantic.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Self, TypeAlias, get_args, get_origin, get_type_hints

from turnlog.wire import Role, timestamp

Content: TypeAlias = str | list[str | dict[str, Any]]
"""What a message says: a text, or parts in the words of a provider."""

Json: TypeAlias = dict[str, Any]
"""A JSON object of the user's own: it comes back as it was sent, and stays plain."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:  # noqa: PLW1641 (it holds dicts)
    """The fields of an answer as attributes; times are aware `datetime`s in UTC.

    `answer["name"]` gives a field as JSON has it, also one that has no attribute here. Programs log answers:
    their `repr` does not show what users wrote.

    Attributes:
        raw: the answer's JSON.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    __iter__ = None  # it is no sequence, though it has `[]`

    @cached_property
    def raw(self) -> Json:
        """The answer's JSON; of one that a program makes, the JSON that it stands for."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: _json(value) for name, value in given.items() if value is not None}

    @classmethod
    def of(cls, raw: Json) -> Self:
        """Make it of an answer's JSON.

        Raises:
            KeyError, TypeError, ValueError: it is not of this shape.
        """
        given = {
            name: _made(hint, raw[name] if required else raw.get(name))
            for name, hint, required in _fields(cls)  # type: ignore[arg-type]
            if required or raw.get(name) is not None
        }
        made = cls(**given)
        made.__dict__["raw"] = raw
        return made

    def to_dict(self) -> Json:
        """The answer's JSON."""
        return self.raw

    def __getitem__(self, name: str) -> Any:
        return self.raw[name]

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and bool(self.raw == other.raw)


@dataclass(frozen=True, kw_only=True, eq=False)
class DraftMessage(Answer):
    """A message of a turn in progress; a field that is null may be left out.

    It has any other field that was sent: `message["annotations"]`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "allow"}

    role: Role
    content: Content | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    tool_call_id: str | None = field(default=None, repr=False)
    refusal: str | None = field(default=None, repr=False)
    tool_calls: list[Json] | None = field(default=None, repr=False)
    function_call: Json | None = field(default=None, repr=False)
    metadata: Json | None = field(default=None, repr=False)
    message_id: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Message(Answer):
    """A message as it is answered; a field that is null is left out, but for a `content` that was sent so.

    It has any other field that was sent: `message["annotations"]`. Over HTTP, in the place of a message that
    no answer holds are its fields of the server's, and `file` with `url`, `size` and `expires_at`: what was
    sent is JSON there. Clients of `turnlog` read it by themselves.

    Attributes:
        edited_at: when it was replaced or removed, if it was.
        removed: true of one that was removed: what it said is gone.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "allow"}

    sequence: int
    message_id: str
    created_at: datetime
    role: Role
    content: Content | None = field(default=None, repr=False)
    edited_at: datetime | None = None
    removed: Literal[True] | None = None
    metadata: Json | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    tool_call_id: str | None = field(default=None, repr=False)
    refusal: str | None = field(default=None, repr=False)
    tool_calls: list[Json] | None = field(default=None, repr=False)
    function_call: Json | None = field(default=None, repr=False)

    def to_dict(self) -> Json:
        """The message as it was sent, without what the server added to it."""
        return {name: value for name, value in self.raw.items() if name not in _SERVERS}


_SERVERS = {"sequence", "message_id", "created_at", "edited_at"}


@dataclass(frozen=True, kw_only=True, eq=False)
class UsageSum(Answer):
    """Tokens of all requests together.

    Attributes:
        details: the other counts that providers returned, by their dotted names, such as
            `prompt_tokens_details.cached_tokens`; a list of sessions shows none.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    details: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Session(Answer):
    """A session without its messages."""

    session_id: str
    user_id: str
    title: str | None = field(repr=False)
    started_at: datetime
    updated_at: datetime
    version: int
    message_count: int
    usage: UsageSum
    credentials: dict[str, Json] = field(repr=False)
    metadata: Json = field(repr=False)
    successful_agent_runs: dict[str, int]
    successful_agent_schedules: dict[str, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Draft(Answer):
    """A turn in progress: in the cache alone, never in the table."""

    messages: list[DraftMessage]
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, eq=False)
class SessionWithMessages(Session):
    """A session with its newest messages; `has_more` tells that there are older ones."""

    messages: list[Message]
    has_more: bool
    oldest_sequence: int | None
    draft: Draft | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class SessionPage(Answer):
    """A user's sessions, most recently changed first."""

    sessions: list[Session]
    total: int
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class MessagePage(Answer):
    """Messages in ascending order; `has_more`: more follow in the direction in which the page was read."""

    messages: list[Message]
    has_more: bool
    oldest_sequence: int | None
    newest_sequence: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Appended(Answer):
    """What an append stored, or had stored before.

    An answer of the API has no `messages` where the request says `Prefer: return=minimal`, or where its body
    came as a file.
    """

    first_sequence: int
    last_sequence: int
    message_count: int
    version: int
    replayed: bool
    messages: list[Message] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rewound(Answer):
    """A session after a rewind."""

    message_count: int
    version: int
    replayed: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class MessageEdited(Answer):
    """A message after an edit, and a version of its session.

    If others changed the session in the same instant, `version` is lower than the session's.
    """

    message: Message
    version: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ToolCallAdded(Answer):
    """The assistant message that bears the tool call."""

    message: Message


@dataclass(frozen=True, kw_only=True, eq=False)
class Repair(Answer):
    """What was changed so that a provider accepts the history, at the stored message of this sequence."""

    sequence: int
    what: str


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenAIMessages(Answer):
    """The history as Chat Completions messages.

    `has_more`: there are messages before the window. `next_before`: what gives them, as `before`.
    """

    messages: list[Json] = field(repr=False)
    has_more: bool
    repairs: list[Repair]
    next_before: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportedSession(Answer):
    """The history in the words of a provider: `input` for OpenAI's Responses API, else `messages`.

    `system` is there for Anthropic. For the others see `OpenAIMessages`.
    """

    has_more: bool
    repairs: list[Repair]
    messages: list[Json] | None = field(default=None, repr=False)
    input: list[Json] | None = field(default=None, repr=False)
    system: str | None = field(default=None, repr=False)
    next_before: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerFile(Answer):
    """An answer that no answer holds: all of it is at `url`, as gzip, which HTTP clients unpack.

    `size`: its bytes in an answer. `expires_at`: until then it can be read. Clients of `turnlog` read it by
    themselves.
    """

    file: Json


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportedText(Answer):
    """A part of the history as a text. `next_before`: what gives the part before it, as `before`."""

    text: str = field(repr=False)
    next_before: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class AppendedEntries(Answer):
    """Where the entries are that an append stored, or had stored before."""

    first_position: int
    last_position: int
    entry_count: int
    replayed: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class EntryPage(Answer):
    """Entries in the order of their positions; `has_more`: others follow.

    `generation`: how often the transcript was deleted and begun anew. Pages with different generations are of
    different transcripts. `file`, over HTTP: the page is one entry that no answer holds, which is JSON at its
    `url`. Clients of `turnlog` read it by themselves.
    """

    entries: list[Json] = field(repr=False)
    entry_count: int
    generation: int
    has_more: bool
    first_position: int | None
    last_position: int | None
    file: Json | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class TranscriptSummary(Answer):
    """What a list shows of a transcript."""

    name: str
    entry_count: int
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, eq=False)
class Transcripts(Answer):
    """A session's transcripts, sorted by name."""

    transcripts: list[TranscriptSummary]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImportedTranscript(Answer):
    """How many entries there are after an import, and how many of them it stored.

    `next_position`: where the lines behind these begin, if a text is imported in several requests. `others`:
    how many entries up to there are none of the text's.
    """

    entry_count: int
    added: int
    others: int
    next_position: int
    generation: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Address(Answer):
    """How a program sends or reads the bytes of a file itself, with no token: whoever has the URL may.

    `headers`: have to be sent just so. `expires_at`: until then it can be begun; the URL ends sooner if the
    credentials that signed it do.
    """

    method: Literal["GET", "PUT"]
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, eq=False)
class CreatedFile(Answer):
    """A file that was promised. `upload`: where its bytes are to be sent."""

    file_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    upload: Address


@dataclass(frozen=True, kw_only=True, eq=False)
class File(Answer):
    """A file whose bytes have come. `download`: where they can be read."""

    file_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    download: Address


@dataclass(frozen=True, kw_only=True, eq=False)
class ListedFile(Answer):
    """What a list shows of a file. `uploaded`: its bytes have come."""

    file_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    uploaded: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Files(Answer):
    """A page of a session's files, the oldest first."""

    files: list[ListedFile]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Health(Answer):
    """`cache` is `ok`, `off` or `unavailable`: the last makes answers slower, never wrong."""

    status: Literal["ok"]
    table: Literal["ok"]
    cache: Literal["ok", "off", "unavailable"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem(Answer):
    """An error: problem details (RFC 9457)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "allow"}

    type: str
    title: str
    status: int
    detail: str


@cache
def _fields(shape: type[Answer]) -> list[tuple[str, Any, bool]]:
    """Name and type of each field, and whether it must be there."""
    hints = get_type_hints(shape, vars(sys.modules[__name__]))
    return [(one.name, hints[one.name], one.default is one.default_factory) for one in fields(shape)]


def _made(hint: Any, value: Any) -> Any:
    """A field's value of its JSON."""
    if get_origin(hint) is UnionType:
        kinds = [one for one in get_args(hint) if one is not NoneType]
        if value is None or len(kinds) > 1:
            return value
        (hint,) = kinds
    if get_origin(hint) is list:
        (of,) = get_args(hint)
        return [_made(of, one) for one in value] if of is datetime or is_dataclass(of) else value
    if hint is datetime:
        return datetime.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, Answer):
        return hint.of(value)
    return value


def _json(value: Any) -> Any:
    """A field's JSON of its value."""
    if isinstance(value, Answer):
        return value.raw
    if isinstance(value, datetime):
        return timestamp(value)
    return [_json(one) for one in value] if isinstance(value, list) else value
