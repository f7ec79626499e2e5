"""Whatever is stored, a provider accepts what its format makes of it, and all is said by whoever said it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories import History
from tests.provider_rules import FORMATS
from tests.sdk_words import ITEMS, WORDS
from turnlog import formats
from turnlog.wire import dumps

if TYPE_CHECKING:
    from random import Random


@pytest.mark.parametrize("name", FORMATS)
@given(rng=st.randoms(use_true_random=False), steps=st.integers(1, 25))
def test_a_broken_history_is_accepted_and_nothing_is_lost(name: str, rng: Random, steps: int) -> None:
    history = History(rng)
    history.grow(steps)
    before = json.dumps(history.messages)
    write, rules = FORMATS[name]
    written = write(history.messages)
    assert json.dumps(history.messages) == before, "what is stored was changed"
    seen = rules(json.loads(dumps(written.body)))
    for role, marks in history.said.items():
        for mark in marks:
            assert mark in seen.said[role], f"{mark} is lost"
            assert all(mark not in text for other, text in seen.said.items() if other != role)
    for mark, _, _ in history.calls:
        (known,) = [known for known, arguments in seen.calls.items() if f"{mark}" in arguments]
        if (result := history.answers().get(mark)) is not None:
            assert result in seen.results[known]
    for mark, *_ in history.results:
        assert all(mark not in text for text in seen.said.values()), "a tool's output is what somebody says"
        assert all(mark not in text for text in seen.calls.values())
    assert seen.calls.keys() == seen.results.keys()
    assert [one.sequence for one in written.repairs] == sorted(one.sequence for one in written.repairs)


@given(rng=st.randoms(use_true_random=False), steps=st.integers(1, 25))
def test_markdown_says_all(rng: Random, steps: int) -> None:
    history = History(rng)
    history.grow(steps)
    text = formats.to_markdown(history.messages)
    text.encode()
    marks = [mark for said in history.said.values() for mark in said]
    for mark in [*marks, *(one[0] for one in history.calls), *(one[0] for one in history.results)]:
        assert mark in text


ODD: tuple[Any, ...] = (
    None,
    True,
    5,
    "",
    "x",
    [],
    [[]],
    ["x"],
    {},
    {"x": None},
    {"type": 5},
    {"text": {}},
    {"type": "text"},
)


def bent(value: Any, rng: Random) -> Any:
    """JSON in which something, anywhere, is something else."""
    if rng.random() < 0.04:
        return rng.choice(ODD)
    if isinstance(value, dict):
        return {name: bent(one, rng) for name, one in value.items() if rng.random() < 0.97}
    return [bent(one, rng) for one in value] if isinstance(value, list) else value


@given(rng=st.randoms(use_true_random=False))
def test_whatever_a_message_holds(rng: Random) -> None:
    """A part of any shape is read; what comes of it is paired, and JSON."""
    words = [*WORDS.values(), formats.from_responses(ITEMS)]
    messages = [
        {name: one if name == "role" else bent(one, rng) for name, one in message.items()}
        for message in rng.choice(words)
    ]
    for write, rules in (FORMATS["chat"], FORMATS["ai-sdk"]):
        rules(json.loads(dumps(write(messages).body)))
    for write in (formats.to_anthropic, formats.to_responses):
        dumps(write(messages).body)
    formats.to_markdown(messages).encode()
    for message in messages:
        dumps(formats.to_items(message))
