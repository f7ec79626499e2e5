"""JSON text that is compared without being parsed: it says what `wire.same` says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.records import messages
from turnlog.records.jsontext import ANY, Empty, member, says
from turnlog.records.messages import TOKEN_SIZE, Stored
from turnlog.wire import dumps, payload_size, same

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.lists(st.dictionaries(st.text(max_size=2), SCALARS))
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", '"', "\\", "é"]), VALUES)
DEEP: Any = []
for _ in range(490):
    DEEP = [DEEP]


@given(one=OBJECTS, other=OBJECTS)
def test_it_says_what_same_says(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert says(dumps(one), one)
    assert says(dumps(one), other) is same(one, other)
    assert says(dumps({**one, "more": None}), dict(reversed(one.items())))
    for name, value in one.items():
        assert same(member(dumps(one), name), value)
        assert says(dumps(one), {**one, name: ANY})
    assert member(dumps(one), "none") is None


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ({"n": 20.0, "m": 2**60}, {"n": 20, "m": float(2**60)}),
        ({"s": "\ud83d\x00\U0001f600"}, {"s": "\ud83d\x00\U0001f600"}),
        ({"deep": DEEP}, {"deep": DEEP}),
        ({"content": None}, {"content": Empty(b'""')}),
        ({"content": ""}, {"content": Empty(b'""')}),
        ({}, {"content": Empty(b'""'), "x": ANY}),
        ({"x": {"y": [1, {"z": "]}"}]}, "w": 1}, {"x": ANY, "w": 1}),
        ({"l": [1, 2, {"a": []}]}, {"l": [1, ANY, ANY]}),
    ],
)
def test_the_same(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert says(dumps(stored), wanted)


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ({"a": True}, {"a": 1}),
        ({"a": "x" * 99}, {"a": "x"}),
        ({"a": [None]}, {"a": []}),
        ({"a": []}, {"a": [None]}),
        ({"a": [1]}, {"a": {"b": 1}}),
        ({"a": {}}, {"a": []}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"content": "x"}, {"content": Empty(b'""')}),
        ({"l": [1, 2]}, {"l": [1, ANY, ANY]}),
    ],
)
def test_not_the_same(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert not says(dumps(stored), wanted)


@pytest.mark.parametrize(
    "sent",
    [
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": "a", "tool_calls": [{"id": "1"}]},
        {"role": "assistant", "content": "a", "tool_calls": [{"id": "1"}, {"id": "2"}]},
        {"role": "assistant", "content": "b", "tool_calls": [{"id": "1"}]},
        {"role": "assistant", "content": "", "tool_calls": []},
    ],
)
@pytest.mark.parametrize("added", [0, 1])
@pytest.mark.parametrize("first", [False, True])
def test_a_large_message_is_compared_as_a_small_one(
    monkeypatch: pytest.MonkeyPatch, sent: dict[str, Any], added: int, *, first: bool
) -> None:
    server = {"sequence": 0, "message_id": "m", "created_at": "x", "metadata": {"a": 1}}
    for said in (
        {"content": "a", "tool_calls": [{"id": "1"}]},
        {"content": None, "tool_calls": [{"id": "2"}]},
    ):
        encoded = dumps({**server, "role": "assistant", **said})
        stored = Stored(0, encoded, attached=b"x" * TOKEN_SIZE * added, size=payload_size(encoded))
        parsed = messages.says(stored, sent, first=first)
        with monkeypatch.context() as patched:
            patched.setattr(messages, "PARSED_BYTES", 0)
            patched.setattr(messages, "payload_size", lambda _: 0)
            assert messages.says(stored, sent, first=first) is parsed
            assert messages.tool_calls(stored) == said["tool_calls"]
