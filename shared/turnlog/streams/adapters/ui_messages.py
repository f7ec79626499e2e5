"""A stream's events as chunks of the AI SDK's UI message stream, version 1.

    before ──any event──▶ running ──finish, error──▶ over
                                  ──reset-step─────▶ over, without either: the client has to come again

The AI SDK's older clients refuse a type, a field or a null that they do not know, and the request does not
say which one asks. So what version 5 knows is sent, and more where it is asked for. Turnlog's own events,
those of sub-agents and unknown ones are left out. All chunks of a dynamic tool's call say `dynamic`:
version 5 throws without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from turnlog.streams.adapters.wellformed import Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnlog.streams.adapters.wellformed import Event

Version: TypeAlias = Literal[5, 6, 7]

DENIED = "The user did not allow this tool call."
_REASONS = {"stop", "length", "content-filter", "tool-calls", "error", "other"}


def _any(_: Any) -> bool:
    return True


def _string(value: Any) -> bool:
    return isinstance(value, str)


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _by_provider(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, dict) for one in value.values())


class _Field(NamedTuple):
    """What a field of a chunk holds.

    Attributes:
        holds: whether a value is one.
        required: a chunk without it is left out.
        since: the first version that takes it.
    """

    holds: Callable[[Any], bool] = _string
    required: bool = False
    since: Version = 5


_TEXT, _NEEDED, _ANY = _Field(), _Field(required=True), _Field(_any)
_NEEDED_ANY = _Field(_any, required=True)
_FLAG = _Field(_boolean)
_METADATA = _Field(_by_provider)
_LATER = _Field(since=6)
_LATER_METADATA = _Field(_by_provider, since=6)
_TOOL = {"providerExecuted": _FLAG, "dynamic": _FLAG, "toolMetadata": _Field(_object, since=6)}
_INPUT = {"toolCallId": _NEEDED, "toolName": _NEEDED, "title": _LATER, **_TOOL}
_SAID = {"id": _NEEDED, "providerMetadata": _METADATA}
_FILE = {"url": _NEEDED, "mediaType": _NEEDED, "providerMetadata": _METADATA}

_FIELDS: dict[str, dict[str, _Field]] = {
    "start": {"messageId": _TEXT, "messageMetadata": _ANY},
    "finish": {"finishReason": _TEXT, "messageMetadata": _ANY},
    "start-step": {},
    "finish-step": {},
    "text-start": _SAID,
    "text-delta": {**_SAID, "delta": _NEEDED},
    "text-end": _SAID,
    "reasoning-start": _SAID,
    "reasoning-delta": {**_SAID, "delta": _NEEDED},
    "reasoning-end": _SAID,
    "tool-input-start": {**_INPUT, "providerMetadata": _LATER_METADATA},
    "tool-input-delta": {"toolCallId": _NEEDED, "inputTextDelta": _NEEDED},
    "tool-input-available": {**_INPUT, "input": _NEEDED_ANY, "providerMetadata": _METADATA},
    "tool-input-error": {
        **_INPUT,
        "input": _NEEDED_ANY,
        "errorText": _NEEDED,
        "providerMetadata": _METADATA,
    },
    "tool-output-available": {
        "toolCallId": _NEEDED,
        "output": _NEEDED_ANY,
        "preliminary": _FLAG,
        "providerMetadata": _LATER_METADATA,
        **_TOOL,
    },
    "tool-output-error": {
        "toolCallId": _NEEDED,
        "errorText": _NEEDED,
        "providerMetadata": _LATER_METADATA,
        **_TOOL,
    },
    "source-url": {"sourceId": _NEEDED, "url": _NEEDED, "title": _TEXT, "providerMetadata": _METADATA},
    "source-document": {
        "sourceId": _NEEDED,
        "mediaType": _NEEDED,
        "title": _NEEDED,
        "filename": _TEXT,
        "providerMetadata": _METADATA,
    },
    "file": _FILE,
    "message-metadata": {"messageMetadata": _NEEDED_ANY},
    "error": {"errorText": _NEEDED},
    "abort": {"reason": _LATER},
}
_SINCE_6: dict[str, dict[str, _Field]] = {
    "tool-approval-request": {
        "approvalId": _NEEDED,
        "toolCallId": _NEEDED,
        "isAutomatic": _Field(_boolean, since=7),
        "signature": _Field(since=7),
    },
    "tool-output-denied": {"toolCallId": _NEEDED},
}
_SINCE_7: dict[str, dict[str, _Field]] = {
    "tool-approval-response": {
        "approvalId": _NEEDED,
        "approved": _Field(_boolean, required=True),
        "reason": _TEXT,
        "providerExecuted": _FLAG,
        "providerMetadata": _METADATA,
    },
    "custom": {"kind": _NEEDED, "providerMetadata": _METADATA},
    "reasoning-file": _FILE,
    "steering-message": {
        "id": _NEEDED,
        "parts": _Field(lambda value: isinstance(value, list), required=True),
    },
}
_DATA = {"id": _TEXT, "data": _NEEDED_ANY, "transient": _FLAG}


class UiMessageStream(Told):
    """The chunks of one answer.

    A resume begins with what the stream's snapshot holds, then takes what comes behind its cursor.

    Args:
        message_id: of the message that the stream says.
        version: of the AI SDK that reads it: 5, 6 or 7.
    """

    def __init__(self, message_id: str, version: Version = 5) -> None:
        super().__init__(message_id)
        self._version = version
        self._fields = dict(_FIELDS)
        if version > 5:  # noqa: PLR2004
            self._fields |= _SINCE_6
        if version > 6:  # noqa: PLR2004
            self._fields |= _SINCE_7
        self._dynamic: dict[str, bool] = {}

    def _tell(self, event: Event) -> list[Event]:
        chunk = self._chunk(event)
        return [chunk] if chunk else []

    def _chunk(self, event: Event) -> Event | None:
        kind = event["type"]
        if "subagent" in event:
            return None
        if kind == "tool-output-denied" and kind not in self._fields:
            kind, event = "tool-output-error", {**event, "errorText": DENIED}
        fields = _DATA if kind.startswith("data-") else self._fields.get(kind)
        if fields is None:
            return None
        chunk = {"type": kind}
        for name, field in fields.items():
            if name in event and field.holds(event[name]):
                if self._version >= field.since:
                    chunk[name] = event[name]
            elif field.required:
                return None
        return self._mended(kind, chunk)

    def _mended(self, kind: str, chunk: Event) -> Event:
        if kind == "finish" and "finishReason" in chunk and chunk["finishReason"] not in _REASONS:
            known = self._version == 7 and chunk["finishReason"] == "interrupted"  # noqa: PLR2004
            chunk["finishReason"] = "interrupted" if known else "other"
        if "dynamic" in self._fields.get(kind, ()):
            # What the first chunk of a call says holds for all.
            dynamic = self._dynamic.setdefault(chunk["toolCallId"], chunk.pop("dynamic", False) is True)
            chunk.pop("dynamic", None)
            if dynamic:
                chunk["dynamic"] = True
        return chunk
