"""G2: a batch is known again as a whole, as long as the ring knows any of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.api import Api, user
from tests.functional.world import counted, lost_reply

USAGE = {"prompt_tokens": 5}


def batch_of(count: int) -> list[Any]:
    return [user(str(number), message_id=f"m{number}") for number in range(count)]


def others(api: Api, session_id: str, count: int) -> None:
    for at in range(0, count, 99):
        api.append(session_id, *[user("other")] * min(99, count - at))


@pytest.mark.thorough
@pytest.mark.parametrize(("size", "between"), [(99, 30), (99, 40), (99, 127), (20, 109), (2, 127)])
def test_a_batch_after_others(api: Api, size: int, between: int) -> None:
    session_id, batch = api.new(user("first")), batch_of(size)
    once = api.append(session_id, *batch, usage=USAGE)
    others(api, session_id, between)
    again = api.append(session_id, *batch, usage=USAGE)
    assert (again.status, again.body["replayed"]) == (200, True)
    assert again.body["messages"] == once.body["messages"]
    session = api.get(session_id, limit=0).body
    assert (session["message_count"], session["usage"]["prompt_tokens"]) == (1 + size + between, 5)


@pytest.mark.thorough
def test_a_batch_that_was_stored_in_two_parts(api: Api) -> None:
    session_id, batch = api.new(), batch_of(60)
    api.append(session_id, *batch[:20])
    others(api, session_id, 30)
    api.append(session_id, *batch)
    others(api, session_id, 100)
    assert api.append(session_id, *reversed(batch)).body["replayed"] is True
    assert api.get(session_id, limit=0).body["message_count"] == 190


def test_a_batch_that_the_ring_has_forgotten_is_new(api: Api) -> None:
    session_id, batch = api.new(), batch_of(3)
    api.append(session_id, *batch)
    others(api, session_id, 128)
    assert api.append(session_id, *batch).body["first_sequence"] == 131


@pytest.mark.thorough
def test_a_batch_with_more_behind_it_whose_reply_is_lost(api: Api) -> None:
    """What the first try knew, the second knows, though what the first one stored has filled the ring."""
    session_id, batch = api.new(), batch_of(99)
    api.append(session_id, *batch[:50], usage=USAGE)
    others(api, session_id, 127)
    with lost_reply("TransactWriteItems"):
        both = api.append(session_id, *batch, usage=USAGE).body
    assert [both["messages"][at]["sequence"] for at in (0, 49, 50, 98)] == [0, 49, 177, 225]
    session = api.get(session_id, limit=0).body
    assert (session["message_count"], session["usage"]["prompt_tokens"]) == (226, 10)


def test_entries_with_more_behind_them_whose_reply_is_lost(api: Api) -> None:
    session_id = api.new()
    entries = [{"uuid": f"u{number}"} for number in range(500)]
    api.entries(session_id, "main", *entries[:100])
    for count in (500, 11):
        api.entries(session_id, "main", *[{"other": 1}] * count)
    with lost_reply("TransactWriteItems"):
        both = api.entries(session_id, "main", *entries).body
    assert both == {"first_position": 0, "last_position": 1010, "entry_count": 1011, "replayed": False}


@pytest.mark.thorough
def test_other_content_beside_a_known_one(api: Api) -> None:
    session_id, batch = api.new(), batch_of(99)
    api.append(session_id, *batch)
    others(api, session_id, 100)
    changed = [{**batch[0], "content": "changed"}, *batch[1:]]
    assert api.append(session_id, *changed).problem(409, "message_id_reused")["sequence"] == 0
    assert api.get(session_id, limit=0).body["message_count"] == 199


def test_only_a_replay_looks_beside_what_it_finds(api: Api) -> None:
    session_id, batch = api.new(), batch_of(50)
    api.append(session_id, *batch)
    others(api, session_id, 100)
    with counted() as requests:
        api.append(session_id, *batch)
    # The head as it is; what the ring knows; the marks beside that; and what they name.
    assert requests == ["GetItem", "Query", "Query", "Query"]
    with counted() as requests:
        api.append(session_id, user("new"))
    assert requests == ["TransactWriteItems"]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("between", [40, 511])
def test_entries_after_others(api: Api, between: int, *, named: bool) -> None:
    session_id = api.new()
    entries = [{"n": number} | ({"uuid": f"u{number}"} if named else {}) for number in range(500)]
    entries[7] = {"n": 7, "uuid": "seven"}
    once = api.entries(session_id, "main", *entries, batch_id="b")
    for at in range(0, between, 500):
        api.entries(session_id, "main", *[{"other": 1}] * min(500, between - at))
    again = api.entries(session_id, "main", *entries, batch_id="b")
    expected = once.body | {"replayed": True, "entry_count": 500 + between}
    assert (again.status, again.body) == (200, expected)


def test_entries_of_another_content_beside_a_known_one(api: Api) -> None:
    session_id = api.new()
    entries = [{"n": number} for number in range(500)]
    api.entries(session_id, "main", *entries, batch_id="b")
    api.entries(session_id, "main", *[{"other": 1}] * 100)
    entries[0] = {"n": -1}
    api.entries(session_id, "main", *entries, batch_id="b").problem(409, "entry_uuid_reused")
    assert api.transcript(session_id, "main", limit=1).body["entry_count"] == 600


@pytest.mark.parametrize("lines", [("a", "b", "c"), ("tick", "tick", "tick")])
def test_a_batch_that_has_become_longer(api: Api, lines: tuple[str, ...]) -> None:
    """Under its id only what is new is stored, and each entry keeps its place."""
    session_id = api.new()
    entries = [{"t": line} for line in lines]
    api.entries(session_id, "main", *entries[:2], batch_id="b")
    for replayed in (False, True, True):
        reply = api.entries(session_id, "main", *entries, batch_id="b").body
        assert reply == {"first_position": 0, "last_position": 2, "entry_count": 3, "replayed": replayed}
