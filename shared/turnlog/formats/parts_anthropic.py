"""Content blocks of Anthropic's Messages API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.formats.media import PDF, from_data, from_url, mapping, plain, string
from turnlog.formats.neutral import Call, Malformed, Media, Origin, Other, Reasoning, Result, Text, encoded
from turnlog.formats.parts_openai import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnlog.formats.neutral import Json, Kind, Part

SERVER_RESULTS = {
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "mcp_tool_result",
}
"""What tools of Anthropic's own answered, in the assistant's message."""

SERVER_CALLS = {"server_tool_use", "mcp_tool_use"}
ONLY_IN_RESULTS = {"search_result", "tool_reference"}
"""Blocks of a result that Anthropic alone has a word for. Elsewhere they are their JSON."""


def thinking(sequence: int, block: Json) -> list[Part]:
    """`thinking`, `redacted_thinking`."""
    given = block.get("thinking")
    if isinstance(given, list):  # Mistral's
        return [Reasoning(sequence, "\n".join(string(mapping(one).get("text")) for one in given))]
    return [Reasoning(sequence, string(given), Origin("anthropic", block))]


def source(sequence: int, block: Json) -> list[Part]:
    """`image`, `document`."""
    given, origin = mapping(block.get("source")), Origin("anthropic", block)
    image = block["type"] == "image"
    name = string(block.get("title"))
    media_type = string(given.get("media_type"))
    match given.get("type"):
        case "base64":
            kind: Kind | None = "image" if image else None
            return [from_data(sequence, kind, given.get("data"), media_type, origin=origin, name=name)]
        case "url":
            media_type = "" if image else PDF
            kind = "image" if image else "file"
            return [from_url(sequence, kind, string(given.get("url")), media_type, origin=origin, name=name)]
        case "file":
            known = string(given.get("file_id"))
            return [Media(sequence, "image" if image else "file", file_id=known, name=name, origin=origin)]
        case "text":
            media_type = media_type or "text/plain"
            return [
                Media(sequence, "file", media_type, text=string(given.get("data")), name=name, origin=origin)
            ]
        case "content":
            texts = given.get("content")
            said = texts if isinstance(texts, str) else "\n".join(_texts(texts))
            return [Media(sequence, "file", "text/plain", text=said, name=name, origin=origin)]
    return [Other(sequence, block["type"], origin)]


def tool_use(sequence: int, block: Json) -> list[Part]:
    """`tool_use`."""
    known, name = string(block.get("id")), string(block.get("name"))
    if not (known and name):
        return [Malformed(sequence)]
    return [Call(sequence, known, name, as_text(block.get("input", {})), origin=Origin("anthropic", block))]


def tool_result(sequence: int, block: Json) -> list[Part]:
    """`tool_result`."""
    given = block.get("content")
    content: list[Text | Media] = []
    if isinstance(given, str):
        content = [Text(sequence, given)]
    elif isinstance(given, list):
        for one in given:
            content += _inside(sequence, one)
    elif given is not None:
        content = [Text(sequence, encoded(given))]
    return [
        Result(
            sequence,
            string(block.get("tool_use_id")),
            tuple(content),
            error=block.get("is_error") is True,
            origin=Origin("anthropic", block),
        )
    ]


def _inside(sequence: int, one: Any) -> list[Text | Media]:
    if isinstance(one, str):
        return [Text(sequence, one)]
    block = mapping(one)
    kind = string(block.get("type"))
    if kind == "text":
        return [Text(sequence, string(block.get("text")))]
    if kind in {"image", "document"} and "source" in block:
        return [
            part if isinstance(part, Media) else Text(sequence, encoded(one))
            for part in source(sequence, block)
        ]
    if medium := plain(sequence, block):
        return [medium]
    origin = Origin("anthropic", block) if kind in ONLY_IN_RESULTS else None
    return [Text(sequence, encoded(one), origin=origin)]


def _texts(listed: Any) -> list[str]:
    return [string(mapping(one).get("text")) for one in listed] if isinstance(listed, list) else []


def server(sequence: int, block: Json) -> list[Part]:
    """What Anthropic alone has a word for."""
    return [Other(sequence, block["type"], Origin("anthropic", block), said=False)]


READERS: dict[str, Callable[[int, Json], list[Part]]] = {
    "thinking": thinking,
    "redacted_thinking": thinking,
    "document": source,
    "tool_use": tool_use,
    "tool_result": tool_result,
    **dict.fromkeys(
        SERVER_CALLS | SERVER_RESULTS | {"container_upload", "search_result", "fallback"}, server
    ),
}
"""By the type of a block."""
