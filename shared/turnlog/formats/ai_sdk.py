"""UIMessages of the AI SDK: `{"messages": […]}`.

All that an assistant does between two messages of a user is one message: its steps, with `step-start` between
them. A tool's call and its result are one part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.formats.media import mapping, string
from turnlog.formats.neutral import Call, Media, Other, Reasoning, Repair, Result, Text
from turnlog.formats.repairing import written
from turnlog.formats.wording import described, left_out

if TYPE_CHECKING:
    from turnlog.formats.neutral import Json, Part, Turn, Written
    from turnlog.formats.repairing import Repaired

_STEP: Json = {"type": "step-start"}
_TYPES = {"image": "image/*", "audio": "audio/*", "video": "video/*", "file": "application/octet-stream"}


def write(history: Repaired) -> Written:
    """The messages, for `useChat` or `convertToModelMessages`."""
    turns = history.turns
    writer = _Writer({_id(turn) for turn in turns})
    for at, turn in enumerate(turns):
        if turn.role != "tool":
            writer.take(turn, turns[at + 1].parts if at + 1 < len(turns) else [])
    return written({"messages": writer.messages}, history, writer.repairs)


class _Writer:
    def __init__(self, known: set[str]) -> None:
        self.repairs: list[Repair] = []
        self.messages: list[Json] = []
        self._known = known  # the ids of all turns
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._items: set[str] = set()  # of OpenAI's, which a text names

    def take(self, turn: Turn, following: list[Part]) -> None:
        """Write a turn; `following` are the parts of the next one, which may answer its calls."""
        answers = {part.call_id: part for part in following if isinstance(part, Result)}
        role = "system" if turn.role == "developer" else turn.role
        parts = [shown for part in turn.parts for shown in self._parts(part, role, answers)]
        if role == "assistant" and self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["parts"] += [_STEP, *parts] if parts else []
            return
        message: Json = {"id": self._unique(_id(turn)), "role": role}
        if "parts" in turn.message and "metadata" in turn.message:
            message["metadata"] = turn.message["metadata"]
        # It takes no message without a part.
        self.messages.append({**message, "parts": parts or [{"type": "text", "text": ""}]})

    def _unique(self, given: str) -> str:
        """An id that no other message has. A stored message may become several; an id may be stored twice."""
        unique = given
        while unique in self._taken or (unique in self._known and unique != given):
            self._numbers[given] = self._numbers.get(given, 1) + 1
            unique = f"{given}-{self._numbers[given]}"
        self._taken.add(unique)
        return unique

    def _parts(self, part: Part, role: str, answers: dict[str, Result]) -> list[Json]:  # noqa: PLR0911 (one for each kind)
        match part:
            case Text():
                return self._text(part)
            case Media():
                return [self._file(part, shown=role != "system")]
            case Reasoning():
                return [_reasoning(part)] if part.text or part.origin else []
            case Call():
                return [_tool(part, answers[part.id])]
            case Other() if part.origin.dialect == "ai-sdk":
                return [part.origin.raw]
            case Other():
                self._leave_out(part.sequence, part.kind)
                return [{"type": "text", "text": left_out(part.kind)}] if part.said else []
        return []

    def _text(self, part: Text) -> list[Json]:
        if not part.text:
            return []
        own = part.origin is not None and part.origin.dialect == "ai-sdk"
        told = part.origin.raw.get("providerMetadata") if part.origin and own else None
        envelope = mapping(part.origin.envelope) if part.origin else {}
        if (item := string(envelope.get("id"))) and item not in self._items:
            # OpenAI takes a thought with the item that came of it, and each item once.
            self._items.add(item)
            phase = {"phase": envelope["phase"]} if "phase" in envelope else {}
            told = {"openai": {"itemId": item, **phase}}
        return [{"type": "text", "text": part.text, **({"providerMetadata": told} if _nested(told) else {})}]

    def _file(self, part: Media, *, shown: bool) -> Json:
        url = part.data_url or part.url
        if shown and url:
            name = {"filename": part.name} if part.name else {}
            media_type = part.media_type or _TYPES[part.kind]
            return {"type": "file", "mediaType": media_type, "url": url, **name}
        if part.text:
            return {"type": "text", "text": part.text}
        self._leave_out(part.sequence, described(part))
        return {"type": "text", "text": left_out(described(part))}

    def _leave_out(self, sequence: int, what: str) -> None:
        self.repairs.append(Repair(sequence, f"left out: {what}"))


def _id(turn: Turn) -> str:
    own = turn.message.get("id") if "parts" in turn.message else None
    return string(own) or string(turn.message.get("message_id")) or f"message-{turn.sequence}"


def _reasoning(part: Reasoning) -> Json:
    """A model's thoughts, with what its provider needs back, as the AI SDK's provider for it spells that."""
    told: Json | None = None
    raw = part.origin.raw if part.origin else {}
    match part.origin.dialect if part.origin else "":
        case "ai-sdk":
            given = raw.get("providerMetadata")
            told = given if _nested(given) else None
        case "anthropic":
            names = {"signature": "signature", "data": "redactedData"}
            told = {"anthropic": {names[name]: raw[name] for name in names if name in raw}}
        case "bedrock":
            inner = mapping(raw.get("reasoningContent"))
            signature = mapping(inner.get("reasoningText")).get("signature")
            kept = {"signature": signature, "redactedData": inner.get("redactedContent")}
            told = {"bedrock": {name: value for name, value in kept.items() if value is not None}}
        case "responses":
            told = {
                "openai": {
                    "itemId": raw.get("id"),
                    "reasoningEncryptedContent": raw.get("encrypted_content"),
                }
            }
        case "gemini" if signature := raw.get("thoughtSignature", raw.get("thought_signature")):
            told = {"google": {"thoughtSignature": signature}}
    return {"type": "reasoning", "text": part.text, **({"providerMetadata": told} if told else {})}


def _tool(call: Call, result: Result) -> Json:
    """A call and its result."""
    raw = call.origin.raw if call.origin and call.origin.dialect == "ai-sdk" else {}
    part: Json = {"type": f"tool-{call.name}"}
    if raw.get("type") == "dynamic-tool":
        part = {"type": "dynamic-tool", "toolName": call.name}
    part |= {"toolCallId": call.id, "input": _input(call)}
    if raw.get("providerExecuted") is True:
        part["providerExecuted"] = True
    if told := _call_metadata(call, raw):
        part["callProviderMetadata"] = told
    if result.error:
        return part | {"state": "output-error", "errorText": result.text}
    return part | {"state": "output-available", "output": _output(result)}


def _call_metadata(call: Call, raw: Json) -> Json | None:
    given = raw.get("callProviderMetadata")
    signature = mapping(mapping(call.extra.get("extra_content")).get("google")).get("thought_signature")
    if signature is not None:
        return {"google": {"thoughtSignature": signature}}
    return given if _nested(given) else None


def _input(call: Call) -> Any:
    # Providers for which the AI SDK speaks take nothing but an object.
    return call.arguments if call.custom else call.input()


def _output(result: Result) -> Any:
    """What a tool answered: JSON, a text or, where there are media, the content of an MCP tool's answer."""
    if result.value is not None:
        return result.value
    if all(isinstance(part, Text) for part in result.content):
        return result.text
    return {"content": [_content(part) for part in result.content]}


def _content(part: Text | Media) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.data:
        kind = part.kind if part.kind in {"image", "audio"} else "file"
        return {"type": kind, "data": part.data, "mimeType": part.media_type}
    return {"type": "text", "text": part.text or part.url or left_out(described(part))}


def _nested(told: Any) -> bool:
    """Whether it is metadata as the AI SDK has it: by provider."""
    return isinstance(told, dict) and all(isinstance(one, dict) for one in told.values())
