"""Histories with JSON of any kind in any member: every format writes them, and changes nothing of them.

One message that no format can write would cost the whole session its exports.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from tests.reported import REPORTED
from tests.unit.test_formats import ALL
from turnlog import formats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Message = dict[str, Any]
WRITERS: tuple[Callable[[Any], Any], ...] = (
    formats.to_chat,
    formats.to_responses,
    formats.to_anthropic,
    formats.to_ai_sdk,
    formats.to_markdown,
)
WORDS: dict[str, list[Message]] = {**ALL, **REPORTED}
ODD: tuple[Any, ...] = (None, [], {}, ["x"], {"a": 1}, 5, "x", True, [{"type": ["x"]}])


def written(messages: list[Message]) -> None:
    """Have them written in every format."""
    before = deepcopy(messages)
    for write in WRITERS:
        write(messages)
        assert messages == before


def thought(item: str, text: str, **told: Any) -> Message:
    """A thought of OpenAI's, as the AI SDK has it."""
    return {"type": "reasoning", "text": text, "providerMetadata": {"openai": {"itemId": item, **told}}}


def answer(item: str, text: str, **told: Any) -> Message:
    return {**thought(item, text, **told), "type": "text"}


def result(inner: Message) -> list[Message]:
    """A tool's result with this in it."""
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    block = {"type": "tool_result", "tool_use_id": "c", "content": [inner]}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [block]}]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "tool", "content": "x", "metadata": {"job_id": "j", "state": ["running"]}}],
        [{"role": "user", "content": "x", "metadata": {"job_id": "j", "state": {"of": "running"}}}],
        [{"role": "assistant", "content": [thought("rs", "hm"), answer("msg", "x", phase=["x"])]}],
        result({"type": ["image"], "data": "AAAA"}),
        result({"type": {"of": "image"}, "data": "AAAA"}),
    ],
)
def test_a_word_that_is_none(messages: list[Message]) -> None:
    written(messages)


@pytest.mark.parametrize(
    ("before", "thoughts"),
    [
        ([thought("rs_0", "b"), answer("rs", "x")], [["b"]]),
        ([{"type": "reasoning", "id": "rs", "encrypted_content": "e"}], [None]),
        ([{"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "e"}], [[]]),
        ([thought("rs", "b")], [["b", "a"]]),
    ],
    ids=["an answer", "an item without a summary", "an item that was stored", "the AI SDK's"],
)
def test_a_thought_behind_another_item_of_its_id(before: list[Message], thoughts: list[Any]) -> None:
    """Only what the AI SDK made of one item is put together again."""
    messages = [{"role": "assistant", "content": [*before, thought("rs", "a"), answer("msg", "x")]}]
    written(messages)
    items = formats.to_responses(messages).body["input"]
    told = [item.get("summary") for item in items if item.get("type") == "reasoning"]
    assert [one and [part["text"] for part in one] for one in told] == thoughts


def places(value: Any, *place: str | int) -> Iterator[tuple[str | int, ...]]:
    """Where something is in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield *place, name
        yield from places(one, *place, name)


@pytest.mark.thorough
@pytest.mark.parametrize("words", WORDS)
def test_any_json_in_any_member(words: str) -> None:
    odd = cycle(ODD)
    for *within, last in [place for place in places(WORDS[words]) if len(place) > 1]:
        messages = deepcopy(WORDS[words])
        at: Any = messages
        for name in within:
            at = at[name]
        at[last] = next(odd)
        written(messages)
