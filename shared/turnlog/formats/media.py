"""Images, recordings and files, however they are given: as bytes, by address, or by a provider's id."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from turnlog.formats.neutral import Media

if TYPE_CHECKING:
    from turnlog.formats.neutral import Kind, Origin

_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?:;[^;,]*)*;base64,", re.IGNORECASE)
# Of addresses and file names; a provider asks for no others.
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "csv": "text/csv",
    "html": "text/html",
    "md": "text/markdown",
}
_URL_SAFE = str.maketrans("-_", "+/")
# How the base64 of an image's bytes begins, where nobody says of what type it is.
_BEGINNINGS = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
_EXTENSION = re.compile(r"\.([a-z0-9]{2,4})(?:[?#]|$)", re.IGNORECASE)
PDF = "application/pdf"
_TYPE_NAMES = ("mime_type", "mimeType", "mediaType", "media_type")
_OF_LANGCHAIN = {"base64", "data", "url", "file_id", "source_type"}


def string(value: Any) -> str:
    """The text, where a part has one there; else an empty one."""
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> dict[str, Any]:
    """The object, where a part has one there, without null members; else an empty one."""
    return {name: one for name, one in value.items() if one is not None} if isinstance(value, dict) else {}


def kind_of(media_type: str) -> Kind:
    """What a media type is of."""
    match media_type.partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
    return "file"


def type_of(name: str) -> str:
    """The media type that an address or a file's name tells; empty where it tells none."""
    found = _EXTENSION.search(name)
    return _TYPES.get(found[1].lower(), "") if found else ""


def from_url(
    sequence: int, kind: Kind | None, url: str, media_type: str = "", *, origin: Origin | None, **told: str
) -> Media:
    """A medium at an address, which may hold the bytes itself.

    Args:
        kind: None: what the media type says.
        told: other attributes of `Media`.
    """
    if found := _DATA_URL.match(url):
        media_type = media_type or found["type"]
        place = {"data": standard(url[found.end() :])}
    else:
        media_type = media_type or type_of(url)
        place = {"url": url}
    return Media(sequence, kind or kind_of(media_type), media_type, origin=origin, **place, **told)


def from_data(
    sequence: int, kind: Kind | None, data: Any, media_type: str, *, origin: Origin | None, **told: str
) -> Media:
    """A medium whose bytes are base64 in a text, or a data URL; where they are neither, one without bytes."""
    text = string(data)
    if _DATA_URL.match(text) or text.startswith(("http://", "https://")):
        return from_url(sequence, kind, text, media_type, origin=origin, **told)
    kind = kind or kind_of(media_type)
    if kind == "image" and media_type in {"", "image/*"}:
        found = (one for beginning, one in _BEGINNINGS.items() if text.startswith(beginning))
        media_type = next(found, "image/*")
    return Media(sequence, kind, media_type, data=standard(text), origin=origin, **told)


def standard(given: str) -> str:
    """Base64 as providers take it; empty where it is none.

    Gemini's SDK writes it for URLs, with `-` and `_`. Others write lines, or leave the padding out.
    """
    text = "".join(given.split()).translate(_URL_SAFE)
    text += "=" * (-len(text) % 4)
    try:
        b64decode(text, validate=True)
    except ValueError:
        return ""
    return text


def plain(sequence: int, part: dict[str, Any]) -> Media | None:
    """A medium as LangChain and tools that speak MCP give it, in fields of the part itself; None: it is none.

    `{"type": "image", "base64" or "data" or "url" or "file_id": …, "mime_type" or "mimeType": …}`
    """
    kind: Any = part.get("type")
    if string(kind) not in {"image", "audio", "video", "file", "text-plain"}:
        return None
    if kind != "text-plain" and not _OF_LANGCHAIN & part.keys():
        return None
    media_type = next(filter(None, (string(part.get(name)) for name in _TYPE_NAMES)), "")
    name = string(part.get("filename")) or string(part.get("name"))
    known = string(part.get("file_id")) or (string(part.get("id")) if part.get("source_type") == "id" else "")
    of: Kind = "file" if kind == "text-plain" else kind
    if known:
        return Media(sequence, of, media_type, file_id=known, name=name)
    if text := string(part.get("text")):
        return Media(sequence, of, media_type or "text/plain", text=text, name=name)
    if url := string(part.get("url")):
        return from_url(sequence, of, url, media_type, origin=None, name=name)
    data = string(part.get("base64")) or string(part.get("data"))
    if of in {"image", "audio", "video"}:
        media_type = media_type or f"{of}/*"
    return from_data(sequence, of, data, media_type, origin=None, name=name)
