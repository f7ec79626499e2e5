from __future__ import annotations

import json
import random
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.errors import Invalid, TooLarge, Unanswered
from turnlog.limits import MAX_ATTACHED, MESSAGE_LIMIT, PART_SIZE
from turnlog.records import messages
from turnlog.records.keys import SessionKey
from turnlog.wire import dumps, payload_size

KEY = SessionKey("user", "session").at(0)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def message(content: Any = "x", **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, "message_id": "m", **fields}


def noise(length: int, seed: int = 1) -> str:
    """Text that takes six bits a character at the least."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits + "+/", k=length))


@given(st.text(max_size=3_000), JSON)
def test_a_message_comes_back_as_it_was(content: str, anything: Any) -> None:
    fields = message(content, tool_calls=[{"a": anything}])
    (stored,) = messages.decode(messages.encode(7, fields).items(KEY))
    assert (stored.sequence, stored.fields()) == (7, fields)
    assert json.loads(stored.json) == fields


def test_in_parts_above_400_kb() -> None:
    stored = messages.encode(5, message(noise(1_040_000)))
    items = stored.items(KEY)
    assert len(items) == -(-len(stored.blob) // PART_SIZE) > 1
    for item in items:
        size = sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())
        assert size < 400 * 1024
    neighbours = [messages.encode(4, message()), stored, messages.encode(6, message())]
    every = [item for one in neighbours for item in one.items(KEY)]
    stored_ones = [one._replace(rest=b"") for one in neighbours]
    assert list(messages.decode(every)) == stored_ones
    assert list(messages.decode(reversed(every))) == stored_ones[::-1]


def test_torn_parts_are_no_message() -> None:
    """One is missing, or is of another writing."""
    before = messages.encode(0, message(noise(1_040_000)))
    after = messages.encode(0, message(noise(1_040_000, seed=2)))
    old, new = before.items(KEY), after.items(KEY)
    assert len(old) == len(new) > 1
    torn = [old[:-1], old[1:], [*old[:-1], new[-1]], [new[0], *old[1:]]]
    for items in torn:
        with pytest.raises(Unanswered):
            list(messages.decode(items))


def test_as_first_stored_is_without_what_was_attached() -> None:
    own, added = {"id": "own"}, {"id": "added"}
    with_own = messages.encode(0, message(tool_calls=[own, added, added]), b"12345678" * 2)
    assert with_own.as_first_stored() == message(tool_calls=[own])
    without = messages.encode(0, message(tool_calls=[added]), b"12345678")
    assert without.as_first_stored() == message()
    (stored,) = messages.decode(without.items(KEY))
    assert stored.attached == b"12345678"


def test_in_two_pieces_above_390_kb() -> None:
    """It comes back as it was; where it stands is no part of what is compressed."""
    long = messages.encode(5, message("log line\n" * 150_000, tool_calls=[{"id": "c"}], created_at="a"))
    (item,) = long.items(KEY)
    assert len(item["data"]["B"]) < 20_000
    (stored,) = messages.decode([item])
    fields = {**message("log line\n" * 150_000), "tool_calls": [{"id": "c"}], "created_at": "a"}
    assert (stored.fields(), stored.known()) == (
        fields,
        {"message_id": "m", "created_at": "a", "role": "user"},
    )
    there = messages.moved(stored, 123_456, created_at="a little later", epoch=3)
    again = messages.encode(123_456, {**fields, "sequence": 123_456, "created_at": "a little later"}, epoch=3)
    assert (there.blob, there.epoch) == (stored.blob, again.epoch)
    assert there.fields() == fields | {"sequence": 123_456, "created_at": "a little later"}
    assert again.size == payload_size(again.json)
    moved = messages.moved(
        messages.encode(5, {"sequence": 5, **fields}), 123_456, created_at="a little later", epoch=3
    )
    assert moved.size == payload_size(moved.json) == again.size


def test_what_is_small_can_lie_apart() -> None:
    small = messages.encode(5, {"sequence": 5, **message("x")})
    apart = messages.apart(small)
    assert (apart.fields(), apart.size) == (small.fields(), small.size)
    assert "data" not in apart._replace(object_key="o").items(KEY)[0]


def test_the_limit_is_of_the_json_in_bytes() -> None:
    """Of what its sender says: what the server adds does not count, so that a body of that size passes."""
    said = {name: value for name, value in message("").items() if name in {"role", "content"}}
    room = MESSAGE_LIMIT - len(dumps(said))
    stored = messages.encode(0, {"sequence": 0, "edited_at": "now", **message("x" * room)})
    assert len(stored.json) > MESSAGE_LIMIT
    assert stored.fields()["content"] == "x" * room
    for content in ("x" * (room + 1), "é" * (room // 2 + 1), "\x00" * (room // 6 + 1)):
        with pytest.raises(TooLarge):
            messages.encode(0, message(content))


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_json_cannot_carry(value: Any) -> None:
    with pytest.raises(Invalid):
        messages.encode(0, message(tool_calls=[{"a": value}]))


def test_what_the_sender_said_is_compared() -> None:
    said = message("a", tool_calls=[{"x": 1, "y": 2}])
    same = {"content": "a", "role": "user", "name": None, "tool_calls": [{"y": 2.0, "x": 1}], "sequence": 5}
    assert messages.equal(same, said)
    beside = {"created_at": "now", "message_id": "other", "edited_at": "then", "metadata": {"rating": 5}}
    assert messages.equal({**same, **beside}, said)
    for other in (message("b"), message("a"), message(None), message("a", tool_calls=[{"x": "1", "y": 2}])):
        assert not messages.equal(other, said)
    for empty in (message(""), message(None), {"role": "user"}, message(None, tool_calls=[])):
        assert messages.equal(empty, message(None))
    assert not messages.equal(message([]), message(None))


@pytest.mark.parametrize("metadata", [0, 32_000])
def test_no_item_is_larger_than_dynamodb_takes(metadata: int) -> None:
    """Also with the longest key, of which the parts leave room, and as many tool calls as are added."""
    user = "u" * 1_024
    stored = messages.encode(
        10**9,
        message(noise(900_000), metadata={"m": "m" * metadata}),
        bytes(8 * MAX_ATTACHED),
        epoch=10**9,
        usage=",".join(["9" * 15] * 3),
    )
    for item in stored.items(SessionKey(user, "s" * 64).at(10**10 - 1)):
        size = sum(len(name) + len(text) for name, value in item.items() for text in value.values())
        assert size <= 400 * 1024
