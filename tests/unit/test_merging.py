"""What an import takes for stored already, with any entries of others in between."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.errors import EntryUuidReused
from turnlog.records.entries import uuid_of, with_identities
from turnlog.records.merging import Merge
from turnlog.wire import digest, dumps, same

Fields = dict[str, Any]

# Few of each kind, so that they meet: of a uuid there is one content.
NAMED = st.sampled_from("abcdef").map(lambda uuid: {"uuid": uuid, "t": 1})
UNNAMED = st.sampled_from([{"t": "x"}, {"t": "y"}, {"uuid": 5}])
ENTRIES = st.lists(NAMED | UNNAMED, max_size=8)
MAX_STEP = st.integers(1, 3)


def merged(log: list[Fields], text: list[Fields], *, start: int = 0, most: int = 99) -> tuple[int, int]:
    """Append to the log what it lacks of the text; how many that are, and the position behind them."""
    entries = with_identities(text, b"")
    merge = Merge(entries, range(1, len(entries) + 1))
    added, end = 0, start
    while True:
        for position in range(end, len(log)):
            if merge.whole:
                return added, end
            merge.find(dumps(log[position]), position)
            end = position + 1
        if merge.whole:
            return added, end
        assert added < len(entries), "what was appended is not found"
        step = [entry.fields for entry in merge.missing(most)]
        log += step
        added += len(step)


def keys(entries: list[Fields]) -> Counter[bytes]:
    return Counter(map(dumps, entries))


@given(ENTRIES, ENTRIES.filter(bool), st.lists(UNNAMED, max_size=3), MAX_STEP)
def test_all_of_a_text_is_there_and_once_more_adds_nothing(
    log: list[Fields], text: list[Fields], others: list[Fields], most: int
) -> None:
    """What others append behind it changes neither."""
    before = list(log)
    added, _ = merged(log, text, most=most)
    assert log[: len(before)] == before
    assert added == len(log) - len(before)
    unnamed = keys([one for one in text if uuid_of(one) is None])
    assert keys(log) >= unnamed
    named = [uuid_of(one) for one in text]
    assert all(uuid is None or uuid in [uuid_of(one) for one in log] for uuid in named)
    new = [uuid_of(one) for one in log[len(before) :]]
    assert all(uuid is None or uuid not in [uuid_of(one) for one in before] for uuid in new)
    log += others
    assert merged(log, text)[0] == 0


@given(ENTRIES, st.lists(st.tuples(ENTRIES.filter(bool), ENTRIES), min_size=1, max_size=4))
def test_a_text_in_steps_once_more_adds_nothing(
    log: list[Fields], steps: list[tuple[list[Fields], list[Fields]]]
) -> None:
    """Each step from where the one before it ended, with entries of others between them."""
    seen: set[str | None] = set()
    texts: list[list[Fields]] = []
    for text, _ in steps:  # a client passes over what came in an earlier step
        kept = [one for one in text if uuid_of(one) is None or uuid_of(one) not in seen]
        seen |= {uuid_of(one) for one in kept}
        texts.append(kept)
    start = 0
    for text, (_, others) in zip(texts, steps, strict=True):
        if text:
            _, start = merged(log, text, start=start)
        log += [one for one in others if uuid_of(one) is None]
    start = 0
    for text in texts:
        if text:
            added, start = merged(log, text, start=start)
            assert added == 0


def test_where_an_entry_without_a_uuid_is_found_again() -> None:
    a, b, x = {"uuid": "a"}, {"uuid": "b"}, {"t": "x"}
    for log, text, after in (
        ([x], [x, a], [x, a]),
        ([x], [a, x], [x, a, x]),  # it comes behind `a`, which comes behind what is there
        ([a, x, b], [a, b, x], [a, x, b, x]),
        ([a, b, x], [a, x, b], [a, b, x]),
        ([b], [x, a, b, x], [b, x, a, x]),
        ([x, x], [x], [x, x]),
        ([x], [x, x], [x, x]),
    ):
        merged(log, text)
        assert log == after
        assert merged(log, text)[0] == 0


def test_one_uuid_with_two_contents() -> None:
    merge = Merge(with_identities([{"t": 1}, {"uuid": "a", "n": 1}], b""), [1, 7])
    assert not merge.find(b'{"uuid":"b","n":1}', 0)
    with pytest.raises(EntryUuidReused, match="line 7: the entry at position 4") as raised:
        merge.find(b'{"uuid":"a","n":2}', 4)
    assert raised.value.extra == {"position": 4, "line": 7}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 0.0, -0.0, 1, 1.0, 2**53, 2**53 + 1, 10**400, 1e300, "", "0", "a\ud83d", "{'a'"])
    | st.text("a'\"", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("a'\",", max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(JSON, min_size=2, max_size=6))
def test_a_digest_is_equal_where_values_are_the_same(values: list[Any]) -> None:
    for one in values:
        for other in values:
            assert (digest(one) == digest(other)) == same(one, other), (one, other)


def test_a_digest_of_what_is_nested_deep() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = {"a": [deep]}
    assert len({digest(deep), digest({"a": [deep]}), digest({**deep, "b": None})}) == 2
    assert len({digest(one) for one in (0, 0.0, -0.0)}) == 1
    assert len({digest(one) for one in (1, True, "1", None, [1])}) == 5
