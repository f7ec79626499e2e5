"""The bodies of requests about messages."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from turnlog.limits import MAX_BATCH
from turnlog.models.common import (
    Closed,
    Counts,
    Epoch,
    JsonObject,
    MessageId,
    NewMessage,
    Providers,
    Sequence,
    StreamId,
    Title,
    Usage,
    WithObjects,
)
from turnlog.records.expressions import Fence
from turnlog.wire import what_cannot_be_kept


class SetWithMessages(WithObjects):
    """Fields of the session that an append replaces: whole objects, in the same transaction."""

    title: Title | None = None
    metadata: JsonObject = None
    credentials: Providers | None = None
    successful_agent_runs: Counts | None = None
    successful_agent_schedules: Counts | None = None


class StreamFence(Closed):
    """A stream that runs on the session, and the epoch of its producer."""

    stream_id: StreamId
    epoch: Epoch

    def fence(self) -> Fence:
        """As operations take it."""
        return Fence(self.stream_id, self.epoch)


_OF_A_STREAM = "By a stream's producer: only while that runs on the session, in this epoch."


class AppendMessages(Closed):
    """The body of `POST /sessions/{session_id}/messages`: all of the messages are stored, or none."""

    messages: list[NewMessage] = Field(min_length=1, max_length=MAX_BATCH)
    usage: Usage = Field(
        default=None, description="Added to the session's sum: what a provider returned, as it is."
    )
    expected_sequence: Sequence | None = Field(
        default=None, description="Append only if this is the session's next sequence."
    )
    set: SetWithMessages | None = Field(
        default=None,
        description="Fields of the session that are replaced, unless all of the messages are stored already.",
    )
    stream: StreamFence | None = Field(
        default=None, description=f"{_OF_A_STREAM} Each message then bears its `stream_id`."
    )


class RewindSession(Closed):
    """The body of `POST /sessions/{session_id}/rewind`: the messages from `to_sequence` on go."""

    to_sequence: Sequence = Field(
        description="The first sequence that goes: as many messages stay.", examples=[0]
    )
    expected_sequence: Sequence = Field(
        description="Rewind only if this is the session's next sequence.", examples=[1]
    )
    rewind_id: MessageId | None = Field(
        default=None,
        description="Names this rewind: a request with the same id is a repeat until another rewind is made,"
        " and one with another id is not.",
    )
    stream: StreamFence | None = Field(
        default=None, description=f"{_OF_A_STREAM} Nobody else rewinds meanwhile."
    )

    @model_validator(mode="after")
    def _backwards(self) -> RewindSession:
        if self.to_sequence > self.expected_sequence:
            msg = "to_sequence must not be greater than expected_sequence"
            raise ValueError(msg)
        return self


class EditMessage(Closed):
    """The body of `PATCH /sessions/{session_id}/messages/{sequence}`: one of the first three."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["metadata"]},
                {"required": ["replace"], "properties": {"replace": {"type": "object"}}},
                {"required": ["removed"], "properties": {"removed": {"const": True}}},
            ]
        }
    )

    metadata: JsonObject = Field(
        default=None,
        description="A JSON merge patch (RFC 7386) of the message's metadata.",
        examples=[{"rating": 5}],
    )
    replace: NewMessage | None = Field(
        default=None,
        description="What the message is to be from now on. It keeps its id, place, time and usage. Its"
        " metadata, and tool calls that were added to it, go.",
    )
    removed: Literal[True] | None = Field(
        default=None, description="All that the message says goes; its id and its place stay."
    )
    message_id: MessageId | None = Field(
        default=None, description="Edit only if the message with this id stands there."
    )
    edit_id: MessageId | None = Field(
        default=None,
        description="Names this edit: a request with the same id is a repeat, and changes nothing.",
    )
    stream: StreamFence | None = Field(
        default=None, description=f"{_OF_A_STREAM} Nobody else replaces or removes messages meanwhile."
    )

    @model_validator(mode="after")
    def _one(self) -> EditMessage:
        # A patch that is null is one: it takes all of the metadata away.
        given = ("metadata" in self.model_fields_set, self.replace is not None, self.removed)
        if sum(map(bool, given)) != 1:
            msg = "must have exactly one of metadata, replace and removed"
            raise ValueError(msg)
        if self.replace:
            if self.replace.removed:
                msg = "replace must not be a removed message: send removed instead"
                raise ValueError(msg)
            named = self.replace.message_id
            if named and self.message_id not in {None, named}:
                msg = "message_id and the message_id in replace must be the same"
                raise ValueError(msg)
            self.message_id = named or self.message_id
        return self

    def edit(self) -> dict[str, Any]:
        """The edit, as `operations.edit_message` takes it."""
        if self.replace:
            return {"replace": self.replace.fields()}
        return {"removed": True} if self.removed else {"metadata": self.metadata}


class AddToolCall(Closed):
    """The body of `POST /sessions/{session_id}/tool-calls`."""

    tool_call: dict[Any, Any] = Field(
        min_length=1,
        description="One whose `id` the turn has already is not added again.",
        json_schema_extra={"additionalProperties": True},
    )

    @field_validator("tool_call")
    @classmethod
    def _kept(cls, tool_call: Any) -> Any:
        if problem := what_cannot_be_kept(tool_call):
            raise ValueError(problem)
        return tool_call


class PutDraft(Closed):
    """The body of `PUT /sessions/{session_id}/draft`."""

    messages: list[NewMessage] = Field(max_length=MAX_BATCH)
