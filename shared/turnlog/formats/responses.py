"""Items of OpenAI's Responses API: `{"input": […]}`; and back, item by item.

A message item stays one. All other items stand beside messages there, so each becomes a message here: a call
an assistant's with `tool_calls`, an output a tool's, and what Chat Completions has no word for (reasoning,
hosted tools) the part of an assistant's or a tool's content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.formats.media import mapping, string
from turnlog.formats.neutral import Call, Media, Other, Reasoning, Repair, Result, Text, as_json
from turnlog.formats.parts_openai import CALLS, FIELDS, HOSTED, OUTPUTS, call_item, output_item
from turnlog.formats.reading import OWN, turns
from turnlog.formats.repairing import Repaired, written
from turnlog.formats.wording import FAILURE, call_id, described, left_out, tool_name, written_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from turnlog.formats.neutral import Json, Part, Turn, Written

_LONGEST_ID = 64
_LONGEST_NAME = 128
_ROLES = {"user", "assistant", "system", "developer"}
WHOLE = "response_item"
"""The field of a message with an item that no message can tell."""
_CALL = {"type", "call_id", "name", "arguments"}
_OUTPUT = {"type", "call_id", "output"}
# Without their id, the items of a call and its result stand for themselves too.
_PAIRED = {
    "function_call",
    "custom_tool_call",
    "function_call_output",
    "custom_tool_call_output",
    *CALLS,
    *OUTPUTS,
}
_MESSAGE_FIELDS = {"type", "role", "content", "id", "status", "phase"}
_MESSAGE_PARTS = {"input_text", "output_text", "refusal", "input_image", "input_file", "input_audio"}


def from_responses(items: Iterable[Any]) -> list[Json]:
    """The messages that hold these items, one each, to be appended.

    Args:
        items: objects of JSON, or an SDK's with `to_dict()`, as in `response.output`.

    Raises:
        TypeError: an item is neither.
    """
    return [_message(item) for item in as_json(items)]


def to_items(message: Any) -> list[Json]:
    """The items of a message as it is stored, without any repair: those that `from_responses` took.

    Of a message of another kind, those that say the same.
    """
    (message,) = as_json([message])
    if (item := _kept(message)) is not None:
        return [item]
    items: list[Json] = write(Repaired(turns(message), [], 0), exact=True).body["input"]
    return items


def _message(item: Json) -> Json:
    match item:
        case {"role": str(role), "content": content} if role in _ROLES:
            if item.keys() <= _MESSAGE_FIELDS and None not in item.values():
                return dict(item)
            return {"role": role, "content": content, FIELDS: _beside(item, {"role", "content"})}
        case {"type": "function_call", "call_id": str(known), "name": str(name), "arguments": str(given)} if (
            known and name
        ):
            function = {"name": name, "arguments": given}
            call: Json = {"id": known, "type": "function", "function": function, FIELDS: _beside(item, _CALL)}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        case {"type": "function_call_output", "call_id": str(known), "output": output} if known:
            told = output is None or isinstance(output, str) or _parts(output)
            content = output if told else [output] if isinstance(output, dict) else None
            fields = _beside(item, _OUTPUT if told else _OUTPUT - {"output"})
            return {"role": "tool", "tool_call_id": known, "content": content, FIELDS: fields}
    kind = string(item.get("type"))
    role = "tool" if kind in OUTPUTS or kind.endswith("_output") else "assistant"
    return {"role": role, "content": [item]}


def _beside(item: Json, told: set[str]) -> Json:
    """What an item has beside that which its message tells."""
    return {name: one for name, one in item.items() if name not in told}


def _parts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str | dict) for one in value)


def _kept(message: Mapping[str, Any]) -> Json | None:
    """The item that a message holds, if `from_responses` made it."""
    if isinstance(item := message.get(WHOLE), dict):
        return item
    if message.get("role") == "tool" and (item := output_item(mapping(message))) is not None:
        return item
    if isinstance(fields := message.get(FIELDS), dict):
        return {"role": message["role"], "content": message.get("content"), **fields}
    content, calls = message.get("content"), message.get("tool_calls")
    if isinstance(calls, list) and len(calls) == 1 and not content:
        return call_item(mapping(calls[0]))
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        item, kind = content[0], string(content[0].get("type"))
        alone = kind in HOSTED | CALLS | OUTPUTS or (kind == "reasoning" and "summary" in item)
        # M6: what a tool answered may look like an item.
        if alone and "tool_call_id" not in mapping(message) and _message(item)["role"] == message.get("role"):
            return item
    plain = isinstance(content, str) or (
        isinstance(content, list)
        and all(string(mapping(one).get("type")) in _MESSAGE_PARTS for one in content)
    )
    item = {name: one for name, one in message.items() if name not in OWN}
    return item if plain and item.keys() <= _MESSAGE_FIELDS and string(item.get("role")) in _ROLES else None


def write(history: Repaired, *, exact: bool = False) -> Written:
    """The items, for `responses.create`.

    Args:
        exact: leave reasoning where it stands, whatever follows.
    """
    writer = _Writer()
    turns = history.turns
    for at, turn in enumerate(turns):
        writer.take(turn, turns[at + 1].parts if at + 1 < len(turns) else [])
    if not exact:
        writer.drop_unfollowed()
        writer.tell_apart()
        writer.drop_unfollowed()
    return written({"input": writer.items}, history, writer.repairs)


class _Writer:
    def __init__(self) -> None:
        self.repairs: list[Repair] = []
        self.items: list[Json] = []
        self._sequences: list[int] = []
        self._native: set[str] = set()  # ids of the calls that are written as the items that they were
        self._thought: Json | None = None  # the item that was made of the newest thought of the AI SDK's

    def take(self, turn: Turn, following: list[Part]) -> None:
        """Write a turn; `following` are the parts of the next one, which may answer its calls."""
        if turn.role == "assistant":
            self._assistant(turn, following)
        elif turn.role == "tool":
            for part in turn.parts:
                if isinstance(part, Result):
                    self._put(part.sequence, self._result(part))
        else:
            self._say(turn)

    def tell_apart(self) -> None:
        """No two items have one id, as when one was stored twice: the API refuses them."""
        known: set[str] = set()
        kept: list[tuple[Json, int]] = []
        for item, sequence in zip(self.items, self._sequences, strict=True):
            own = string(item.get("id"))
            again, kind = own in known, string(item.get("type"))
            known |= {own} - {""}
            if not again:
                kept.append((item, sequence))
            elif item.get("role") == "assistant":
                kept.append(({"role": "assistant", "content": _words(item)}, sequence))
            elif "role" in item or kind in _PAIRED:
                kept.append(({name: one for name, one in item.items() if name != "id"}, sequence))
            else:
                self._leave_out(sequence, f"{kind}, which is there once more")
        self._keep(kept)

    def drop_unfollowed(self) -> None:
        """Leave out reasoning that nothing of the assistant's follows: the API refuses it."""
        kept: list[tuple[Json, int]] = []
        follows = False
        for item, sequence in zip(reversed(self.items), reversed(self._sequences), strict=True):
            if item.get("type") == "reasoning":
                if not follows:
                    self._leave_out(sequence, "reasoning that nothing follows")
                    continue
            else:
                output = string(item.get("type")).endswith("_output")
                follows = not output and item.get("role", "assistant") == "assistant"
            kept.append((item, sequence))
        self._keep(kept[::-1])

    def _keep(self, kept: list[tuple[Json, int]]) -> None:
        self.items, self._sequences = [item for item, _ in kept], [sequence for _, sequence in kept]

    def _put(self, sequence: int, item: Json) -> None:
        self.items.append(item)
        self._sequences.append(sequence)

    def _say(self, turn: Turn) -> None:
        """A message of a user, or an instruction."""
        content: list[Json] = []
        envelope: Json | None = None
        for part in turn.parts:
            if isinstance(part, Text | Media):
                envelope = part.origin.envelope if part.origin else None
                content += self._input(part, media=turn.role == "user")
            elif isinstance(part, Other):
                content += self._other(part)
        whole = envelope is not None and all(
            isinstance(part, Text | Media) and part.origin and part.origin.envelope is envelope
            for part in turn.parts
        )
        if whole and envelope is not None:
            raws = [part.origin.raw for part in turn.parts if isinstance(part, Text | Media) and part.origin]
            self._put(turn.sequence, {**envelope, "content": raws})
            return
        match content:
            case []:
                said: str | list[Json] = ""
            case [{"type": "input_text", "text": text}]:
                said = text
            case _:
                said = content
        self._put(turn.sequence, {"role": turn.role, "content": said})

    def _assistant(self, turn: Turn, following: list[Part]) -> None:
        answers = {part.call_id: part for part in following if isinstance(part, Result)}
        at, thought = 0, False
        while at < len(turn.parts):
            part = turn.parts[at]
            at += 1
            if isinstance(part, Text) and (envelope := _output_envelope(part)) is not None:
                end = at
                while end < len(turn.parts) and _envelope(turn.parts[end]) is envelope:
                    end += 1
                raws = [_output_part(one) for one in turn.parts[at - 1 : end] if isinstance(one, Text)]
                self._put(part.sequence, {**envelope, "content": raws})
                at = end
            elif isinstance(part, Text):
                if part.text:
                    # OpenAI takes a thought with the item that came of it, and that with its thought.
                    item = _ui_item(part) if thought else None
                    self._put(part.sequence, item or {"role": "assistant", "content": part.text})
            elif isinstance(part, Media):
                self._put(part.sequence, {"role": "assistant", "content": self._instead(part)})
            elif isinstance(part, Reasoning):
                thought = self._think(part) or thought
            elif isinstance(part, Call):
                self._put(part.sequence, self._call(part, answers.get(part.id)))
            elif isinstance(part, Other):
                self._put_other(part)

    def _put_other(self, part: Other) -> None:
        if part.origin.dialect == "responses":
            self._put(part.sequence, part.origin.raw)
            return
        for shown in self._other(part):
            self._put(part.sequence, {"role": "assistant", "content": shown["text"]})

    def _other(self, part: Other) -> list[Json]:
        self._leave_out(part.sequence, part.kind)
        return [{"type": "input_text", "text": left_out(part.kind)}] if part.said else []

    def _think(self, part: Reasoning) -> bool:
        """Write a thought; whether it is OpenAI's, so that it is written."""
        dialect, raw = (part.origin.dialect, part.origin.raw) if part.origin else ("", {})
        told = mapping(mapping(raw.get("providerMetadata")).get("openai"))
        if dialect == "responses":
            self._put(part.sequence, raw)
        elif dialect == "ai-sdk" and string(told.get("itemId")):
            summary = [{"type": "summary_text", "text": part.text}] if part.text else []
            item = self._thought
            # The AI SDK makes a part of each text of a summary. An item that was stored is left as it is.
            if item is None or self.items[-1] is not item or item["id"] != told["itemId"]:
                item = self._thought = {"type": "reasoning", "id": told["itemId"], "summary": []}
                self._put(part.sequence, item)
            item["summary"] += summary
            if sealed := string(told.get("reasoningEncryptedContent")):
                item["encrypted_content"] = sealed
        else:
            if part.text:
                self._leave_out(part.sequence, "reasoning of another provider's")
            return False
        return True

    def _call(self, part: Call, answer: Result | None) -> Json:
        raw = part.origin.raw if part.origin and part.origin.dialect == "responses" else {}
        known = self._id(part)
        kind = string(raw.get("type"))
        if kind in CALLS and answer is not None and _answers(answer):
            self._native.add(part.id)
            return raw
        name = tool_name(part.name, _LONGEST_NAME)
        if name != part.name:
            self.repairs.append(Repair(part.sequence, f"changed: a tool's name to {name}"))
        kept = {
            field: one for field, one in raw.items() if kind not in CALLS and field not in {"type", "input"}
        }
        if part.custom:
            return {
                "type": "custom_tool_call",
                **kept,
                "call_id": known,
                "name": name,
                "input": part.arguments,
            }
        given = written_arguments(part)
        return {"type": "function_call", **kept, "call_id": known, "name": name, "arguments": given}

    def _id(self, part: Call) -> str:
        known = call_id(part.id, _LONGEST_ID, any_characters=True)
        if known != part.id:
            self.repairs.append(
                Repair(part.sequence, f"changed: a tool call's id, which is too long, to {known}")
            )
        return known

    def _result(self, part: Result) -> Json:
        raw = part.origin.raw if part.origin and part.origin.dialect == "responses" else {}
        kind = string(raw.get("type"))
        if part.call_id in self._native:
            return raw
        if part.error and not part.missing:
            self._leave_out(part.sequence, FAILURE)
        known = call_id(part.call_id, _LONGEST_ID, any_characters=True)
        if kind in {"function_call_output", "custom_tool_call_output"}:
            return {**raw, "call_id": known}
        output: str | list[Json] = part.text
        if any(isinstance(one, Media) for one in part.content):
            output = [shown for one in part.content for shown in self._input(one, media=True)]
        return {"type": "function_call_output", "call_id": known, "output": output}

    def _input(self, part: Text | Media, *, media: bool) -> list[Json]:
        """A text or a medium as input."""
        if isinstance(part, Text):
            return [{"type": "input_text", "text": part.text}] if part.text else []
        shown = _medium(part) if media else None
        return [shown or {"type": "input_text", "text": self._instead(part)}]

    def _instead(self, part: Media) -> str:
        if part.text:
            return part.text
        self._leave_out(part.sequence, described(part))
        return left_out(described(part))

    def _leave_out(self, sequence: int, what: str) -> None:
        self.repairs.append(Repair(sequence, f"left out: {what}"))


def _words(item: Json) -> str:
    """What a message item says."""
    content = item.get("content")
    if not isinstance(content, list):
        return string(content)
    return "\n".join(string(part.get("text")) or string(part.get("refusal")) for part in content)


def _ui_item(part: Text) -> Json | None:
    """The message item that a text of the AI SDK's was, if it tells."""
    raw = part.origin.raw if part.origin and part.origin.dialect == "ai-sdk" else {}
    told = mapping(mapping(raw.get("providerMetadata")).get("openai"))
    if not (known := string(told.get("itemId"))):
        return None
    content = [{"type": "output_text", "text": part.text, "annotations": []}]
    phase = {"phase": told["phase"]} if string(told.get("phase")) in {"commentary", "final_answer"} else {}
    return {
        "type": "message",
        "id": known,
        "role": "assistant",
        "status": "completed",
        "content": content,
        **phase,
    }


def _envelope(part: Part) -> Json | None:
    return part.origin.envelope if isinstance(part, Text) and part.origin else None


def _output_envelope(part: Text) -> Json | None:
    """The message item that an assistant's text is of, if it is whole."""
    envelope = _envelope(part)
    whole = envelope and isinstance(envelope.get("id"), str) and isinstance(envelope.get("status"), str)
    return envelope if whole else None


def _output_part(part: Text) -> Json:
    raw = part.origin.raw if part.origin else {}
    if part.refusal:
        return {"type": "refusal", "refusal": part.text}
    return {"annotations": [], **raw, "type": "output_text"}


def _answers(answer: Result) -> bool:
    """Whether a result is an item that answers one of OpenAI's own tools."""
    own = answer.origin is not None and answer.origin.dialect == "responses"
    return own and answer.origin is not None and string(answer.origin.raw.get("type")) in OUTPUTS


def _medium(part: Media) -> Json | None:
    """A medium; None where the API has no word for it."""
    own = part.origin is not None and part.origin.dialect in {"responses", "chat"}
    if part.kind == "image":
        place = {"file_id": part.file_id} if own and part.file_id else {"image_url": part.address}
        detail = part.detail if part.detail in {"low", "high", "auto", "original"} else "auto"
        return {"type": "input_image", "detail": detail, **place} if any(place.values()) else None
    if part.kind == "file":
        name = {"filename": part.name} if part.name else {}
        if own and part.file_id:
            return {"type": "input_file", "file_id": part.file_id}
        if part.data:
            return {"type": "input_file", "file_data": part.data_url, **(name or {"filename": "file"})}
        if part.address:
            return {"type": "input_file", "file_url": part.address}
    return None
