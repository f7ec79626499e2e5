"""The bodies of requests about sessions."""

from __future__ import annotations

from pydantic import Field, model_validator

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


class KnownMessage(NewMessage):
    """A message of PUT: as a client sends it, or as it came back from a GET."""

    sequence: Sequence | None = Field(
        default=None,
        description="If given, it must be the sequence that the message has in this request.",
    )
    created_at: str | None = Field(default=None, description="Ignored, so that an answer can be sent back.")


class CreateSession(WithObjects):
    """The body of `POST /sessions`."""

    session_id: SessionId | None = None
    title: Title | None = None
    metadata: JsonObject = Field(default_factory=dict)
    credentials: Providers = Field(default_factory=dict)
    successful_agent_runs: Counts = Field(default_factory=dict)
    successful_agent_schedules: Counts = Field(default_factory=dict)
    usage: Usage = Usage()
    messages: list[NewMessage] = Field(default=[], max_length=MAX_FIRST_BATCH)
    recreate: bool = Field(
        default=False,
        description="If the session with this id was deleted, begin another one under the id. Send such a"
        " request again only after a look at what is there: each deletion in between allows another session.",
    )


class PutSession(WithObjects):
    """The body of `PUT /sessions/{session_id}`: fields that are given replace, the others stay."""

    title: Title | None = None
    metadata: JsonObject | None = None
    credentials: Providers | None = None
    successful_agent_runs: Counts | None = None
    successful_agent_schedules: Counts | None = None
    usage: Usage | None = Field(default=None, description="Replaces the session's sum of tokens.")
    messages: list[KnownMessage] = Field(default=[], max_length=MAX_PUT)
    start_sequence: Sequence = Field(default=0, description="The sequence of the first message here.")

    @model_validator(mode="after")
    def _in_place(self) -> PutSession:
        for sequence, message in enumerate(self.messages, self.start_sequence):
            if message.sequence not in {None, sequence}:
                msg = f"the message with sequence {message.sequence} stands where {sequence} belongs"
                raise ValueError(msg)
        return self


class PatchSession(Closed):
    """The body of `PATCH /sessions/{session_id}`: a JSON merge patch (RFC 7386) of each field given."""

    metadata: JsonObject | None = None
    credentials: dict[str, JsonObject | None] | None = None
    successful_agent_runs: dict[str, Count | None] | None = None
    successful_agent_schedules: dict[str, Count | None] | None = None
    touch: bool = Field(
        default=True,
        description="If false, `updated_at` stays as it is, and the session keeps its position in the list:"
        " for what is derived from the session.",
    )


class SetTitle(Closed):
    """The body of `PATCH /sessions/{session_id}/title`."""

    title: Title
    only_if_unset: bool = Field(default=False, description="If the session has a title, it keeps that.")
