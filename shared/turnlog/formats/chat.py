"""Chat Completions messages: `{"messages": […]}`.

The API takes a text or parts as content. Only a user's may hold media, and a tool's result is text. An
assistant's texts, of messages that were merged, are one by lines, as long as each message had one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.formats.media import PDF, mapping, string
from turnlog.formats.neutral import (
    Call,
    Media,
    Other,
    Reasoning,
    Repair,
    Result,
    Text,
)
from turnlog.formats.repairing import written
from turnlog.formats.wording import (
    FAILURE,
    call_id,
    described,
    left_out,
    member_name,
    tool_name,
    written_arguments,
)

if TYPE_CHECKING:
    from turnlog.formats.neutral import Json, Part, Turn, Written
    from turnlog.formats.repairing import Repaired

_LONGEST_ID = 40
_LONGEST_NAME = 64
_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


def write(history: Repaired) -> Written:
    """The messages, for `chat.completions.create`."""
    writer = _Writer()
    messages = [message for turn in history.turns for message in writer.messages(turn)]
    return written({"messages": messages}, history, writer.repairs)


class _Writer:
    def __init__(self) -> None:
        self.repairs: list[Repair] = []

    def messages(self, turn: Turn) -> list[Json]:
        """The messages of a turn: one, but for a tool's results."""
        if turn.role == "tool":
            return [self._result(part) for part in turn.parts if isinstance(part, Result)]
        message: Json = {"role": turn.role, "content": ""}
        if name := member_name(turn.name):
            message["name"] = name
        if turn.role == "assistant":
            return [message | self._said_by_assistant(turn.parts)]
        return [message | {"content": self._content(turn.parts, media=turn.role == "user")}]

    def _said_by_assistant(self, parts: list[Part]) -> Json:
        said: Json = {}
        refusals = [part.text for part in parts if isinstance(part, Text) and part.refusal]
        spoken = [part for part in parts if not (isinstance(part, Text) and part.refusal)]
        content = self._content(spoken, media=False)
        calls = [self._call(part) for part in parts if isinstance(part, Call)]
        said["content"] = content or ""
        if refusals:
            said["refusal"] = "\n".join(refusals)
        for part in parts:
            if isinstance(part, Reasoning):
                self._think(said, part)
        return said | ({"tool_calls": calls} if calls else {})

    def _think(self, said: Json, part: Reasoning) -> None:
        """Put a model's thoughts where the provider that gave them looks for them."""
        if part.origin is None or part.origin.dialect != "chat":
            if part.text:
                self._leave_out(part.sequence, "reasoning")
            return
        for name, value in part.origin.raw.items():
            before = said.get(name)
            if before is None:
                said[name] = value
            elif isinstance(before, list) and isinstance(value, list):
                said[name] = [*before, *value]
            elif isinstance(before, str) and isinstance(value, str):
                said[name] = f"{before}\n{value}"

    def _content(self, parts: list[Part], *, media: bool) -> str | list[Json]:
        """A text, where that is all; else parts."""
        written: list[tuple[int, Json]] = []
        for part in parts:
            if isinstance(part, Text):
                if part.text:
                    written.append((part.sequence, {"type": "text", "text": part.text}))
            elif isinstance(part, Media):
                shown = self._media(part) if media else None
                written.append((part.sequence, shown or self._instead(part)))
            elif isinstance(part, Other):
                self._leave_out(part.sequence, part.kind)
                if part.said:
                    written.append((part.sequence, {"type": "text", "text": left_out(part.kind)}))
        texts = [part["text"] for _, part in written if part["type"] == "text"]
        sequences = {sequence for sequence, _ in written}
        if len(texts) == len(written) == len(sequences):
            return "\n".join(texts)
        return [part for _, part in written]

    def _media(self, part: Media) -> Json | None:
        """A user's medium; None where the API has no word for it."""
        own = part.origin is not None and part.origin.dialect == "chat"
        if part.kind == "image" and (address := part.address):
            detail = {"detail": part.detail} if part.detail in {"auto", "low", "high"} else {}
            return {"type": "image_url", "image_url": {"url": address, **detail}}
        if part.data and (form := _SOUNDS.get(part.media_type)):
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": form}}
        if part.data and part.media_type == PDF:
            name = part.name or "file.pdf"
            return {"type": "file", "file": {"filename": name, "file_data": part.data_url}}
        known = part.data or part.file_id
        if own and known and part.origin and part.origin.raw.get("type") in {"file", "input_audio"}:
            return _file(part)
        return {"type": "text", "text": part.text} if part.text else None

    def _instead(self, part: Media) -> Json:
        if part.text:
            return {"type": "text", "text": part.text}
        self._leave_out(part.sequence, described(part))
        return {"type": "text", "text": left_out(described(part))}

    def _call(self, part: Call) -> Json:
        name = tool_name(part.name, _LONGEST_NAME)
        if name != part.name:
            self.repairs.append(Repair(part.sequence, f"changed: a tool's name to {name}"))
        kind = "custom" if part.custom else "function"
        told = {"name": name, ("input" if part.custom else "arguments"): written_arguments(part)}
        return {"id": self._id(part.sequence, part.id), "type": kind, kind: told, **part.extra}

    def _id(self, sequence: int, given: str) -> str:
        known = call_id(given, _LONGEST_ID, any_characters=True)
        if known != given:
            self.repairs.append(Repair(sequence, f"changed: a tool call's id, which is too long, to {known}"))
        return known

    def _result(self, part: Result) -> Json:
        if part.error and not part.missing:
            self._leave_out(part.sequence, FAILURE)
        known = call_id(part.call_id, _LONGEST_ID, any_characters=True)
        return {
            "role": "tool",
            "tool_call_id": known,
            "content": self._content(list(part.content), media=False),
        }

    def _leave_out(self, sequence: int, what: str) -> None:
        self.repairs.append(Repair(sequence, f"left out: {what}"))


def _file(part: Media) -> Json:
    """A file or a recording as Chat Completions had it, in the fields that it takes back."""
    raw = part.origin.raw if part.origin else {}
    kind = string(raw.get("type"))
    told = mapping(raw.get(kind))
    names = ("file_data", "file_id", "filename") if kind == "file" else ("data", "format")
    return {"type": kind, kind: {name: told[name] for name in names if isinstance(told.get(name), str)}}
