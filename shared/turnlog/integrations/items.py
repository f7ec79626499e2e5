"""The OpenAI Agents SDK's items as messages, and back, deep-equal.

An item is stored as `turnlog.formats` has it: as the message that a chat front end would store. An item that
no message tells lies whole in a field of its own beside an empty content.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turnlog import formats
from turnlog.errors import Invalid
from turnlog.formats.responses import WHOLE
from turnlog.models.common import taken
from turnlog.wire import dumps, loads, what_cannot_be_kept

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields = dict[str, Any]

# The JSON of an item that Turnlog does not take: infinite numbers, or nested too deep.
_ITEM_JSON = "openai_item_json"
_ROLES = {"user", "assistant", "system", "developer"}


def to_message(item: Mapping[str, Any]) -> Fields:
    """The message that holds an item.

    Raises:
        Invalid: it is no object.
        TypeError: it holds what is none of JSON.
    """
    if not isinstance(item, dict):
        raise Invalid.at("items", msg="an item must be an object")
    text = json.dumps(item, sort_keys=True)
    (message,) = formats.from_responses([item])
    if (stored := _stored(message)) and json.dumps(to_items(stored), sort_keys=True) == f"[{text}]":
        return message
    role = item.get("role") if item.get("role") in _ROLES else "assistant"
    # Two levels more, of the message and of its field.
    held = {_ITEM_JSON: text} if what_cannot_be_kept([[item]]) else {WHOLE: item}
    return {"role": role, "content": None, **held}


def to_items(message: Mapping[str, Any]) -> list[Fields]:
    """The items of a message: one, unless another program stored several tool calls, or a text with one.

    None of a message that was removed; and of a tool's result that names no call, since any other item would
    give it a higher role (M6).
    """
    if message.get("removed"):
        return []
    if isinstance(text := message.get(_ITEM_JSON), str):
        return [json.loads(text)]
    items = formats.to_items(message)
    if WHOLE in message:
        return items
    if not items and message["role"] not in {"tool", "function"}:  # a message is an item, also an empty one
        return [{"role": message["role"] if message["role"] in _ROLES else "assistant", "content": ""}]
    return [one for one in items if one.get("type") != "function_call_output" or one["call_id"]]


def _stored(message: Fields) -> Fields | None:
    """The message as it comes back; None if Turnlog does not take it."""
    try:
        fields = taken(message)
        return fields and loads(dumps(fields))
    except Invalid:
        return None
