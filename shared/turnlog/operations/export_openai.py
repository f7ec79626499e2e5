"""The history as Chat Completions messages: what a provider accepts, whatever was stored.

Consecutive assistant messages are merged, because providers refuse a tool result that does not follow its
call; a tool call without an id or a function name is skipped, because they refuse that too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turnlog.operations.read_session import newest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store

Message = dict[str, Any]


async def export_openai_messages(store: Store, key: SessionKey) -> dict[str, Any]:
    """The session's messages for `chat.completions.create`: `{"messages": […], "has_more": false}`.

    `has_more`: the history is larger than an answer, and these are the newest.

    Raises:
        NotFound: no such session.
        Unavailable: the table refused or did not answer.
    """
    page = await newest(store, await store.head(key))
    stored = [message for message in json.loads(b"[%b]" % page.messages) if "removed" not in message]
    whole = [{**message, "tool_calls": _whole_calls(message)} for message in stored]
    skipped = sum(len(message.get("tool_calls") or []) for message in stored) - sum(
        len(message["tool_calls"]) for message in whole
    )
    store.counts["malformed_tool_calls"] += skipped
    return {"messages": merged(map(exported, whole)), "has_more": page.has_more}


def exported(message: Message) -> Message:
    """One message with the fields that its role has, in the API's spelling."""
    role = message["role"]
    out: Message = {"role": role, "content": message.get("content") or ""}
    if message.get("name"):
        out["name"] = message["name"]
    match role:
        case "assistant":
            out |= {name: message[name] for name in ("refusal", "tool_calls") if message.get(name)}
            if (called := message.get("function_call") or {}).get("name"):
                out["function_call"] = {"name": called["name"], "arguments": called.get("arguments") or ""}
        case "tool":
            out = {"role": role, "content": out["content"], "tool_call_id": message.get("tool_call_id") or ""}
        case "function":
            out = {"role": role, "content": message.get("content"), "name": message.get("name") or ""}
    return out


def merged(messages: Iterable[Message]) -> list[Message]:
    """The messages with consecutive assistant messages as one: contents by lines, tool calls in order."""
    result: list[Message] = []
    for message in messages:
        if not result or message["role"] != "assistant" or result[-1]["role"] != "assistant":
            result.append(message)
            continue
        before = result[-1]
        contents = [text for text in (before["content"], message["content"]) if text]
        calls = [*before.get("tool_calls", []), *message.get("tool_calls", [])]
        result[-1] = {**message, **before, "content": "\n".join(contents)}
        if calls:
            result[-1]["tool_calls"] = calls
    return result


def _whole_calls(message: Message) -> list[Message]:
    """The tool calls that have what the API asks for."""
    calls = []
    for call in message.get("tool_calls") or []:
        function = call.get("function")
        if call.get("id") and isinstance(function, dict) and function.get("name"):
            named = {"name": function["name"], "arguments": function.get("arguments") or ""}
            calls.append({"id": call["id"], "type": "function", "function": named})
    return calls
