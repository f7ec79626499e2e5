from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.errors import Invalid, MalformedBody
from turnlog.limits import DEPTH_LIMIT
from turnlog.wire import (
    dumps,
    has_more_values,
    loads,
    parse_timestamp,
    payload_size,
    same,
    timestamp,
    what_cannot_be_kept,
)


def nested(levels: int) -> Any:
    """Lists and objects in each other, by turns."""
    value: Any = []
    for level in range(levels - 1):
        value = [value] if level % 2 else {"a": value}
    return value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_is_compact_utf_8(text: str) -> None:
    encoded = dumps({"a": [text, 1]})
    assert json.loads(encoded) == {"a": [text, 1]}
    assert encoded.startswith(b'{"a":["')
    assert len(encoded) <= len(json.dumps({"a": [text, 1]}))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_payload_size_is_what_a_lambda_answers(text: str) -> None:
    encoded = dumps(text)
    assert payload_size(encoded) + 2 == len(dumps(encoded.decode()))


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), {1}])
def test_what_json_has_no_word_for(value: Any) -> None:
    with pytest.raises(Invalid):
        dumps({"a": [value]})


@given(st.text(st.characters()))
def test_any_string_comes_back(text: str) -> None:
    """Half characters and NUL among them, as JSON's escapes can say them."""
    sent = json.dumps({text: [text]})
    stored = dumps(loads(sent))
    stored.decode()  # it is UTF-8
    assert loads(stored) == loads(sent) == json.loads(sent)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Expecting value at line 1 column 1."),
        ('{"a":}', "Expecting value at line 1 column 6."),
        (b'{"a":"\xff"}', "It is not UTF-8, at byte 6."),
        ("[NaN]", "NaN is not JSON."),
        ('{"a":-Infinity}', "-Infinity is not JSON."),
    ],
)
def test_what_is_not_json_is_told(text: str | bytes, problem: str) -> None:
    with pytest.raises(MalformedBody) as raised:
        loads(text)
    assert raised.value.detail == problem


def test_integers_are_exact() -> None:
    longest = 10**4299 + 1
    assert loads(dumps(longest)) == longest
    with pytest.raises(Invalid):
        loads("1" * 4301)
    with pytest.raises(Invalid):
        dumps(10**4300)
    with pytest.raises(Invalid):
        loads("[" * 100_000)


def test_what_cannot_be_kept() -> None:
    assert what_cannot_be_kept(nested(DEPTH_LIMIT)) is None
    assert loads(dumps({"messages": [nested(DEPTH_LIMIT)]})) == {"messages": [nested(DEPTH_LIMIT)]}
    assert "deeper than 500" in (what_cannot_be_kept(nested(DEPTH_LIMIT + 1)) or "")
    assert "beyond a double" in (what_cannot_be_kept({"a": [loads("1e999")]}) or "")
    assert what_cannot_be_kept({"a": [1e308, 10**400, True, None, "x"]}) is None


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 20.0}, {"a": 20}, True),
        (2**53 + 1, 2**53, True),  # as JavaScript reads them
        (10**400, 10**400, True),
        (10**400, 10**400 + 1, False),
        (10**400, 1e308, False),
        (0.0, -0.0, True),
        (1, True, False),
        (0, False, False),
        (1, "1", False),
        ({"a": None}, {}, True),
        ({"a": {"b": None, "c": [{}]}}, {"a": {"c": [{"d": None}]}}, True),
        ({"a": None}, {"a": 0}, False),
        ({"a": ""}, {}, False),
        ([None], [], False),
        ([1, 2], [2, 1], False),
        ([], {}, False),
        (nested(DEPTH_LIMIT), nested(DEPTH_LIMIT), True),
        (nested(DEPTH_LIMIT), nested(DEPTH_LIMIT - 1), False),
    ],
)
def test_the_same(one: Any, other: Any, *, equal: bool) -> None:
    assert same(one, other) is equal
    assert same(other, one) is equal


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2999, 1, 1)), st.timedeltas())  # noqa: DTZ001
def test_times_sort_as_text(naive: datetime, later: timedelta) -> None:
    at = naive.replace(tzinfo=UTC)
    text = timestamp(at)
    assert parse_timestamp(text) == at
    assert text.endswith("Z")
    other = at + min(max(later, timedelta(days=-300)), timedelta(days=300))
    assert (text < timestamp(other)) == (at < other)
    assert len(text) == len(timestamp(other))


def inside(value: Any) -> int:
    """How many values are inside this one."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return len(members) + sum(map(inside, members))


TEXT = st.text('a,[]{}"\\\n', max_size=6)
JSON = st.recursive(
    st.none() | st.just(12) | TEXT,
    lambda some: st.lists(some, max_size=4) | st.dictionaries(TEXT, some, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_values_are_counted_without_reading_the_json(value: Any) -> None:
    """Whatever its texts hold."""
    for text in (dumps(value), dumps(value).decode()):
        assert not has_more_values(text, inside(value))
        if inside(value):
            assert has_more_values(text, inside(value) - 1)


@pytest.mark.parametrize(
    "text", ['["' + '\\"' * 200_000, '["' + "\\" * 400_001, '"' * 400_001, '["' + "1," * 400_000]
)
def test_texts_that_do_not_end(text: str) -> None:
    """They are looked through once, and refused as what they are: no JSON."""
    has_more_values(text, 1)
    with pytest.raises(MalformedBody):
        loads(text)


def test_more_strings_than_are_held_at_once() -> None:
    assert not has_more_values(dumps(["a,"] * 5_000), 5_000)
    assert has_more_values(dumps(["a,"] * 5_001), 5_000)
