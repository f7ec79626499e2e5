"""A history in the words of providers: pure functions over messages as the contract shows them.

    from turnlog import formats

    body = formats.to_anthropic(messages).body  # {"system": …, "messages": […]}
    turnlog.append_messages(session_id, formats.from_responses(response.output))

Messages may have been stored by any SDK, as it gave them: `reading` makes turns of them, `repairing` makes
turns that providers accept, and a module for each format writes those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.formats import ai_sdk, anthropic, chat, markdown, repairing, responses
from turnlog.formats.neutral import Repair, Written
from turnlog.formats.reading import read
from turnlog.formats.repairing import repaired
from turnlog.formats.responses import from_responses, to_items

if TYPE_CHECKING:
    from collections.abc import Iterable

    from turnlog.formats.neutral import Json

__all__ = [
    "Repair",
    "Written",
    "from_responses",
    "open_calls",
    "to_ai_sdk",
    "to_anthropic",
    "to_chat",
    "to_items",
    "to_markdown",
    "to_responses",
]


def open_calls(messages: Iterable[Json]) -> set[str]:
    """The ids of the tool calls that none of these messages answers."""
    return repairing.open_calls(read(messages))


def to_chat(messages: Iterable[Json]) -> Written:
    """As Chat Completions messages: `{"messages": […]}`."""
    return chat.write(repaired(read(messages)))


def to_responses(messages: Iterable[Json]) -> Written:
    """As items of the Responses API: `{"input": […]}`."""
    return responses.write(repaired(read(messages), joins=False))


def to_anthropic(messages: Iterable[Json]) -> Written:
    """As Anthropic's messages: `{"system": "…", "messages": […]}`."""
    return anthropic.write(repaired(read(messages)))


def to_ai_sdk(messages: Iterable[Json]) -> Written:
    """As UIMessages of the AI SDK: `{"messages": […]}`."""
    return ai_sdk.write(repaired(read(messages), joins=False))


def to_markdown(messages: Iterable[Json]) -> str:
    """As a text for people, without any repair."""
    return markdown.write(messages)
