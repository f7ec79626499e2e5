"""Whatever is stored, a provider accepts what its format makes of it, and all is said by whoever said it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import provider_rules
from tests.histories import History
from turnlog import formats
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

FORMATS: dict[str, tuple[Callable[..., formats.Written], Callable[[Any], provider_rules.Seen]]] = {
    "chat": (formats.to_chat, provider_rules.chat),
    "anthropic": (formats.to_anthropic, provider_rules.anthropic),
    "responses": (formats.to_responses, provider_rules.responses),
    "ai-sdk": (formats.to_ai_sdk, provider_rules.ai_sdk),
}


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
