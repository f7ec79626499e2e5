"""The bodies of answers.

No answer is built from these, because a stored message is answered as it was stored. They are for the OpenAPI
document, and for a test that every answer has its shape.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from turnlog.models.common import (
    Closed,
    Counts,
    JsonObject,
    MessageId,
    NewMessage,
    Providers,
    Sequence,
    SessionId,
)


class Message(NewMessage):
    """A message as it is answered; a field that is null is left out, but for `content`."""

    model_config = ConfigDict(extra="forbid", defer_build=True, json_schema_mode_override="serialization")

    sequence: Sequence
    message_id: MessageId
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    content: str | None


class UsageSum(Closed):
    """Tokens of all requests together; a sum has no upper bound."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    total_tokens: int = Field(ge=0)


class Session(Closed):
    """A session without its messages."""

    session_id: SessionId
    user_id: str
    title: str | None
    started_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})
    version: int
    message_count: int
    usage: UsageSum
    credentials: Providers
    metadata: JsonObject
    successful_agent_runs: Counts
    successful_agent_schedules: Counts


class Draft(Closed):
    """A turn in progress: in the cache alone, never in the table."""

    messages: list[NewMessage]
    updated_at: str = Field(json_schema_extra={"format": "date-time"})


class SessionWithMessages(Session):
    """A session with its newest messages; `has_more` tells that there are older ones."""

    messages: list[Message]
    has_more: bool
    oldest_sequence: int | None
    draft: Draft | None = None


class SessionPage(Closed):
    """A user's sessions, most recently changed first."""

    sessions: list[Session]
    total: int
    next_cursor: str | None


class MessagePage(Closed):
    """Messages in ascending order; `has_more`: more follow in the direction in which the page was read."""

    messages: list[Message]
    has_more: bool
    oldest_sequence: int | None
    newest_sequence: int | None


class Appended(Closed):
    """What an append stored, or had stored before."""

    messages: list[Message]
    first_sequence: int
    last_sequence: int
    message_count: int
    version: int
    replayed: bool


class Rewound(Closed):
    """A session after a rewind."""

    message_count: int
    version: int
    replayed: bool


class ToolCallAdded(Closed):
    """The assistant message that bears the tool call."""

    message: Message


class OpenAIMessages(Closed):
    """The history as Chat Completions messages."""

    messages: list[dict[str, Any]]
    has_more: bool


class AppendedEntries(Closed):
    """Where the entries are that an append stored, or had stored before."""

    first_position: int
    last_position: int
    entry_count: int
    replayed: bool


class EntryPage(Closed):
    """Entries in the order of their positions; `has_more`: others follow.

    `generation`: how often the transcript was deleted and begun anew. Pages with different generations are of
    different transcripts.
    """

    entries: list[JsonObject]
    entry_count: int
    generation: int
    has_more: bool
    first_position: int | None
    last_position: int | None


class TranscriptSummary(Closed):
    """What a list shows of a transcript."""

    name: str
    entry_count: int
    updated_at: str = Field(json_schema_extra={"format": "date-time"})


class Transcripts(Closed):
    """A session's transcripts, sorted by name."""

    transcripts: list[TranscriptSummary]


class ImportedTranscript(Closed):
    """How many entries there are after an import, and how many of them it stored."""

    entry_count: int
    added: int


class Health(Closed):
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
