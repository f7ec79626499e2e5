"""The OpenAI Agents SDK's items as messages, and back, deep-equal.

An item is stored as the message that a chat front end would store: a role's text, a tool's call, a tool's
result. Where that message alone does not give the item back, the item rides along in `function_call`, which
Chat Completions no longer uses and which exports leave out where it names no function.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turnlog.errors import Invalid
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields = dict[str, Any]

# The item as it is; or, where UTF-8 cannot carry it, its JSON in ASCII.
_ITEM, _ITEM_JSON = "openai_item", "openai_item_json"
_ROLES = {"user", "assistant", "system", "developer"}
_NAME_LIMIT = 256
# Bytes up to which a message holds an item beside what is to be read of it.
_LARGEST_WITH_BOTH = 1 << 20


def to_message(item: Mapping[str, Any]) -> Fields:
    """The message that holds an item.

    Raises:
        Invalid: it is no object.
        TypeError: it holds what is none of JSON.
    """
    if not isinstance(item, dict):
        raise Invalid.at("items", msg="an item must be an object")
    message = _reading(item)
    try:
        if to_items(message) == [item]:
            dumps(message)
            return message
        carried: Fields = {_ITEM: item}
        dumps(carried)
    except Invalid:
        carried = {_ITEM_JSON: json.dumps(item)}
    whole = _sayable(message) | {"function_call": carried}
    if len(dumps(whole)) <= _LARGEST_WITH_BOTH:
        return whole
    return {"role": message["role"], "content": None, "function_call": carried}


def to_items(message: Mapping[str, Any]) -> list[Fields]:
    """The items of a message: one, unless another program stored several tool calls, or a text with one.

    None, where it is a tool's result that names no call: any other item would give it a higher role (M6).
    """
    carried = message.get("function_call") or {}
    if _ITEM in carried:
        return [carried[_ITEM]]
    if _ITEM_JSON in carried:
        return [json.loads(carried[_ITEM_JSON])]
    role, content = message["role"], message.get("content") or ""
    if role == "tool" and message.get("tool_call_id"):
        return [{"type": "function_call_output", "call_id": message["tool_call_id"], "output": content}]
    if role in {"tool", "function"}:
        return []
    calls = [_call_item(call) for call in message.get("tool_calls") or [] if _is_call(call)]
    if calls and not content:
        return calls
    return [{"role": role if role in _ROLES else "assistant", "content": content}, *calls]


def _reading(item: Mapping[str, Any]) -> Fields:
    """An item as a chat front end would store it."""
    match item:
        case {"type": "function_call", "call_id": str(known), "name": str(name), "arguments": str(arguments)}:
            call = {"id": known, "type": "function", "function": {"name": name, "arguments": arguments}}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        case {"type": "function_call_output", "call_id": str(known), "output": output} if _is_name(known):
            return {"role": "tool", "content": _text(output), "tool_call_id": known}
        case {"role": str(role), "content": content} if role in _ROLES:
            return {"role": role, "content": _text(content)}
    return {"role": "assistant", "content": None}


def _text(content: Any) -> str:
    """What is to be read of an item's content or output."""
    if isinstance(content, str):
        return content
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    texts = [part.get("text") or part.get("refusal") for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str))


def _sayable(message: Fields) -> Fields:
    """The message; its text alone, with `?` in it, where UTF-8 cannot carry it."""
    try:
        dumps(message)
    except Invalid:
        text = (message["content"] or "").encode(errors="replace").decode()
        return {"role": message["role"], "content": text}
    return message


def _is_name(text: str) -> bool:
    """Whether the contract takes it as a `tool_call_id`."""
    return 0 < len(text) <= _NAME_LIMIT and text.isascii() and text.isprintable()


def _is_call(call: Mapping[str, Any]) -> bool:
    function = call.get("function")
    return bool(call.get("id")) and isinstance(function, dict) and bool(function.get("name"))


def _call_item(call: Mapping[str, Any]) -> Fields:
    function = call["function"]
    return {
        "type": "function_call",
        "call_id": call["id"],
        "name": function["name"],
        "arguments": function.get("arguments") or "",
    }
