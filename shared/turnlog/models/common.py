"""What several bodies hold: a message, tokens, the session's objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from turnlog.limits import NAME_LIMIT, TITLE_LIMIT
from turnlog.records.head import JSON_FIELDS
from turnlog.records.keys import SESSION_ID_SCHEMA, STREAM_ID_SCHEMA, check_session_id, is_stream_id
from turnlog.records.usage import counted
from turnlog.wire import Role, what_cannot_be_kept

if TYPE_CHECKING:
    from collections.abc import Callable

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


# What holds a user's JSON is no type of pydantic's: those refuse half characters, which JSON can hold, and
# deep nests.
def _or_null(check: Callable[[Any], str | None]) -> AfterValidator:
    """Takes null, and a value with which `check` finds nothing wrong, to be read behind its name."""

    def checked(value: Any) -> Any:
        if value is not None and (problem := check(value)):
            raise ValueError(problem)
        return value

    return AfterValidator(checked)


def _nullable(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, {"type": "null"}]})


def _no_mapping(value: Any) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


def _no_object(value: Any) -> str | None:
    return _no_mapping(value) or what_cannot_be_kept(value)


def _object(value: Any) -> Any:
    if problem := _no_object(value):
        raise ValueError(problem)
    return value


def _no_objects(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return None
    return "must be a list of objects"


def _no_text(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a string"


def _no_name(value: Any) -> str | None:
    return _no_text(value) or (
        f"must be at most {NAME_LIMIT} characters" if len(value) > NAME_LIMIT else None
    )


def _no_content(value: Any) -> str | None:
    if isinstance(value, str):
        return None
    if isinstance(value, list):
        wrong = next((at for at, part in enumerate(value) if not isinstance(part, str | dict)), None)
        return (
            None
            if wrong is None
            else f"must hold strings and objects, and number {wrong} of the list is neither"
        )
    return "must be a string, a list of strings and objects, or null"


def _title(value: str) -> str:
    """A title on one line: white space of any kind and length is one space, as are controls.

    Half a character, as a title that was cut to a length may end with, becomes U+FFFD.
    """
    title = re.sub("[\ud800-\udfff]", "\ufffd", re.sub(r"[\s\x00-\x1f\x7f]+", " ", value)).strip()
    if not 0 < len(title) <= TITLE_LIMIT:
        raise ValueError(f"must be 1 to {TITLE_LIMIT} characters, beside white space")
    return title


_OBJECT = {"type": "object"}
_PARTS = {"type": "array", "items": {"anyOf": [{"type": "string"}, _OBJECT]}}
_Text = Annotated[Any, _or_null(_no_text), _nullable({"type": "string"})]
_Name = Annotated[Any, _or_null(_no_name), _nullable({"type": "string", "maxLength": NAME_LIMIT})]
_Content = Annotated[Any, _or_null(_no_content), _nullable({"anyOf": [{"type": "string"}, _PARTS]})]
_Objects = Annotated[Any, _or_null(_no_objects), _nullable({"type": "array", "items": _OBJECT})]
JsonObject = Annotated[Any, _or_null(_no_object), _nullable(_OBJECT)]
"""A JSON object of the application's own, or null."""

_ObjectWithin = Annotated[Any, _or_null(_no_mapping), _nullable(_OBJECT)]
"""The same as a part of a message, which is looked through as a whole."""


def _counted(value: Any) -> dict[str, int] | None:
    if value is not None and not isinstance(value, dict):
        raise ValueError("must be an object")
    return None if value is None else counted(value)


Usage = Annotated[
    Any,
    AfterValidator(_counted),
    # Any value is taken; what is no count is passed over.
    WithJsonSchema({"type": ["object", "null"], "examples": [{"input_tokens": 9, "output_tokens": 1}]}),
]
"""Tokens as a provider returns them; checked, they are the counts of `records.usage`."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
"""What went wrong, or why: a few sentences."""
MessageId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_PRINTABLE)]
SessionId = Annotated[str, AfterValidator(check_session_id), WithJsonSchema(SESSION_ID_SCHEMA)]
StreamId = Annotated[str, AfterValidator(is_stream_id), WithJsonSchema(STREAM_ID_SCHEMA)]
Epoch = Annotated[int, Field(ge=1, lt=2**53)]
Title = Annotated[
    str, AfterValidator(_title), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": TITLE_LIMIT})
]
Sequence = Annotated[int, Field(ge=0, lt=10**10)]
Count = Annotated[int, Field(ge=0, lt=10**12)]
Providers = dict[str, Annotated[Any, AfterValidator(_object), WithJsonSchema(_OBJECT)]]
Counts = dict[str, Count]


class Closed(BaseModel):
    """A request's object: a field that the contract does not know is refused."""

    # Built when first used: a function that reads one body does not build the others.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class NewMessage(BaseModel):
    """A message as a client sends it: what a provider's SDK returned, with any fields of its own."""

    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    role: Role
    content: _Content = None
    name: _Name = None
    tool_call_id: _Name = None
    refusal: _Text = None
    tool_calls: _Objects = None
    function_call: _ObjectWithin = None
    metadata: _ObjectWithin = Field(
        default=None, description="The application's own, at most 32 KB. It is no part of the content."
    )
    message_id: MessageId | None = Field(
        default=None,
        description="A message that is sent again with the same id is stored once. A message without an id"
        " gets a UUID.",
    )
    removed: bool | None = Field(
        default=None,
        description="True of a message that was removed: it is stored without all that it says.",
    )
    sequence: Any = Field(default=None, description="Ignored, so that an answer can be sent back.")
    created_at: Any = Field(default=None, description="Ignored.")
    edited_at: Any = Field(default=None, description="Ignored.")
    stream_id: Any = Field(default=None, description="Ignored.")

    @model_validator(mode="after")
    def _kept(self) -> Self:
        if problem := what_cannot_be_kept(self._given()):
            raise ValueError(problem)
        return self

    def fields(self) -> dict[str, Any]:
        """The message without what is null, and without what the server sets; a null `content` stays.

        One that has a `file` gets a `content`: no client then takes it for the place of a large message.
        """
        # Not `model_dump`, which stops at 255 levels.
        given = {
            name: value for name, value in self._given().items() if value is not None and name not in _IGNORED
        }
        if given.pop("removed", False):
            named = {name: given[name] for name in ("message_id",) if name in given}
            return {"role": self.role, "content": None, "removed": True, **named}
        if "content" in self.model_fields_set or "file" in given:
            given = {"content": self.content, **given}
        return {"role": self.role, **given}

    def _given(self) -> dict[str, Any]:
        return {**self.__dict__, **(self.model_extra or {})}


_IGNORED = frozenset({"sequence", "created_at", "edited_at", "stream_id"})


def taken(message: dict[str, Any]) -> dict[str, Any] | None:
    """What is stored of a message that a client would send; None if it is refused."""
    try:
        return NewMessage.model_validate(message).fields()
    except ValidationError:
        return None


class WithObjects(Closed):
    """A body with the session's objects."""

    def objects(self) -> dict[str, Any]:
        """Those of the session's objects that are given."""
        given = {name: getattr(self, name, None) for name in JSON_FIELDS}
        return {name: value for name, value in given.items() if value is not None}
