"""The bodies of requests about sessions."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, model_validator

from turnlog.limits import MAX_FIRST_BATCH, MAX_PUT
from turnlog.models.common import (
    Closed,
    Count,
    Counts,
    JsonObject,
    NewMessage,
    Providers,
    Sequence,
    SessionId,
    Title,
    Usage,
    WithObjects,
)

_OF_AN_ANSWER = "Ignored, beside `version`."
_SERVERS = (
    "session_id",
    "user_id",
    "started_at",
    "updated_at",
    "message_count",
    "has_more",
    "oldest_sequence",
    "active_stream",
    "draft",
)


class KnownMessage(NewMessage):
    """A message of PUT: as a client sends it, or as it came back from a GET."""

    sequence: Sequence | None = Field(
        default=None,
        description="If given, it must be the sequence that the message has in this request.",
    )


class CreateSession(WithObjects):
    """The body of `POST /sessions`."""

    session_id: SessionId | None = None
    title: Title | None = None
    metadata: JsonObject = None
    credentials: Providers = Field(default_factory=dict)
    successful_agent_runs: Counts = Field(default_factory=dict)
    successful_agent_schedules: Counts = Field(default_factory=dict)
    usage: Usage = Field(
        default=None, description="Tokens to begin the sum with: what a provider returned, as it is."
    )
    messages: list[NewMessage] = Field(default=[], max_length=MAX_FIRST_BATCH)
    recreate: bool = Field(
        default=False,
        description="If the session with this id was deleted, begin another one under the id. Send such a"
        " request again only after a look at what is there: each deletion in between allows another session.",
    )


class ForkSession(Closed):
    """The body of `POST /sessions/{session_id}/fork`."""

    session_id: SessionId | None = Field(
        default=None,
        description="Of the fork. With it the request can be sent again, which goes on where it was stopped.",
    )
    to_sequence: Sequence | None = Field(
        default=None,
        description="The fork has the messages before this one. Without it, all that there are.",
        examples=[1],
    )
    title: Title | None = Field(default=None, description="Of the fork. Without it, the session's.")


class PutSession(WithObjects):
    """The body of `PUT /sessions/{session_id}`: fields that are given replace, the others stay."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {name: ["version"] for name in _SERVERS}}
    )

    title: Title | None = None
    metadata: JsonObject = None
    credentials: Providers | None = None
    successful_agent_runs: Counts | None = None
    successful_agent_schedules: Counts | None = None
    usage: Usage = Field(default=None, description="Replaces the session's sum of tokens.")
    messages: list[KnownMessage] = Field(default=[], max_length=MAX_PUT)
    start_sequence: Sequence = Field(default=0, description="The sequence of the first message here.")
    version: Any = Field(
        default=None,
        description="Says that this is an answer of GET given back: its `usage` and what only the server sets"
        " are ignored, and it begins at its first message's `sequence`.",
    )
    session_id: Any = Field(default=None, description=_OF_AN_ANSWER)
    user_id: Any = Field(default=None, description=_OF_AN_ANSWER)
    started_at: Any = Field(default=None, description=_OF_AN_ANSWER)
    updated_at: Any = Field(default=None, description=_OF_AN_ANSWER)
    message_count: Any = Field(default=None, description=_OF_AN_ANSWER)
    has_more: Any = Field(default=None, description=_OF_AN_ANSWER)
    oldest_sequence: Any = Field(default=None, description=_OF_AN_ANSWER)
    active_stream: Any = Field(default=None, description=_OF_AN_ANSWER)
    draft: Any = Field(default=None, description=_OF_AN_ANSWER)

    @model_validator(mode="after")
    def _given_back(self) -> PutSession:
        if "version" not in self.model_fields_set:
            if wrong := sorted(self.model_fields_set.intersection(_SERVERS)):
                msg = f"has {wrong[0]}, which only the server sets: send it with version, as GET answers it"
                raise ValueError(msg)
            return self
        self.usage = None
        if "start_sequence" not in self.model_fields_set and self.messages:
            self.start_sequence = self.messages[0].sequence or 0
        return self

    @model_validator(mode="after")
    def _in_place(self) -> PutSession:
        for sequence, message in enumerate(self.messages, self.start_sequence):
            if message.sequence not in {None, sequence}:
                msg = f"the message with sequence {message.sequence} stands where {sequence} belongs"
                raise ValueError(msg)
        return self


class PatchSession(Closed):
    """The body of `PATCH /sessions/{session_id}`: a JSON merge patch (RFC 7386) of each field given."""

    metadata: JsonObject = None
    credentials: dict[str, JsonObject] | None = None
    successful_agent_runs: dict[str, Count | None] | None = None
    successful_agent_schedules: dict[str, Count | None] | None = None
    touch: bool = Field(
        default=True,
        description="If false, `updated_at` stays as it is, and the session keeps its position in the list:"
        " for what is derived from the session.",
    )

    @model_validator(mode="before")
    @classmethod
    def _no_title(cls, given: Any) -> Any:
        if isinstance(given, dict) and "title" in given:
            msg = "has a title, which is set by PATCH /sessions/{session_id}/title (in Python: set_title)"
            raise ValueError(msg)
        return given


class SetTitle(Closed):
    """The body of `PATCH /sessions/{session_id}/title`."""

    title: Title
    only_if_unset: bool = Field(default=False, description="If the session has a title, it keeps that.")
