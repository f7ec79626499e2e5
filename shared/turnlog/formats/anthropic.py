"""Anthropic's messages: `{"system": "…", "messages": […]}`.

The API takes two roles. Results stand first in a user's message, right behind the calls. Texts are not empty.
The first message is a user's. Thoughts go back as they came, and only with their signature. Marks for the
prompt cache, of which the API takes four, are for the caller to set: none is written.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from turnlog.formats.media import PDF, mapping, string
from turnlog.formats.neutral import Call, Media, Other, Reasoning, Repair, Result, Text
from turnlog.formats.parts_anthropic import SERVER_CALLS
from turnlog.formats.repairing import written
from turnlog.formats.wording import FAILED, call_id, described, left_out, tool_name

if TYPE_CHECKING:
    from turnlog.formats.neutral import Json, Part, Turn, Written
    from turnlog.formats.repairing import Repaired

_LONGEST_ID = 64
_LONGEST_NAME = 128
_IMAGES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
_FIRST = "(The conversation begins with the assistant.)"
# What the API takes of a block; its answers have more.
_FIELDS = {
    "thinking": ("type", "thinking", "signature"),
    "redacted_thinking": ("type", "data"),
    "image": ("type", "source"),
    "document": ("type", "source", "title", "context", "citations"),
    "tool_use": ("caller", "toolset_name"),
    "server_tool_use": ("type", "id", "name", "input", "caller"),
}
_RESULT_FIELDS = (
    "type",
    "tool_use_id",
    "content",
    "is_error",
    "caller",
    "title",
    "source",
    "citations",
    "file_id",
)
_CITATIONS = {
    "char_location": ("document_index", "document_title", "start_char_index", "end_char_index"),
    "page_location": ("document_index", "document_title", "start_page_number", "end_page_number"),
    "content_block_location": ("document_index", "document_title", "start_block_index", "end_block_index"),
    "web_search_result_location": ("encrypted_index", "title", "url"),
    "search_result_location": (
        "search_result_index",
        "source",
        "title",
        "start_block_index",
        "end_block_index",
    ),
}


def write(history: Repaired) -> Written:
    """System prompt and messages, for `messages.create`."""
    writer = _Writer()
    for turn in history.turns:
        writer.take(turn)
    body = {"system": "\n\n".join(writer.system), "messages": writer.finished()}
    return written(body, history, writer.repairs)


class _Writer:
    def __init__(self) -> None:
        self.repairs: list[Repair] = []
        self.system: list[str] = []
        self._messages: list[Json] = []
        self._first = 0

    def take(self, turn: Turn) -> None:
        """Write a turn behind those before it."""
        if turn.role in {"system", "developer"}:
            self._instruct(turn)
            return
        if not self._messages:
            self._first = turn.sequence
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = self._blocks(turn)
        if not blocks:
            return
        if self._messages and self._messages[-1]["role"] == role:
            self._messages[-1]["content"] += blocks
        else:
            self._messages.append({"role": role, "content": blocks})

    def finished(self) -> list[Json]:
        """The messages; a text alone is written as one."""
        if self._messages and self._messages[0]["role"] == "assistant":
            self.repairs.append(Repair(self._first, "put in: a user's message before the first one"))
            self._messages.insert(0, {"role": "user", "content": _FIRST})
        for message in self._messages:
            match message["content"]:
                case [{"type": "text", "text": text, **others}] if not others:
                    message["content"] = text
        return self._messages

    def _instruct(self, turn: Turn) -> None:
        for part in turn.parts:
            if isinstance(part, Text):
                if part.text:
                    self.system.append(part.text)
            elif isinstance(part, Media) and part.text:
                self.system.append(part.text)
            elif isinstance(part, Media | Other):
                what = described(part) if isinstance(part, Media) else part.kind
                self._leave_out(part.sequence, what)
                self.system.append(left_out(what))

    def _blocks(self, turn: Turn) -> list[Json]:
        served = _served(turn.parts)
        blocks: list[Json] = []
        for part in turn.parts:
            match part:
                case Text():
                    blocks += _text(part)
                case Media():
                    blocks += self._media(part, shown=turn.role == "user")
                case Reasoning():
                    blocks += self._thinking(part)
                case Call():
                    blocks.append(self._call(part))
                case Result():
                    blocks.append(self._result(part))
                case Other():
                    blocks += self._other(part, served)
        return blocks

    def _media(self, part: Media, *, shown: bool) -> list[Json]:
        block = _medium(part) if shown else None
        if block is None and part.text:
            return [{"type": "text", "text": part.text}] if part.text.strip() else []
        if block is None:
            self._leave_out(part.sequence, described(part))
            block = {"type": "text", "text": left_out(described(part))}
        return [block]

    def _thinking(self, part: Reasoning) -> list[Json]:
        if block := _signed(part):
            return [block]
        if part.text:
            self._leave_out(part.sequence, "reasoning without a signature of Anthropic's")
        return []

    def _call(self, part: Call) -> Json:
        name = tool_name(part.name, _LONGEST_NAME)
        if name != part.name:
            self.repairs.append(Repair(part.sequence, f"changed: a tool's name to {name}"))
        known = call_id(part.id, _LONGEST_ID, any_characters=False)
        if known != part.id:
            self.repairs.append(
                Repair(part.sequence, f"changed: a tool call's id, which Anthropic does not take, to {known}")
            )
        more = _own(part, _FIELDS["tool_use"])
        return {"type": "tool_use", "id": known, "name": name, "input": part.input(), **more}

    def _result(self, part: Result) -> Json:
        known = call_id(part.call_id, _LONGEST_ID, any_characters=False)
        content: str | list[Json]
        if all(isinstance(one, Text) for one in part.content) and len(part.content) < 2:  # noqa: PLR2004
            content = part.text
        else:
            content = [
                block
                for one in part.content
                for block in (
                    # Of a tool that failed it takes texts alone.
                    _text(one) if isinstance(one, Text) else self._media(one, shown=not part.error)
                )
            ]
        failed = {"is_error": True} if part.error else {}
        # And no empty answer.
        content = content or (FAILED if failed else "")
        return {"type": "tool_result", "tool_use_id": known, "content": content, **failed}

    def _other(self, part: Other, served: set[str]) -> list[Json]:
        if part.origin.dialect == "anthropic":
            raw = part.origin.raw
            known = string(raw.get("id")) or string(raw.get("tool_use_id"))
            if part.kind in SERVER_CALLS and known in served:
                return [_fields(raw, _FIELDS["server_tool_use"])]
            if part.kind.endswith("_result") and known in served:
                return [_fields(raw, _RESULT_FIELDS)]
            if part.kind in {"container_upload", "search_result"}:
                return [{name: value for name, value in raw.items() if name != "cache_control"}]
        self._leave_out(part.sequence, part.kind)
        return [{"type": "text", "text": left_out(part.kind)}] if part.said else []

    def _leave_out(self, sequence: int, what: str) -> None:
        self.repairs.append(Repair(sequence, f"left out: {what}"))


def _served(parts: list[Part]) -> set[str]:
    """The ids of the calls of Anthropic's own tools that are answered in this turn."""
    raws = [
        part.origin.raw for part in parts if isinstance(part, Other) and part.origin.dialect == "anthropic"
    ]
    return {string(raw.get("id")) for raw in raws} & {string(raw.get("tool_use_id")) for raw in raws} - {""}


def _text(part: Text) -> list[Json]:
    if not part.text.strip():
        return []
    block: Json = {"type": "text", "text": part.text}
    cited = part.origin.raw.get("citations") if part.origin and part.origin.dialect == "anthropic" else None
    if isinstance(cited, list):
        known = [one for one in cited if string(mapping(one).get("type")) in _CITATIONS]
        block["citations"] = [
            {name: one.get(name) for name in ("type", "cited_text", *_CITATIONS[one["type"]])}
            for one in known
        ]
    return [block]


def _signed(part: Reasoning) -> Json | None:
    """Thoughts as Anthropic takes them back, from wherever its models are served."""
    if part.origin is None:
        return None
    raw = part.origin.raw
    match part.origin.dialect:
        case "anthropic":
            fields = _FIELDS[raw["type"]]
            return (
                _fields(raw, fields)
                if all(isinstance(raw.get(name), str) for name in fields) and raw[fields[-1]]
                else None
            )
        case "bedrock":
            inner = mapping(raw.get("reasoningContent"))
            signature = string(mapping(inner.get("reasoningText")).get("signature"))
            redacted = string(inner.get("redactedContent"))
        case "ai-sdk":
            told = mapping(mapping(raw.get("providerMetadata")).get("anthropic"))
            signature, redacted = string(told.get("signature")), string(told.get("redactedData"))
        case _:
            return None
    if signature:
        return {"type": "thinking", "thinking": part.text, "signature": signature}
    return {"type": "redacted_thinking", "data": redacted} if redacted else None


def _medium(part: Media) -> Json | None:
    """A medium; None where the API has no word for it."""
    part = _readable(part)
    # Of bytes it takes four kinds of images, and PDFs.
    taken = not part.data or part.media_type in (_IMAGES if part.kind == "image" else {PDF})
    if part.origin and part.origin.dialect == "anthropic" and taken:
        return _fields(part.origin.raw, _FIELDS[part.origin.raw["type"]])
    source: Json = {}
    if part.kind == "image" or part.media_type == PDF:
        if part.data and taken:
            source = {"type": "base64", "media_type": part.media_type, "data": part.data}
        elif part.address and not part.data:
            source = {"type": "url", "url": part.address}
    elif part.text.strip():
        source = {"type": "text", "media_type": "text/plain", "data": part.text}
    if not source:
        return None
    title = {"title": part.name} if part.name and part.kind != "image" else {}
    return {"type": "image" if part.kind == "image" else "document", "source": source, **title}


def _readable(part: Media) -> Media:
    """A file of text that is given as bytes, as its text."""
    if not (part.data and part.media_type.startswith("text/")):
        return part
    try:
        text = b64decode(part.data, validate=True).decode()
    except ValueError:
        return part
    origin = part.origin
    if origin and origin.dialect == "anthropic":
        source = {"type": "text", "media_type": "text/plain", "data": text}
        origin = origin._replace(raw={**origin.raw, "source": source})
    return part._replace(data="", text=text, origin=origin)


def _own(part: Call, names: tuple[str, ...]) -> Json:
    ours = part.origin is not None and part.origin.dialect == "anthropic"
    return _fields(part.origin.raw, names) if ours and part.origin else {}


def _fields(raw: Json, names: tuple[str, ...]) -> Json:
    return {name: raw[name] for name in names if name in raw}
