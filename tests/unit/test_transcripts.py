"""Transcripts as items, their names and keys, and what equal means."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.errors import Invalid
from turnlog.records import transcripts
from turnlog.records.keys import (
    TRANSCRIPT_NAME_PATTERN,
    SessionKey,
    TranscriptKey,
    parse_batch_sort_key,
    parse_object_generation,
    transcript_name,
)
from turnlog.wire import dumps, same

SESSION = SessionKey("alice", "s")
KEY = TranscriptKey(SESSION.at(0), "sub/a")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.text("ab.-_/#!~\n ", max_size=12))
def test_a_name_is_segments_of_which_none_is_a_dot_or_two(name: str) -> None:
    segments = name.split("/")
    good = all(re.fullmatch(r"[A-Za-z0-9._-]+", one) and one not in {".", ".."} for one in segments)
    if good:
        assert transcript_name(SESSION, name).name == name
        assert re.search(TRANSCRIPT_NAME_PATTERN, name)
    else:
        with pytest.raises(Invalid):
            transcript_name(SESSION, name)


def test_a_long_name() -> None:
    assert transcript_name(SESSION, "a" * 255)
    with pytest.raises(Invalid):
        transcript_name(SESSION, "a" * 256)


def test_no_key_begins_as_anothers_do() -> None:
    others = [
        TranscriptKey(SESSION.at(0), "sub"),
        TranscriptKey(SESSION.at(0), "sub/a/b"),
        TranscriptKey(SESSION.at(0), "sub/a.000000"),
        TranscriptKey(SessionKey("alice", "s2").at(0), "sub/a"),
        TranscriptKey(SessionKey("alice#SESSION#s", "s").at(0), "sub/a"),
        TranscriptKey(SESSION.at(1), "sub/a"),
    ]
    for other in others:
        assert not other.objects.startswith(KEY.objects)
        own = KEY.batch_sort_key(0), KEY.session.partition
        assert not (other.batch_sort_key(0, 0).startswith(own[0]) and other.session.partition == own[1])
    assert parse_object_generation(KEY, f"{KEY.objects}000012!ab-0-1") == 12
    longest = TranscriptKey(SessionKey("ä" * 170, "s" * 64).at(10**10 - 1), "n" * 255)
    assert len(f"{longest.objects}000000!{'f' * 32}-9999-500".encode()) <= 1_024


def test_batches_sort_by_generation_and_position() -> None:
    keys = [KEY.batch_sort_key(g, p) for g in (0, 1, 10, 999_999) for p in (0, 9, 10, 10**10 - 1)]
    assert keys == sorted(keys)
    assert parse_batch_sort_key(keys[2]) == 10
    assert KEY.batch_sort_key(1) < KEY.batch_sort_key(1, 0)
    assert KEY.batch_sort_key(1) > KEY.batch_sort_key(0, 10**10 - 1)


def test_heads_come_back_from_their_items() -> None:
    new = transcripts.begun(KEY, None)
    grown = new.grown(["a", "b"], 2, 10, "2026").grown(["c"], 1, 5, "2025")
    assert (grown.length, grown.size, grown.updated_at, len(grown.ring)) == (3, 15, "2026", 12)
    tombstone = grown.buried("2027", b"token")
    assert not tombstone.live
    assert tombstone.length == 0
    for head in (grown, tombstone):
        assert transcripts.from_item(head.item()) == head
    assert tombstone.item().keys() == {"PK", "SK", "generation", "token", "deleted_at"}
    anew = transcripts.begun(KEY, tombstone)
    assert (anew.generation, anew.length, anew.ring, anew.live) == (1, 0, b"", False)
    assert transcripts.begun(KEY, grown) == grown


def test_the_ring_holds_a_whole_batch() -> None:
    head = transcripts.begun(KEY, None).grown(map(str, range(700)), 700, 0, "")
    assert len(head.ring) == 512 * 4


@given(JSON, JSON)
def test_equal_is_as_json_has_it(one: Any, other: Any) -> None:
    assert same(one, one)
    assert same(one, other) == same(other, one)
    if dumps(one) == dumps(other):
        assert same(one, other)
