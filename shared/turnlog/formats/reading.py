"""A stored message as turns, whichever provider or SDK it came from.

What decides is the shape of each part, not the message: a session may have been written by several
programs. A message of the AI SDK holds calls and results together, and one of a user of Anthropic's API may
hold results: then it is several turns. M6: what a tool answered is a result, wherever it stands; nothing
else becomes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.formats import parts_ai_sdk, parts_anthropic, parts_openai, parts_untyped
from turnlog.formats.media import from_data, mapping, plain, string
from turnlog.formats.neutral import (
    Call,
    Malformed,
    Media,
    Origin,
    Other,
    Reasoning,
    Result,
    Text,
    Turn,
    encoded,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from turnlog.formats.neutral import Json, Part, Role

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
OWN = ("sequence", "message_id", "created_at", "edited_at", "stream_id", "metadata", "removed")
"""Fields of a stored message that are Turnlog's, and no provider's."""

# Of a job whose result is still to come.
_PENDING = {"pending", "running", "input_required"}
# In which providers that speak Chat Completions give a model's thoughts, and want them back.
_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")


def read(messages: Iterable[Json]) -> list[Turn]:
    """The turns of messages as the contract shows them, in their order; a removed one says nothing."""
    return [turn for at, message in enumerate(messages) for turn in turns(message, at)]


def turns(message: Json, at: int = 0) -> list[Turn]:
    """The turns of one message.

    Args:
        message: as it is stored, or as it was sent.
        at: its sequence, where it does not tell.
    """
    sequence = message.get("sequence", at)
    role = _ROLES.get(string(message.get("role")), "user")
    if message.get("removed") is True:
        # It may have had the results of the calls before it.
        return [Turn(sequence, "tool", [], message)] if role in {"tool", "user"} else []
    parts = _parts(sequence, message, role)
    told = mapping(message.get("metadata"))
    pending = bool(told.get("job_id")) and string(told.get("state")) in _PENDING
    job = bool(told.get("job_id")) and not pending
    name = string(message.get("name")) or string(message.get("tool_name"))
    if role == "tool":
        parts = _results(sequence, message, parts, name=name)
    if job or pending:
        parts = [
            part._replace(job=job, pending=pending) if isinstance(part, Result) else part for part in parts
        ]
    if role == "tool":
        return [Turn(sequence, role, parts, message)]
    return _split(Turn(sequence, role, parts, message, name))


def _split(whole: Turn) -> list[Turn]:
    """A turn without the results in it, which are turns of their own.

    Calls that the AI SDK shows with their results between them were made in one go, up to its next step.
    """
    split: list[Turn] = []
    stepped = False
    for part in whole.parts:
        if isinstance(part, Other) and part.kind == "step-start":
            stepped = True
            continue
        if whole.role != "assistant" and isinstance(part, Reasoning):
            continue
        if whole.role != "assistant" and isinstance(part, Call):
            part = Malformed(whole.sequence)  # noqa: PLW2901 (nobody else calls tools)
        kind: Role = "tool" if isinstance(part, Result) else whole.role
        if isinstance(part, Call) and not stepped and len(split) > 1 and split[-1].role == "tool":
            split[-2].parts.append(part)
            continue
        if not split or split[-1].role != kind:
            split.append(whole._replace(role=kind, parts=[], name="" if kind == "tool" else whole.name))
        split[-1].parts.append(part)
        stepped = False
    return split or [whole._replace(parts=[])]


def begins_turn(message: Json) -> bool:
    """Whether a user says something in this message, so that a window of the log may begin with it."""
    if message.get("role") != "user" or message.get("removed") is True:
        return False
    return any(turn.role == "user" for turn in turns(message))


def results_alone(message: Json) -> Json:
    """The message with nothing but what tools answered in it: a user's may say something beside."""
    if _ROLES.get(string(message.get("role"))) == "tool":
        return message
    kept = dict(message)
    for name in ("content", "parts"):
        listed = message.get(name)
        kept[name] = [one for one in listed if _is_result(one)] if isinstance(listed, list) else None
    return kept


def _is_result(one: Any) -> bool:
    read = _read(0, one, None)
    return bool(read) and all(isinstance(part, Result) for part in read)


def _results(sequence: int, message: Json, parts: list[Part], *, name: str) -> list[Part]:
    """The results in a tool's message: those that name their calls, and all else as one."""
    results: list[Part] = [part for part in parts if isinstance(part, Result)]
    rest = tuple(part for part in parts if isinstance(part, Text | Media))
    if rest or not results:
        known = string(message.get("tool_call_id")) or string(message.get("toolCallId"))
        item = mapping(parts_openai.output_item(message))
        origin = Origin("responses", item) if item else None
        results.append(Result(sequence, known, rest, name=name, origin=origin))
    return results


def _parts(sequence: int, message: Json, role: Role) -> list[Part]:
    """All that a message holds, in the order in which it was said."""
    parts: list[Part] = []
    if role == "assistant":
        parts += _thoughts(sequence, message)
    content, given = message.get("content"), message.get("parts")
    envelope = None
    if message.get("type") == "message":
        envelope = {name: one for name, one in mapping(message).items() if name not in {*OWN, "content"}}
    if role == "tool":
        known = string(message.get("tool_call_id"))
        listed = given if isinstance(given, list) else []
        answered = [*_answered(sequence, content, known), *_answered(sequence, listed, known)]
        return [*answered, *_images(sequence, message)]
    parts += _content(sequence, content, envelope)
    parts += _images(sequence, message)
    if isinstance(given, list):
        inner = _content(sequence, given, None)
        said = "".join(part.text for part in inner if isinstance(part, Text))
        # Version 4 of the AI SDK said the text twice.
        parts = inner if isinstance(content, str) and content in said else [*parts, *inner]
    if role != "assistant":
        return parts
    if refusal := string(message.get("refusal")):
        parts.append(Text(sequence, refusal, refusal=True))
    spoken = string(mapping(message.get("audio")).get("transcript"))
    if spoken and not any(isinstance(part, Text) for part in parts):
        parts.append(Text(sequence, spoken))
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        read = [parts_openai.tool_call(sequence, call) for call in calls]
        # LangChain tells a call of Anthropic's twice: as its block, which a stream leaves empty, and here.
        whole = {
            part.id
            for part, call in zip(read, calls, strict=True)
            if isinstance(part, Call) and "args" in call
        }
        parts = [part for part in parts if not (isinstance(part, Call) and part.id in whole)]
        parts += read
    called = mapping(message.get("function_call"))
    if name := string(called.get("name")):
        parts.append(Call(sequence, "", name, parts_openai.as_text(called.get("arguments", ""))))
    return parts


def _images(sequence: int, message: Json) -> list[Part]:
    """Those beside the content: Ollama's, as base64; those that OpenRouter's models draw, as parts."""
    listed = message.get("images")
    if not isinstance(listed, list):
        return []
    return [
        part
        for one in listed
        for part in (
            [from_data(sequence, "image", one, "", origin=None)]
            if isinstance(one, str)
            else _read(sequence, one, None)
        )
        if isinstance(part, Media)
    ]


def _thoughts(sequence: int, message: Json) -> list[Part]:
    fields = {name: message[name] for name in _THOUGHTS if message.get(name)}
    if thought := string(message.get("thinking")):
        # As Ollama spells it; in its Chat Completions it is `reasoning`.
        fields.setdefault("reasoning", thought)
    if not fields:
        return []
    blocks = fields.get("thinking_blocks")
    signed: list[Part] = _content(sequence, blocks, None) if isinstance(blocks, list) else []
    text = "" if signed else string(fields.get("reasoning_content")) or string(fields.get("reasoning"))
    return [
        *(part for part in signed if isinstance(part, Reasoning)),
        Reasoning(sequence, text, Origin("chat", fields)),
    ]


def _content(sequence: int, content: Any, envelope: Json | None) -> list[Part]:
    if isinstance(content, str):
        return [Text(sequence, content)] if content else []
    if not isinstance(content, list):
        return []
    return [part for one in content for part in _read(sequence, one, envelope)]


def _answered(sequence: int, content: Any, known: str) -> list[Part]:
    """What a tool answered: texts, media and results. What else it says becomes its JSON.

    Args:
        known: the call that the message names. In such a message nothing answers another call.
    """
    if not isinstance(content, list):
        return _content(sequence, content, None)
    parts: list[Part] = []
    for one in content:
        read = _read(sequence, one, None)
        kept: list[Part] = [
            part
            for part in read
            if isinstance(part, Text | Media)
            or (isinstance(part, Result) and (not known or part.call_id == known))
        ]
        parts += kept if kept or not read else [Text(sequence, encoded(one))]
    return parts


def _read(sequence: int, one: Any, envelope: Json | None) -> list[Part]:
    """The parts of one element of a content."""
    if isinstance(one, str):
        return [Text(sequence, one)]
    if not isinstance(one, dict):
        return []
    part = mapping(one)
    kind = part.get("type")
    if not isinstance(kind, str):
        read = parts_untyped.read(sequence, part)
        return [Other(sequence, "part", Origin("", part))] if read is None else read
    return _typed(sequence, kind, part, envelope) or []


def _typed(sequence: int, kind: str, part: Json, envelope: Json | None) -> list[Part]:  # noqa: PLR0911 (one for each kind)
    if kind == "text":
        return [_text(sequence, part)]
    if kind == "image" and "source" in part:
        return parts_anthropic.source(sequence, part)
    if kind == "file" and isinstance(part.get("file"), dict):
        return parts_openai.media(sequence, part, None)
    # The AI SDK has files with `mediaType`; that is read below, and goes back as it came.
    if (kind != "file" or "mediaType" not in part) and (medium := plain(sequence, part)):
        return [medium]
    if kind == "reasoning" and ("summary" in part or "encrypted_content" in part):
        return parts_openai.item(sequence, part, None)
    if reader := parts_openai.READERS.get(kind):
        return reader(sequence, part, envelope)
    if block := parts_anthropic.READERS.get(kind):
        return block(sequence, part)
    found = parts_ai_sdk.read(sequence, part)
    return [Other(sequence, kind, Origin("", part))] if found is None else found


def _text(sequence: int, part: Json) -> Text:
    given = part.get("text")
    said = given if isinstance(given, str) else "" if given is None else encoded(given)
    dialect = "anthropic" if part.get("citations") else "ai-sdk" if "providerMetadata" in part else ""
    return Text(sequence, said, origin=Origin(dialect, part) if dialect else None)
