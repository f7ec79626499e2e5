"""What providers refuse, and what their models see: a function fails where the API would.

The rules are the APIs' own: every call answered right behind it and once, no result without its call, roles,
ids and names in their characters, no empty text where that is refused.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from turnlog import formats

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ANTHROPIC_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_ANTHROPIC_ID = re.compile(r"[a-zA-Z0-9_-]+")


@dataclass
class Seen:
    """What a model sees.

    Attributes:
        said: by role, all texts.
        calls: by id, name and arguments.
        results: by id, what the tool answered.
    """

    said: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("user", "assistant", "system"), ""))
    calls: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)

    def say(self, role: str, text: Any) -> None:
        assert isinstance(text, str)
        self.said["system" if role == "developer" else role] += f"{text}\n"

    def call(self, known: str, arguments: Any) -> None:
        assert known
        assert known not in self.calls
        self.calls[known] = arguments if isinstance(arguments, str) else dumped(arguments)

    def answer(self, known: str, output: Any) -> None:
        assert known in self.calls
        assert known not in self.results
        self.results[known] = output if isinstance(output, str) else dumped(output)


def bytes_are_base64(value: Any) -> None:
    """Bytes are in the alphabet of RFC 4648, 4, with their padding: no provider takes that for URLs."""
    if isinstance(value, list):
        for one in value:
            bytes_are_base64(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            url = name in {"url", "image_url", "file_data"} and isinstance(one, str) and ";base64," in one
            if url or (name == "data" and (value.get("type") == "base64" or "format" in value)):
                b64decode(one.partition(";base64,")[2] if url else one, validate=True)
            bytes_are_base64(one)


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def chat(body: Json) -> Seen:
    """Chat Completions."""
    bytes_are_base64(body["input" if "input" in body else "messages"])
    seen, open_ = Seen(), list[str]()
    before = ""
    for message in body["messages"]:
        role = message["role"]
        assert role in {"system", "developer", "user", "assistant", "tool"}
        if role == "tool":
            assert message.keys() == {"role", "tool_call_id", "content"}
            assert message["tool_call_id"] == open_.pop(0)
            seen.answer(message["tool_call_id"], _texts(message["content"], {"text"}))
            before = role
            continue
        assert not open_, "a call is not answered right behind it"
        assert (role, before) != ("assistant", "assistant")
        allowed = {"text", "image_url", "input_audio", "file"} if role == "user" else {"text"}
        seen.say(role, _texts(message["content"], allowed))
        if role == "assistant":
            seen.say(role, message.get("refusal") or "")
        for call in message.get("tool_calls", []):
            kind = call["type"]
            assert _NAME.fullmatch(call[kind]["name"])
            assert kind == "custom" or call["function"]["arguments"].strip(), "no JSON"
            assert len(call["id"]) <= 40 or "__thought__" in call["id"]
            seen.call(call["id"], call[kind]["input" if kind == "custom" else "arguments"])
            open_.append(call["id"])
        assert message.get("tool_calls") != []
        before = role
    assert not open_
    return seen


def _texts(content: Any, allowed: set[str]) -> str:
    if isinstance(content, str):
        return content
    assert content, "an empty list of parts"
    for part in content:
        assert part["type"] in allowed
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def anthropic(body: Json) -> Seen:
    """Anthropic's Messages."""
    bytes_are_base64(body["input" if "input" in body else "messages"])
    seen, open_ = Seen(), list[str]()
    seen.say("system", body["system"])
    roles = [message["role"] for message in body["messages"]]
    assert all(one != two for one, two in pairwise(roles))
    assert roles[:1] in ([], ["user"])
    for message in body["messages"]:
        content = message["content"]
        assert content
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        called: list[str] = []
        for at, block in enumerate(blocks):
            kind = block["type"]
            assert "cache_control" not in block
            if kind == "text":
                assert block["text"].strip()
                seen.say(message["role"], block["text"])
            elif kind == "tool_use":
                assert message["role"] == "assistant"
                assert _ANTHROPIC_ID.fullmatch(block["id"])
                assert _ANTHROPIC_NAME.fullmatch(block["name"])
                assert isinstance(block["input"], dict)
                seen.call(block["id"], block["input"])
                called.append(block["id"])
            elif kind == "tool_result":
                assert message["role"] == "user"
                assert all(one["type"] == "tool_result" for one in blocks[:at]), "results come first"
                open_.remove(block["tool_use_id"])
                if block.get("is_error") and isinstance(block["content"], list):
                    assert all(one["type"] == "text" for one in block["content"]), "a failure is text"
                seen.answer(block["tool_use_id"], block["content"])
            elif kind in {"thinking", "redacted_thinking"}:
                assert message["role"] == "assistant"
                assert block.get("signature") or block.get("data")
            else:
                assert kind in {"image", "document"}
                assert message["role"] == "user"
                if kind == "document" and block["source"]["type"] == "base64":
                    assert block["source"]["media_type"] == "application/pdf", "of bytes it takes PDFs alone"
        assert not open_, "a call is not answered in the message behind it"
        open_ = called
    assert not open_
    match body["messages"][-1:]:
        case [{"role": "assistant", "content": [*_, {"type": "text", "text": text}] | str(text)}]:
            assert text == text.rstrip(), "a model that goes on with it refuses white space at its end"
    return seen


def responses(body: Json) -> Seen:
    """OpenAI's Responses."""
    bytes_are_base64(body["input" if "input" in body else "messages"])
    seen, open_ = Seen(), list[str]()
    items = body["input"]
    ids = [item["id"] for item in items if "id" in item]
    assert len(ids) == len(set(ids)), "an item is there twice"
    for at, item in enumerate(items):
        kind = item.get("type", "message")
        if kind in {"function_call_output", "custom_tool_call_output"}:
            assert item["call_id"] == open_.pop(0)
            seen.answer(item["call_id"], item["output"])
            continue
        if kind in {"function_call", "custom_tool_call"}:
            assert _NAME.fullmatch(item["name"])
            assert len(item["call_id"]) <= 64
            seen.call(item["call_id"], item.get("arguments", item.get("input")))
            open_.append(item["call_id"])
        elif kind == "reasoning":
            following = items[at + 1]
            assert following.get("role", "assistant") == "assistant"
            assert not following.get("type", "").endswith("_output")
        elif kind != "web_search_call":
            assert kind == "message"
            if item["role"] != "assistant":
                assert not open_, "a call is not answered right behind it"
            seen.say(item["role"], _said(item))
    assert not open_
    return seen


def _said(item: Json) -> str:
    if isinstance(item["content"], str):
        return item["content"]
    own = item["role"] == "assistant"
    allowed = {"output_text", "refusal"} if own else {"input_text", "input_image", "input_file"}
    assert {part["type"] for part in item["content"]} <= allowed
    return "\n".join(part.get("text", part.get("refusal", "")) for part in item["content"])


def ai_sdk(body: Json) -> Seen:
    """The AI SDK's UIMessages."""
    bytes_are_base64(body["input" if "input" in body else "messages"])
    seen, before = Seen(), ""
    ids = [message["id"] for message in body["messages"]]
    assert all(ids)
    for message in body["messages"]:
        role = message["role"]
        assert role in {"system", "user", "assistant"}
        assert (role, before) != ("assistant", "assistant")
        before = role
        assert message["parts"]
        for part in message["parts"]:
            kind = part["type"]
            if kind == "text":
                seen.say(role, part["text"])
            elif kind.startswith("tool-") or kind == "dynamic-tool":
                assert role == "assistant"
                seen.call(part["toolCallId"], part["input"])
                assert part["state"] in {"output-available", "output-error"}
                seen.answer(part["toolCallId"], part["output" if "output" in part else "errorText"])
            else:
                assert kind in {"file", "reasoning", "step-start"} or kind.startswith(("data-", "source-"))
    return seen


FORMATS: dict[str, tuple[Callable[..., formats.Written], Callable[[Any], Seen]]] = {
    "chat": (formats.to_chat, chat),
    "anthropic": (formats.to_anthropic, anthropic),
    "responses": (formats.to_responses, responses),
    "ai-sdk": (formats.to_ai_sdk, ai_sdk),
}
"""What writes the words of each provider, and what reads them as strictly as the provider does."""
