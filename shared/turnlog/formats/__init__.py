"""A history in the words of providers: pure functions over messages as the contract shows them.

    from turnlog import formats

    body = formats.to_anthropic(messages).body  # {"system": …, "messages": […]}
    turnlog.append_messages(session_id, formats.from_responses(response.output))

A message is an object of JSON, a `Message` of a client's answer, or an SDK's object with `to_dict()`; of
anything else the functions raise a TypeError. Messages may have been stored by any SDK, as it gave them:
`reading` makes turns of them, `repairing` makes turns that providers accept, and a module for each format
writes those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.formats import ai_sdk, anthropic, chat, markdown, responses
from turnlog.formats.neutral import Repair, Written, as_json
from turnlog.formats.reading import read
from turnlog.formats.repairing import repaired
from turnlog.formats.responses import from_responses, to_items

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = [
    "Repair",
    "Written",
    "from_responses",
    "to_ai_sdk",
    "to_anthropic",
    "to_chat",
    "to_items",
    "to_markdown",
    "to_responses",
]


def to_chat(messages: Iterable[Any]) -> Written:
    """As Chat Completions messages: `{"messages": […]}`."""
    return chat.write(repaired(read(as_json(messages))))


def to_responses(messages: Iterable[Any]) -> Written:
    """As items of the Responses API: `{"input": […]}`."""
    return responses.write(repaired(read(as_json(messages)), joins=False))


def to_anthropic(messages: Iterable[Any]) -> Written:
    """As Anthropic's messages: `{"system": "…", "messages": […]}`."""
    return anthropic.write(repaired(read(as_json(messages))))


def to_ai_sdk(messages: Iterable[Any]) -> Written:
    """As UIMessages of the AI SDK: `{"messages": […]}`."""
    return ai_sdk.write(repaired(read(as_json(messages)), joins=False))


def to_markdown(messages: Iterable[Any]) -> str:
    """As a text for people, without any repair."""
    return markdown.write(as_json(messages))
