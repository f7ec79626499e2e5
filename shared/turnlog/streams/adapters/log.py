"""The messages that a session's log gets of a stream: what the log gets is what the stream showed.

Each step is a message of the assistant, with its parts in their order, in the words of the AI SDK's
UIMessage (`turnlog.formats` reads them, and writes them for any provider). Each answer of a tool is a
message of its own behind it. A step that was dropped (`reset-step`) leaves nothing. A sub-agent's messages
are apart: it has no steps, and says a new message when its calls are answered.

A text in which nothing was said is no part; a step without a part is no message. Answers that a tool gives
while it runs (`preliminary`), data that is `transient` and the message's metadata are shown, and not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from turnlog.streams.adapters.ui_messages import DENIED
from turnlog.streams.adapters.wellformed import Wellformed
from turnlog.streams.joining import Joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from turnlog.streams.adapters.wellformed import Event, State

_IDS = UUID("6d0b7a4e-7f0c-4d0e-9a56-3f2b8a1c5e71")
_PARTS = {"file", "source-url", "source-document", "reasoning-file", "custom"}
_MEDIA = {"image", "audio"}
_COMING = "input-streaming"  # the state of a call that is no call yet


class Log:
    """Takes a stream's events, and has the messages that they say.

    Args:
        message_id: of the message that the stream says. The first message of the log has it. The ids of the
            others are made of it, so that the same events give the same ids.
    """

    def __init__(self, message_id: str) -> None:
        self._message_id = message_id
        self._joined = Joined()

    def take(self, events: Iterable[Event]) -> None:
        """Take further events."""
        self._joined.add(events)

    def messages(self, state: State | None = None, *, subagent: str | None = None) -> list[Event]:
        """The messages so far, to be appended.

        Those of finished steps stay what they are, but that answers may follow them.

        Args:
            state: in which the stream has ended, if it has: a call that nothing answered is then answered so.
            subagent: whose messages; else those of the agent itself.
        """
        wellformed = Wellformed(self._message_id)
        events = wellformed.take_all(self._joined.events())
        if state is not None:
            events += wellformed.end(state)
        said = _Said()
        for event in events:
            if event.get("subagent") == subagent:
                said.take(event)
        base = self._message_id if subagent is None else f"{self._message_id}/{subagent}"
        told = said.messages()
        for at, message in enumerate(told):
            first = at == 0 and subagent is None
            message.setdefault("message_id", base if first else str(uuid5(_IDS, f"{base}/{at}")))
        return told

    def usage(self) -> Event:
        """The sum of what `turnlog-usage` told, counter by counter."""
        total: Event = {}
        for event in self._joined.events():
            if event.get("type") == "turnlog-usage" and isinstance(event.get("usage"), dict):
                _add(total, event["usage"])
        return total


def messages(
    events: Iterable[Event], message_id: str, state: State | None = None, *, subagent: str | None = None
) -> list[Event]:
    """The messages that these events say; see `Log.messages`."""
    log = Log(message_id)
    log.take(events)
    return log.messages(state, subagent=subagent)


class _Said:
    """What one agent says, from well-formed events."""

    def __init__(self) -> None:
        self._messages: list[Event] = []
        self._parts: list[Event] | None = None  # of the message that is being said
        self._open: dict[tuple[str, str], Event] = {}  # texts and reasonings
        self._calls: dict[str, Event] = {}  # the parts
        self._names: dict[str, str] = {}  # of their tools
        self._waiting: set[str] = set()  # calls of the message that is being said
        self._stepped = False

    def messages(self) -> list[Event]:
        """All of them, without what says nothing."""
        return [whole for message in self._messages if (whole := _whole(message))]

    def take(self, event: Event) -> None:
        kind: str = event["type"]
        match kind.split("-"):
            case ["start" | "finish" as which, "step"]:
                self._parts, self._stepped = None, which == "start"
            case ["text" | "reasoning" as what, "start" | "delta" | "end"]:
                self._say(what, event)
            case ["tool", "input", "start" | "available" | "error"]:
                self._call(event)
            case ["tool", "output", *_] if event.get("preliminary") is not True:
                self._answer(event)
            case ["data", *_] if event.get("transient") is not True:
                self._data(event)
            case _ if kind in _PARTS:
                self._add(dict(event))
            case ["turnlog", "message"] if isinstance(event.get("message"), dict):
                self._other(dict(event["message"]))
            case ["steering", "message"] if isinstance(event.get("parts"), list):
                self._other({"role": "user", "content": event["parts"]})

    def _add(self, part: Event) -> None:
        part.pop("subagent", None)
        # Without steps, all calls being answered ends a message.
        if self._parts is not None and not self._stepped and not self._waiting and _calls(self._parts):
            self._parts = None
        if self._parts is None:
            self._parts = []
            self._waiting = set()
            self._messages.append({"role": "assistant", "content": self._parts})
        self._parts.append(part)

    def _other(self, message: Event) -> None:
        self._parts = None
        self._messages.append(message)

    def _say(self, what: str, event: Event) -> None:
        group = (what, event["id"])
        if event["type"].endswith("start"):
            self._open[group] = {"type": what, "text": ""}
            self._add(self._open[group])
        part = self._open[group]
        part["text"] += event.get("delta", "")
        if event.get("providerMetadata"):
            part["providerMetadata"] = event["providerMetadata"]

    def _call(self, event: Event) -> None:
        """A call stands where its input began."""
        name, known = event["toolName"], event["toolCallId"]
        part = self._calls.get(known)
        if part is None:
            named = {"type": f"tool-{name}"}
            if event.get("dynamic") is True:
                named = {"type": "dynamic-tool", "toolName": name}
            part = self._calls[known] = {**named, "toolCallId": known, "state": _COMING}
            self._names[known] = name
            self._add(part)
            self._waiting.add(known)
        part |= {field: event[field] for field in ("title", "providerExecuted") if event.get(field)}
        if event.get("providerMetadata"):
            part["callProviderMetadata"] = event["providerMetadata"]
        if event["type"] != "tool-input-start":
            part |= {"state": "input-available", "input": event.get("input")}
        if event["type"] == "tool-input-error":
            part |= {"state": "output-error", "errorText": str(event.get("errorText", ""))}
            self._waiting.discard(known)

    def _answer(self, event: Event) -> None:
        known = event["toolCallId"]
        self._waiting.discard(known)
        result = {"type": "tool-result", "toolCallId": known, "toolName": self._names[known]}
        output: Any = event.get("output")
        content: str | list[Event]
        if event["type"] != "tool-output-available":
            error = event.get("errorText", DENIED)
            content = [{**result, "output": {"type": "error-text", "value": error}}]
        elif isinstance(output, str):
            content = output
        elif _has_media(output):
            content = output["content"]
        else:
            content = [{**result, "output": {"type": "json", "value": output}}]
        self._messages.append({"role": "tool", "tool_call_id": known, "content": content})

    def _data(self, event: Event) -> None:
        same = [
            part
            for part in self._parts or ()
            if event.get("id") is not None and (part["type"], part.get("id")) == (event["type"], event["id"])
        ]
        if same:
            same[0]["data"] = event.get("data")
        else:
            self._add(dict(event))


def _whole(message: Event) -> Event | None:
    """A message as it is stored: a text alone is its content. None, if it says nothing."""
    if message["role"] != "assistant" or not isinstance(message["content"], list):
        return message
    parts = [part for part in message["content"] if not _empty(part)]
    match parts:
        case []:
            return None
        case [{"type": "text", "text": text, **others}] if not others:
            return {**message, "content": text}
    return {**message, "content": parts}


def _empty(part: Event) -> bool:
    if part["type"] == "reasoning" and "providerMetadata" in part:  # thoughts that the provider hides
        return False
    return part.get("state") == _COMING or (part["type"] in {"text", "reasoning"} and not part["text"])


def _calls(parts: list[Event]) -> bool:
    return any("toolCallId" in part for part in parts)


def _has_media(output: Any) -> bool:
    """Whether a tool answered as MCP's tools do, with an image or a recording."""
    if (
        not isinstance(output, dict)
        or output.keys() != {"content"}
        or not isinstance(output["content"], list)
    ):
        return False
    parts = output["content"]
    known = all(isinstance(part, dict) and part.get("type") in {"text", *_MEDIA} for part in parts)
    return known and any(part["type"] in _MEDIA for part in parts)


def _add(total: Event, usage: Event) -> None:
    for name, value in usage.items():
        if isinstance(value, dict):
            inner = total.setdefault(name, {})
            if isinstance(inner, dict):
                _add(inner, value)
        elif isinstance(value, int) and not isinstance(value, bool):
            held = total.setdefault(name, 0)
            if isinstance(held, int):
                total[name] = held + value
