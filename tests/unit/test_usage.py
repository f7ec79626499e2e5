"""Tokens as openai, anthropic, boto3 and google-genai return them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.limits import MAX_DETAILS
from turnlog.records import usage
from turnlog.records.head import Head
from turnlog.records.keys import SessionKey


@pytest.mark.parametrize(
    ("returned", "counts"),
    [
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 99},
            {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 99},
        ),
        (
            {"input_tokens": 5, "output_tokens": 2, "cache_creation": {"ephemeral_5m_input_tokens": 1}},
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "total_tokens": 7,
                "cache_creation.ephemeral_5m_input_tokens": 1,
            },
        ),
        (
            {"inputTokens": 1, "outputTokens": 2, "totalTokens": 4, "cacheReadInputTokens": 3},
            {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 4, "cacheReadInputTokens": 3},
        ),
        (
            {
                "prompt_token_count": 1,
                "candidates_token_count": 2,
                "prompt_tokens_details": [{"token_count": 1}],
            },
            {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        ),
        (
            {"input_tokens": 0, "prompt_tokens": 9},
            {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9},
        ),
        (  # a session's own, given back
            {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1, "details": {"a.b": 2}},
            {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1, "a.b": 2},
        ),
        ({}, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
        (
            {
                "a": None,
                "b": "5",
                "c": 0.5,
                "d": -1,
                "e": True,
                "f": [1],
                "g": float("inf"),
                "h": 10**400,
                "": 1,
            },
            {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        ),
    ],
)
def test_counted(returned: dict[str, Any], counts: dict[str, int]) -> None:
    assert usage.counted(returned) == counts


NAMES = st.sampled_from(
    ["prompt_tokens_details.cached_tokens", "cache_read_input_tokens", "~", "~~a", "~a", "a", "é.b"]
)
COUNTS = st.dictionaries(NAMES, st.integers(0, 1000))


@given(st.lists(COUNTS, max_size=5))
def test_what_is_added_is_taken_off(several: list[dict[str, int]]) -> None:
    text, kept = usage.NONE, []
    for counts in several:
        text, spent = usage.added(
            text, {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1, **counts}
        )
        kept.append(spent)
    names = {name for counts in several for name in counts}
    assert usage.details(text) == {name: sum(one.get(name, 0) for one in several) for name in names}
    before = {"prompt_tokens": len(several), "completion_tokens": 0, "total_tokens": len(several)}
    left = usage.without(before, text, kept)
    assert usage.details(left.pop("details")) == dict.fromkeys(names, 0)
    assert left == dict.fromkeys(before, 0)


def test_a_session_keeps_the_first_names() -> None:
    names = [f"name{at}" for at in range(MAX_DETAILS)]
    text, _ = usage.added(usage.NONE, dict.fromkeys(names, 1))
    text, spent = usage.added(text, {"one more": 5, "name0": 2})
    assert usage.details(text) == dict.fromkeys(names, 1) | {"name0": 3}
    assert "one more" not in spent


def test_a_usual_head_is_one_write_unit() -> None:
    """DynamoDB counts names and values of attributes (a number: a byte for two digits, and one)."""
    openai = {
        "prompt_tokens": 1_234_567,
        "completion_tokens": 123_456,
        "prompt_tokens_details": {"cached_tokens": 1_000_000, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 100_000,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    item = Head(
        key=SessionKey("u" * 36, "s" * 36).at(0),
        version=12_345,
        message_count=10_000,
        edits=100,
        rewinds=10,
        log_size=100_000_000,
        title="t" * 60,
        started_at="2026-11-28T00:00:00.000000Z",
        updated_at="2026-11-28T00:00:00.000000Z",
        ring=b"r" * 512,
        token=b"t" * 16,
        **usage.replaced(usage.counted(openai)),
    ).item()
    assert sum(len(name) + _size(typed) for name, typed in item.items()) <= 1_024


def _size(typed: dict[str, Any]) -> int:
    ((kind, value),) = typed.items()
    return len(value) // 2 + 2 if kind == "N" else len(value.encode() if kind == "S" else value)
