from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from turnlog.records import head as heads
from turnlog.records.head import Head
from turnlog.records.keys import GenerationKey, SessionKey

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HEADS = st.builds(
    Head,
    key=st.builds(
        GenerationKey, st.builds(SessionKey, TEXT.filter(bool), st.just("s")), st.integers(0, 10**9)
    ),
    version=st.integers(0, 10**9),
    message_count=st.integers(0, 10**9),
    edits=st.integers(0, 10**9),
    forking=st.none(),
    title=st.none() | TEXT,
    started_at=TEXT,
    updated_at=TEXT,
    metadata=st.dictionaries(TEXT, st.none() | st.integers() | TEXT).map(json.dumps),
    ring=st.binary(max_size=512),
    token=st.binary(max_size=16),
)


@given(HEADS)
def test_a_head_comes_back_from_the_cache_and_from_the_table(head: Head) -> None:
    assert heads.load(head.dump()) == head
    assert heads.from_item(head.item()) == head


@given(HEADS)
def test_a_head_in_the_cache_may_be_another_releases(head: Head) -> None:
    later = json.dumps({**json.loads(head.dump()), "a_new_field": 1}).encode()
    assert heads.load(later) == head


def test_an_unfinished_fork_is_no_session_and_in_no_list() -> None:
    head = Head(SessionKey("u", "s").at(0), version=3, forking="[]", ring=b"r", token=b"t")
    assert not head.live
    item = head.item()
    assert heads.from_item(item) == head
    assert not item.keys() & {"n", "GSI1PK", "GSI1SK"}


def test_a_tombstone_is_not_live() -> None:
    key = SessionKey("u", "s")
    item = {**key.head, "deleted_at": {"S": "now"}, "version": {"N": "3"}}
    head = heads.from_item(item)
    assert (head.live, head.version, head.message_count) == (False, 3, 0)
    assert Head(key.at(0)).live
