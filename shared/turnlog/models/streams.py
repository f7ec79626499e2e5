"""The bodies of requests about streams."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from turnlog.limits import LEASE_SECONDS, MAX_EVENTS, MAX_FINAL, MAX_LEASE_SECONDS
from turnlog.models.common import Closed, Epoch, MessageId, NewMessage, StreamId, Text, Usage
from turnlog.models.messages import SetWithMessages  # noqa: TC001 (pydantic reads it)
from turnlog.wire import what_cannot_be_kept

Seq = Annotated[int, Field(ge=1, lt=10**9)]
Lease = Annotated[
    int, Field(ge=1, le=MAX_LEASE_SECONDS, description="Seconds for which the stream is its producer's.")
]


def _event(value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise ValueError("must be an object with a string `type`")  # noqa: TRY004 (pydantic's)
    if problem := what_cannot_be_kept(value):
        raise ValueError(problem)
    return value


Event = Annotated[
    Any,
    AfterValidator(_event),
    WithJsonSchema(
        {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"type": "string"}},
            "examples": [{"type": "text-delta", "id": "t", "delta": "Hel"}],
        }
    ),
]
"""One event; see `turnlog.streams` for the types that Turnlog knows. Others pass through."""


class OpenStream(Closed):
    """The body of `POST /sessions/{session_id}/streams`."""

    stream_id: StreamId | None = Field(
        default=None, description="A stream that is opened again under its id is answered as it is."
    )
    message_id: MessageId | None = Field(
        default=None, description="Of the message that the stream says. A stream without one gets a UUID."
    )
    open_id: MessageId | None = Field(
        default=None,
        description="A name for this request, best a UUID. Sent again under it, as after a lost reply, it is"
        " answered as the first time, as long as nobody has taken the stream over.",
    )
    on_active: Literal["reject", "interrupt"] = Field(
        default="reject",
        description="What is to be done where another stream runs: refuse this one, or end that one.",
    )
    lease_seconds: Lease = LEASE_SECONDS


class AppendEvents(Closed):
    """The body of `POST …/streams/{stream_id}/events`."""

    epoch: Epoch = Field(description="Of the stream, as who opened it or took it over was told.")
    first_seq: Seq = Field(description="The number of the first of these events; a stream's first is 1.")
    events: list[Event] = Field(min_length=1, max_length=MAX_EVENTS)
    flush: bool = Field(default=False, description="Answer when they are in the table.")


class HeartbeatStream(Closed):
    """The body of `POST …/streams/{stream_id}/heartbeat`."""

    epoch: Epoch
    lease_seconds: Lease = LEASE_SECONDS


class TakeOverStream(Closed):
    """The body of `POST …/streams/{stream_id}/take-over`."""

    lease_seconds: Lease = LEASE_SECONDS


class CancelStream(Closed):
    """The body of `POST …/streams/{stream_id}/cancel`."""

    reason: Text | None = None


class FinishStream(Closed):
    """The body of `POST …/streams/{stream_id}/finish`: it ends with its messages, or not."""

    epoch: Epoch
    first_seq: Seq | None = Field(
        default=None,
        description="The number of the first of the last events; without any, of the one that would be next:"
        " then none that was sent before can be missing. Without it, an end is refused (409 `sequence_gap`)"
        " where the cache may have lost some.",
    )
    events: list[Event] = Field(default=[], max_length=MAX_EVENTS, description="The last ones, if any.")
    state: Literal["completed", "failed", "cancelled"]
    messages: list[NewMessage] = Field(
        default=[],
        max_length=MAX_FINAL,
        description="What the stream said. Put earlier messages of a longer one as it goes on, by `POST"
        " …/messages` with `stream`.",
    )
    usage: Usage = Field(default=None, description="Added to the session's sum, if a message is new.")
    set: SetWithMessages | None = Field(default=None, description="Fields of the session that are replaced.")
    error: Text | None = Field(default=None, description="What went wrong.")

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        if self.events and self.first_seq is None:
            msg = "first_seq is required with events"
            raise ValueError(msg)
        return self
