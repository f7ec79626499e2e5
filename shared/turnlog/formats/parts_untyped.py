"""Parts without a `type`: Bedrock's blocks of its Converse API, and Gemini's parts. A member says what it is.

Gemini's are spelled `functionCall` in its API and `function_call` by its Python SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.formats.media import from_data, from_url, mapping, string
from turnlog.formats.neutral import Call, Malformed, Media, Origin, Other, Reasoning, Result, Text, encoded
from turnlog.formats.parts_openai import as_text

if TYPE_CHECKING:
    from turnlog.formats.neutral import Json, Kind, Part

_DOCUMENTS = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
_SPELLED = {
    "function_call": "functionCall",
    "function_response": "functionResponse",
    "inline_data": "inlineData",
    "file_data": "fileData",
    "thought_signature": "thoughtSignature",
    "executable_code": "executableCode",
    "code_execution_result": "codeExecutionResult",
    "mime_type": "mimeType",
    "file_uri": "fileUri",
    "display_name": "displayName",
}


def read(sequence: int, given: Json) -> list[Part] | None:  # noqa: PLR0911 (one for each kind)
    """The parts of one that has no `type`; None where it is of neither provider."""
    part = {_SPELLED.get(name, name): value for name, value in given.items()}
    signature = part.get("thoughtSignature")
    origin = Origin("gemini", given)
    match part:
        case {"functionCall": dict(call)}:
            return [_function_call(sequence, mapping(call), string(signature), origin)]
        case {"functionResponse": dict(response)}:
            return [_function_response(sequence, mapping(response), origin)]
        case {"inlineData": dict(blob)} | {"fileData": dict(blob)}:
            return [_gemini_media(sequence, mapping(blob), origin)]
        case {"thought": True, "text": str(text)}:
            return [Reasoning(sequence, text, origin)]
        case {"text": str(text)}:
            return [Text(sequence, text, origin=origin if signature else None)]
        case {"executableCode": _} | {"codeExecutionResult": _}:
            return [Other(sequence, next(iter(part)), origin)]
    return _block(sequence, part)


def _function_call(sequence: int, call: Json, signature: str, origin: Origin) -> Part:
    name = string(call.get("name"))
    if not name:
        return Malformed(sequence)
    # As Gemini's own endpoint for Chat Completions spells it.
    extra = {"extra_content": {"google": {"thought_signature": signature}}} if signature else {}
    return Call(sequence, string(call.get("id")), name, as_text(call.get("args", {})), False, extra, origin)


def _function_response(sequence: int, response: Json, origin: Origin) -> Part:
    value = response.get("response")
    told = mapping(value)
    error = set(told) == {"error"}
    # Its SDK wraps what is no object.
    inner = (
        told["result"] if set(told) == {"result"} else told["output"] if set(told) == {"output"} else value
    )
    inner = told["error"] if error else inner
    text = inner if isinstance(inner, str) else "" if inner is None else encoded(inner)
    listed = response.get("parts")
    media = _in_response(sequence, listed) if isinstance(listed, list) else []
    return Result(
        sequence,
        string(response.get("id")),
        (Text(sequence, text), *media),
        name=string(response.get("name")),
        value=None if isinstance(inner, str) or media else inner,
        error=error,
        origin=origin,
    )


def _in_response(sequence: int, listed: list[Any]) -> list[Media]:
    """What a function answers beside its JSON: images and files."""
    found = [part for one in listed for part in read(sequence, mapping(one)) or []]
    return [part for part in found if isinstance(part, Media)]


def _gemini_media(sequence: int, given: Json, origin: Origin) -> Media:
    blob = {_SPELLED.get(name, name): value for name, value in given.items()}
    media_type, name = string(blob.get("mimeType")), string(blob.get("displayName"))
    if uri := string(blob.get("fileUri")):
        return from_url(sequence, None, uri, media_type, origin=origin, name=name)
    return from_data(sequence, None, blob.get("data"), media_type, origin=origin, name=name)


def _block(sequence: int, block: Json) -> list[Part] | None:  # noqa: PLR0911 (one for each kind)
    """A block of Bedrock's."""
    origin = Origin("bedrock", block)
    match block:
        case {"toolUse": dict(use)}:
            known, name = string(use.get("toolUseId")), string(use.get("name"))
            if not (known and name):
                return [Malformed(sequence)]
            return [Call(sequence, known, name, as_text(use.get("input", {})), origin=origin)]
        case {"toolResult": dict(result)}:
            return [_tool_result(sequence, mapping(result), origin)]
        case {"reasoningContent": dict(reasoning)}:
            text = mapping(mapping(reasoning).get("reasoningText")).get("text")
            return [Reasoning(sequence, string(text), origin)]
        case {"citationsContent": dict(cited)}:
            said = cited.get("content")
            texts = [string(mapping(one).get("text")) for one in said] if isinstance(said, list) else []
            return [Text(sequence, "".join(texts))]
        case {"guardContent": dict(guarded)}:
            return [Text(sequence, string(mapping(mapping(guarded).get("text")).get("text")))]
        case {"cachePoint": _}:
            return []
    return [_bedrock_media(sequence, block)] if _is_media(block) else None


def _is_media(block: Json) -> bool:
    return any(isinstance(block.get(kind), dict) for kind in ("image", "document", "video", "audio"))


def _bedrock_media(sequence: int, block: Json) -> Media:
    name = next(kind for kind in ("image", "document", "video", "audio") if isinstance(block.get(kind), dict))
    given = mapping(block[name])
    form = string(given.get("format"))
    kind: Kind = "file" if name == "document" else name  # type: ignore[assignment]
    media_type = _DOCUMENTS.get(form, f"application/{form}") if kind == "file" else f"{kind}/{form}"
    source, title = mapping(given.get("source")), string(given.get("name"))
    origin = Origin("bedrock", block)
    if place := string(mapping(source.get("s3Location")).get("uri")):
        return Media(sequence, kind, media_type, url=place, name=title, origin=origin)
    if text := string(source.get("text")):
        return Media(sequence, kind, media_type, text=text, name=title, origin=origin)
    return from_data(sequence, kind, source.get("bytes"), media_type, origin=origin, name=title)


def _tool_result(sequence: int, result: Json, origin: Origin) -> Result:
    content: list[Text | Media] = []
    value: Any = None
    given = result.get("content")
    listed = given if isinstance(given, list) else []
    for one in listed:
        part = mapping(one)
        if "json" in part:
            content.append(Text(sequence, encoded(part["json"])))
            value = part["json"] if len(listed) == 1 else None
        elif isinstance(part.get("text"), str):
            content.append(Text(sequence, part["text"]))
        elif _is_media(part):
            content.append(_bedrock_media(sequence, part))
        else:
            content.append(Text(sequence, one if isinstance(one, str) else encoded(one)))
    if isinstance(given, str):
        content = [Text(sequence, given)]
    error = result.get("status") == "error"
    known = string(result.get("toolUseId"))
    return Result(sequence, known, tuple(content), value=value, error=error, origin=origin)
