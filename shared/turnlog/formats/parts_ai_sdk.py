"""Parts of the AI SDK: of its UIMessages, and of its ModelMessages.

A part of a UIMessage holds a tool's call and its result together. It is read as both, one behind the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.formats.media import from_data, from_url, mapping, string
from turnlog.formats.neutral import Call, Malformed, Origin, Other, Reasoning, Result, Text, encoded
from turnlog.formats.parts_openai import as_text

if TYPE_CHECKING:
    from turnlog.formats.neutral import Json, Kind, Media, Part

_DENIED = "The user did not allow this tool call."


def read(sequence: int, part: Json) -> list[Part] | None:  # noqa: PLR0911 (one for each kind)
    """The parts of one; None where it is none of the AI SDK's."""
    kind, origin = part["type"], Origin("ai-sdk", part)
    match part:
        case {"type": "tool-call"} if "state" not in part:
            return [_call(sequence, part, part.get("toolName"), part.get("input", part.get("args")), origin)]
        case {"type": "tool-result"} if "state" not in part:
            return [_model_result(sequence, part, origin)]
        case {"type": "tool-invocation", "toolInvocation": dict(invoked)}:
            return _old(sequence, mapping(invoked), origin)
        case {"type": "dynamic-tool"}:
            return _tool(sequence, part, string(part.get("toolName")), origin)
        case {"type": "image", "image": image}:
            media_type = string(part.get("mediaType")) or string(part.get("mimeType"))
            return [from_data(sequence, "image", image, media_type, origin=origin)]
        case {"type": "file"}:
            return [_file(sequence, part, origin)]
        case {"type": "reasoning"}:
            text = string(part.get("text")) or string(part.get("reasoning"))
            return [Reasoning(sequence, text, origin)]
        case {"type": "step-start" | "source-url" | "source-document" | "source"}:
            return [Other(sequence, kind, origin, said=False)]
    if kind.startswith("tool-") and "toolCallId" in part:
        return _tool(sequence, part, kind.removeprefix("tool-"), origin)
    return [Other(sequence, kind, origin, said=False)] if kind.startswith("data-") else None


def _call(sequence: int, part: Json, name: Any, given: Any, origin: Origin) -> Call | Malformed:
    known = string(part.get("toolCallId"))
    if not (known and string(name)):
        return Malformed(sequence)
    return Call(sequence, known, name, as_text({} if given is None else given), origin=origin)


def _tool(sequence: int, part: Json, name: str, origin: Origin) -> list[Part]:
    """A call, and its result where there is one: `output-available`, `output-error`, `output-denied`."""
    call = _call(sequence, part, name, part.get("input", part.get("rawInput")), origin)
    match part.get("state"):
        case "output-available":
            return [call, _result(sequence, part, part.get("output"), origin)]
        case "output-error":
            return [call, _result(sequence, part, string(part.get("errorText")), origin, error=True)]
        case "output-denied":
            reason = string(mapping(part.get("approval")).get("reason")) or _DENIED
            return [call, _result(sequence, part, reason, origin, error=True)]
    return [call]


def _old(sequence: int, invoked: Json, origin: Origin) -> list[Part]:
    """As version 4 had it."""
    call = _call(sequence, invoked, invoked.get("toolName"), invoked.get("args"), origin)
    if invoked.get("state") == "result":
        return [call, _result(sequence, invoked, invoked.get("result"), origin)]
    return [call]


def _result(sequence: int, part: Json, given: Any, origin: Origin, *, error: bool = False) -> Result:
    text = given if isinstance(given, str) else encoded(given)
    value = None if isinstance(given, str) else given
    known = string(part.get("toolCallId"))
    return Result(sequence, known, (Text(sequence, text),), value=value, error=error, origin=origin)


def _model_result(sequence: int, part: Json, origin: Origin) -> Result:
    """Of a ModelMessage: `output` says of what type it is."""
    output = part.get("output", part.get("result"))
    if mapping(output).get("type") == "execution-denied":
        reason = string(mapping(output).get("reason")) or _DENIED
        return _result(sequence, part, reason, origin, error=True)
    if not isinstance(output, dict) or "value" not in output:
        return _result(sequence, part, output, origin, error=part.get("isError") is True)
    error = string(output.get("type")).startswith("error")
    value = output["value"]
    if output.get("type") != "content" or not isinstance(value, list):
        return _result(sequence, part, value, origin, error=error)
    content: list[Text | Media] = []
    for one in value:
        inner = mapping(one)
        if isinstance(inner.get("text"), str):
            content.append(Text(sequence, inner["text"]))
        elif "data" in inner:
            content.append(
                from_data(sequence, None, inner["data"], string(inner.get("mediaType")), origin=None)
            )
        elif url := string(inner.get("url")):
            image: Kind | None = "image" if inner.get("type") == "image-url" else None
            content.append(from_url(sequence, image, url, string(inner.get("mediaType")), origin=None))
        else:
            content.append(Text(sequence, encoded(one)))
    return Result(sequence, string(part.get("toolCallId")), tuple(content), error=error, origin=origin)


def _file(sequence: int, part: Json, origin: Origin) -> Media:
    media_type = string(part.get("mediaType")) or string(part.get("mimeType"))
    name = string(part.get("filename"))
    if url := string(part.get("url")):
        return from_url(sequence, None, url, media_type, origin=origin, name=name)
    return from_data(sequence, None, part.get("data"), media_type, origin=origin, name=name)
