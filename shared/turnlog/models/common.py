"""What several bodies hold: a message, tokens, the session's objects."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from turnlog.records.head import JSON_FIELDS
from turnlog.records.keys import SESSION_ID_PATTERN
from turnlog.wire import Role  # noqa: TC001 (pydantic reads it)

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


class Closed(BaseModel):
    """A request's object: a field that the contract does not know is refused."""

    # Built when first used: a function that reads one body does not build the others.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class NewMessage(Closed):
    """A message as a client sends it."""

    role: Role
    content: str | None = None
    name: Name | None = None
    tool_call_id: Name | None = None
    refusal: str | None = None
    tool_calls: list[JsonObject] | None = None
    function_call: JsonObject | None = None
    message_id: MessageId | None = Field(
        default=None,
        description="A message that is sent again with the same id is stored once. A message without an id"
        " gets a UUID.",
    )

    def fields(self) -> dict[str, Any]:
        """The message without what is null, but for `content`."""
        given = self.model_dump(exclude_none=True, exclude={"sequence", "created_at"})
        return {"role": self.role, "content": self.content, **given}


class Usage(Closed):
    """Tokens."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    total_tokens: Count = 0

    @model_validator(mode="after")
    def _sum(self) -> Usage:
        if "total_tokens" not in self.model_fields_set:
            self.total_tokens = self.prompt_tokens + self.completion_tokens
        return self


class WithObjects(Closed):
    """A body with the session's objects."""

    def objects(self) -> dict[str, Any]:
        """Those of the session's objects that are given."""
        return self.model_dump(include=set(JSON_FIELDS), exclude_unset=True, exclude_none=True)
