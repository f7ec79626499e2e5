"""What a client sends and gets: the shapes of the contract, from which requests are checked and OpenAPI made.

Answers are not built from these models (a stored message is an answer as it lies); a test checks that every
answer is of its shape.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from shared.head import JSON_FIELDS
from shared.keys import SESSION_ID_PATTERN
from shared.limits import MAX_BATCH, MAX_FIRST_BATCH, MAX_PUT

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_PRINTABLE)]
SessionId = Annotated[str, StringConstraints(pattern=SESSION_ID_PATTERN)]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_PRINTABLE)
]
Name = Annotated[str, StringConstraints(max_length=256, pattern=_PRINTABLE)]
Sequence = Annotated[int, Field(ge=0, lt=10**10)]
Count = Annotated[int, Field(ge=0, lt=10**12)]
JsonObject = dict[str, JsonValue]
Providers = dict[str, JsonObject]
Counts = dict[str, Count]

Role = Literal["user", "assistant", "system", "developer", "tool", "function"]


class _Closed(BaseModel):
    """A request's object: a field that the contract does not know is refused."""

    # Built when first used: a function that reads one body does not build the others.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class NewMessage(_Closed):
    """A message as a client sends it."""

    role: Role
    content: str | None = None
    name: Name | None = None
    tool_call_id: Name | None = None
    refusal: str | None = None
    tool_calls: list[JsonObject] | None = None
    function_call: JsonObject | None = None
    message_id: MessageId | None = Field(
        default=None, description="Sent again, it is stored once. A UUID is given to a message without one."
    )

    def fields(self) -> dict[str, Any]:
        """The message without what is null, but for `content`."""
        given = self.model_dump(exclude_none=True, exclude={"sequence", "created_at"})
        return {"role": self.role, "content": self.content, **given}


class KnownMessage(NewMessage):
    """A message of PUT: as a client sends it, or as it came back from a GET."""

    sequence: Sequence | None = Field(
        default=None, description="If given, the place at which it stands here."
    )
    created_at: str | None = Field(default=None, description="As answered; not written.")


class Usage(_Closed):
    """Tokens."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    total_tokens: Count = 0

    @model_validator(mode="after")
    def _sum(self) -> Usage:
        if "total_tokens" not in self.model_fields_set:
            self.total_tokens = self.prompt_tokens + self.completion_tokens
        return self


class _WithObjects(_Closed):
    """A body with the session's objects."""

    def objects(self) -> dict[str, Any]:
        """Those of the session's objects that are given."""
        return self.model_dump(include=set(JSON_FIELDS), exclude_unset=True, exclude_none=True)


class CreateSession(_WithObjects):
    """The body of `POST /sessions`."""

    session_id: SessionId | None = None
    title: Title | None = None
    metadata: JsonObject = {}
    credentials: Providers = {}
    successful_agent_runs: Counts = {}
    successful_agent_schedules: Counts = {}
    usage: Usage = Usage()
    messages: list[NewMessage] = Field(default=[], max_length=MAX_FIRST_BATCH)


class PutSession(_WithObjects):
    """The body of `PUT /sessions/{session_id}`: fields that are given replace, the others stay."""

    title: Title | None = None
    metadata: JsonObject | None = None
    credentials: Providers | None = None
    successful_agent_runs: Counts | None = None
    successful_agent_schedules: Counts | None = None
    usage: Usage | None = Field(default=None, description="Replaces the sum.")
    messages: list[KnownMessage] = Field(default=[], max_length=MAX_PUT)
    start_sequence: Sequence = 0

    @model_validator(mode="after")
    def _in_place(self) -> PutSession:
        for sequence, message in enumerate(self.messages, self.start_sequence):
            if message.sequence not in {None, sequence}:
                msg = f"the message of sequence {message.sequence} stands at {sequence}"
                raise ValueError(msg)
        return self


class PatchSession(_Closed):
    """The body of `PATCH /sessions/{session_id}`: a JSON merge patch (RFC 7386) of each field given."""

    metadata: JsonObject | None = None
    credentials: dict[str, JsonObject | None] | None = None
    successful_agent_runs: dict[str, Count | None] | None = None
    successful_agent_schedules: dict[str, Count | None] | None = None


class SetTitle(_Closed):
    """The body of `PATCH /sessions/{session_id}/title`."""

    title: Title
    only_if_unset: bool = False


class AppendMessages(_Closed):
    """The body of `POST /sessions/{session_id}/messages`: all of the messages are stored, or none."""

    messages: list[NewMessage] = Field(min_length=1, max_length=MAX_BATCH)
    usage: Usage | None = Field(default=None, description="Added to the session's sum.")
    expected_sequence: Sequence | None = Field(default=None, description="Only if the next one is this.")


class AddToolCall(_Closed):
    """The body of `POST /sessions/{session_id}/tool-calls`."""

    tool_call: JsonObject = Field(min_length=1)


class PutDraft(_Closed):
    """The body of `PUT /sessions/{session_id}/draft`."""

    messages: list[NewMessage] = Field(max_length=MAX_BATCH)


class Message(NewMessage):
    """A message as it is answered; a field that is null is left out, but for `content`."""

    model_config = ConfigDict(extra="forbid", defer_build=True, json_schema_mode_override="serialization")

    sequence: Sequence
    message_id: MessageId
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    content: str | None


class Session(_Closed):
    """A session without its messages."""

    session_id: SessionId
    user_id: str
    title: str | None
    started_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})
    version: int
    message_count: int
    usage: Usage
    credentials: Providers
    metadata: JsonObject
    successful_agent_runs: Counts
    successful_agent_schedules: Counts


class Draft(_Closed):
    """A turn in progress: in the cache alone, never in the table."""

    messages: list[NewMessage]
    updated_at: str = Field(json_schema_extra={"format": "date-time"})


class SessionWithMessages(Session):
    """A session with its newest messages; `has_more` tells that there are older ones."""

    messages: list[Message]
    has_more: bool
    oldest_sequence: int | None
    draft: Draft | None = None


class SessionPage(_Closed):
    """A user's sessions, most recently changed first."""

    sessions: list[Session]
    total: int
    next_cursor: str | None


class MessagePage(_Closed):
    """Messages in ascending order; `has_more`: there are more on the side to which the page was read."""

    messages: list[Message]
    has_more: bool
    oldest_sequence: int | None
    newest_sequence: int | None


class Appended(_Closed):
    """What an append stored, or had stored before."""

    messages: list[Message]
    first_sequence: int
    last_sequence: int
    message_count: int
    version: int
    replayed: bool


class ToolCallAdded(_Closed):
    """The assistant message that bears the tool call."""

    message: Message


class OpenAIMessages(_Closed):
    """The history as Chat Completions messages."""

    messages: list[dict[str, Any]]
    has_more: bool


class Health(_Closed):
    """`cache` is `ok`, `off` or `unavailable`: the last makes answers slower, never wrong."""

    status: Literal["ok"]
    table: Literal["ok"]
    cache: Literal["ok", "off", "unavailable"]


class Problem(BaseModel):
    """An error: problem details (RFC 9457)."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    type: str
    title: str
    status: int
    detail: str
