"""Parts and items of OpenAI's two APIs: Chat Completions and Responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.formats.media import from_data, from_url, mapping, string, type_of
from turnlog.formats.neutral import Call, Malformed, Media, Origin, Other, Reasoning, Result, Text, encoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnlog.formats.neutral import Json, Part

HOSTED = {
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_list_tools",
    "mcp_call",
    "item_reference",
    "compaction",
    "compaction_summary",
    "compaction_trigger",
    "configuration_update",
    "additional_tools",
}
"""Items that stand for themselves: the API ran the tool, and the item has its result."""

CALLS = {
    "computer_call",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
    "tool_search_call",
    "mcp_approval_request",
    "program",
}
"""Items that another item answers."""

OUTPUTS = {
    "computer_call_output",
    "local_shell_call_output",
    "shell_call_output",
    "apply_patch_call_output",
    "tool_search_output",
    "mcp_approval_response",
    "program_output",
}
"""Items that answer one."""

FIELDS = "response_fields"
"""The field of a message, or of its tool call, with what an item of the Responses API has beside it."""

CALL_EXTRAS = ("extra_content", "provider_specific_fields", "thought_signature")
"""Fields of a tool call in which other providers that speak Chat Completions put what they need back."""


def text(sequence: int, part: Json, envelope: Json | None) -> list[Part]:
    """`input_text`, `output_text`, `refusal`, `summary_text`."""
    refusal = part["type"] == "refusal"
    said = string(part.get("refusal" if refusal else "text"))
    return [Text(sequence, said, refusal, Origin("responses", part, envelope) if envelope else None)]


def media(sequence: int, part: Json, envelope: Json | None) -> list[Part]:  # noqa: PLR0911 (one for each kind)
    """`image_url`, `input_audio`, `file` of Chat Completions; `input_image`, `input_file` of Responses."""
    kind = part["type"]
    if kind == "image_url":
        given = part.get("image_url")
        image = mapping(given) if isinstance(given, dict) else {"url": given, **part}
        return [
            from_url(
                sequence,
                "image",
                string(image.get("url")),
                origin=Origin("chat", part),
                detail=string(image.get("detail")),
            )
        ]
    origin = Origin("responses", part, envelope)
    if kind == "input_image":
        known = string(part.get("file_id"))
        detail = string(part.get("detail"))
        if known:
            return [Media(sequence, "image", file_id=known, detail=detail, origin=origin)]
        return [from_url(sequence, "image", string(part.get("image_url")), origin=origin, detail=detail)]
    if kind == "input_audio":
        audio = mapping(part.get("input_audio"))
        media_type = f"audio/{string(audio.get('format')) or 'wav'}"
        return [from_data(sequence, "audio", audio.get("data"), media_type, origin=Origin("chat", part))]
    file = part if kind == "input_file" else mapping(part.get("file"))
    origin = origin if kind == "input_file" else Origin("chat", part)
    name, known = string(file.get("filename")), string(file.get("file_id"))
    if known:
        return [Media(sequence, "file", type_of(name), file_id=known, name=name, origin=origin)]
    if url := string(file.get("file_url")):
        return [from_url(sequence, "file", url, origin=origin, name=name)]
    return [from_data(sequence, "file", file.get("file_data"), type_of(name), origin=origin, name=name)]


def item(sequence: int, part: Json, envelope: Json | None) -> list[Part]:  # noqa: ARG001, PLR0911 (one for each kind)
    """A Responses item that is no message."""
    kind, origin = part["type"], Origin("responses", part)
    known = string(part.get("call_id")) or string(part.get("id"))
    match kind:
        case "function_call" | "custom_tool_call":
            custom = kind == "custom_tool_call"
            given = part.get("input" if custom else "arguments", "")
            name = string(part.get("name"))
            if not (string(part.get("call_id")) and name):
                return [Malformed(sequence)]
            return [Call(sequence, known, name, as_text(given), custom, origin=origin)]
        case "function_call_output" | "custom_tool_call_output":
            content, value = output(sequence, part.get("output"))
            return [Result(sequence, string(part.get("call_id")), content, value=value, origin=origin)]
        case "reasoning":
            summary = part.get("summary"), part.get("content")
            texts = [
                string(mapping(one).get("text"))
                for listed in summary
                if isinstance(listed, list)
                for one in listed
            ]
            return [Reasoning(sequence, "\n".join(filter(None, texts)), origin)]
        case _ if kind in CALLS:
            asked = {
                name: one for name, one in part.items() if name not in {"type", "id", "call_id", "status"}
            }
            return [Call(sequence, known, string(part.get("name")) or kind, encoded(asked), origin=origin)]
        case _ if kind in OUTPUTS:
            answers = string(part.get("call_id")) or string(part.get("approval_request_id"))
            told = {
                name: one for name, one in part.items() if name not in {"type", "id", "call_id", "status"}
            }
            given = told.get("output", told)
            content, value = output(sequence, given)
            return [Result(sequence, answers, content, value=value, origin=origin)]
    return [Other(sequence, kind, origin, said=False)]


def call_item(call: Json) -> Json | None:
    """The item of the Responses API that this tool call was, if it was one."""
    if not isinstance(fields := call.get(FIELDS), dict):
        return None
    function = mapping(call.get("function"))
    named = {"name": function.get("name"), "arguments": function.get("arguments")}
    return {"type": "function_call", "call_id": call.get("id"), **named, **fields}


def output_item(message: Json) -> Json | None:
    """The item of the Responses API that this tool's message was, if it was one."""
    if not isinstance(fields := message.get(FIELDS), dict):
        return None
    known, output = message.get("tool_call_id"), message.get("content")
    return {"type": "function_call_output", "call_id": known, "output": output, **fields}


def tool_call(sequence: int, call: Json) -> Call | Malformed:
    """One of a message's `tool_calls`; Ollama gives them no id."""
    call = mapping(call)
    custom = call.get("type") == "custom"
    given = call.get("custom" if custom else "function")
    function = mapping(given)
    known, name = string(call.get("id")), string(function.get("name"))
    if not name:
        return Malformed(sequence)
    arguments = as_text(function.get("input" if custom else "arguments", ""))
    extra = {each: call[each] for each in CALL_EXTRAS if each in call}
    item = mapping(call_item(call))
    origin = Origin("responses", item) if item else None
    return Call(sequence, known, name, arguments, custom, extra, origin)


def output(sequence: int, given: object) -> tuple[tuple[Text | Media, ...], object]:
    """A tool's output: its texts and media, and its value where it is JSON and no text."""
    if given is None:
        return (), None
    if isinstance(given, str):
        return (Text(sequence, given),), None
    if isinstance(given, list) and given and all(_is_output_part(one) for one in given):
        parts = [part for one in given for part in READERS[one["type"]](sequence, mapping(one), None)]
        return tuple(part for part in parts if isinstance(part, Text | Media)), None
    return (Text(sequence, encoded(given)),), given


def as_text(given: object) -> str:
    """Arguments as a text, however they are given."""
    return given if isinstance(given, str) else "" if given is None else encoded(given)


def _is_output_part(one: object) -> bool:
    return isinstance(one, dict) and string(one.get("type")) in _OUTPUT_PARTS


READERS: dict[str, Callable[[int, Json, Json | None], list[Part]]] = {
    **dict.fromkeys(("input_text", "output_text", "refusal", "summary_text", "text"), text),
    **dict.fromkeys(("image_url", "input_audio", "input_image", "input_file"), media),
    **dict.fromkeys(
        ("function_call", "custom_tool_call", "function_call_output", "custom_tool_call_output"), item
    ),
    **dict.fromkeys(HOSTED | CALLS | OUTPUTS, item),
}
"""By the type of a part."""

_OUTPUT_PARTS = {"input_text", "output_text", "text", "image_url", "input_audio", "input_image", "input_file"}
