"""G2, G7: an entry with a uuid is stored once; one without is stored once by the request that brought it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError

from infra.local.lambdas import Context
from tests.functional.test_transcripts import some, texts
from tests.functional.world import first, hook, lost_reply, sent_twice, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.api import Api


def test_the_same_entries_twice(api: Api) -> None:
    session_id = api.new()
    once = api.entries(session_id, "main", *some("a", "b"))
    api.entries(session_id, "main", *some("c"))
    again = api.entries(session_id, "main", *some("a", "b"))
    assert (once.status, again.status) == (201, 200)
    assert again.body == {**once.body, "replayed": True, "entry_count": 3}
    version = api.get(session_id).body["version"]
    api.entries(session_id, "main", *some("c", "a"))
    assert api.get(session_id).body["version"] == version
    assert texts(api.transcript(session_id, "main")) == ["a", "b", "c"]


def test_a_batch_of_which_a_part_is_there_stores_the_rest(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("b", "d"))
    reply = api.entries(session_id, "main", *some("a", "b", "c", "d"))
    assert (reply.status, reply.body["replayed"]) == (201, False)
    assert (reply.body["first_position"], reply.body["last_position"]) == (0, 3)
    assert texts(api.transcript(session_id, "main")) == ["b", "d", "a", "c"]


def test_a_repeat_is_deep_equal_not_byte_equal(api: Api) -> None:
    session_id = api.new()
    path = f"/sessions/{session_id}/transcripts/main"
    for text in (
        b'{"uuid": "a", "n": 1, "m": {"x": [1.0], "y": "\xc3\xa4"}}',
        b'{"m": {"y": "\\u00e4"  ,"x": [1]}',
    ):
        entry = text if text.endswith(b"}}") else text + b', "uuid": "a", "n": 1.0}'
        reply = api.call("POST", path, raw=b'{"entries": [' + entry + b"]}")
        assert reply.status in {200, 201}
    assert reply.body["replayed"]


@pytest.mark.parametrize(
    "changed", [{"n": 2}, {"n": True}, {"n": "1"}, {"n": 1, "m": 0}, {}, {"n": [1]}, {"n": {"1": 1}}]
)
def test_the_same_uuid_with_other_content(api: Api, changed: dict[str, Any]) -> None:
    session_id = api.new()
    api.entries(session_id, "main", {}, {"uuid": "a", "n": 1})
    reused = api.entries(session_id, "main", {"uuid": "new"}, {"uuid": "a", **changed})
    assert reused.problem(409, "entry_uuid_reused")["position"] == 1
    assert api.transcript(session_id, "main").body["entry_count"] == 2
    assert api.entries(session_id, "main", {"uuid": "new"}).status == 201


def test_without_a_uuid_nothing_is_a_repeat(api: Api) -> None:
    session_id = api.new()
    for _ in range(3):
        assert api.entries(session_id, "main", {"t": "a"}, {"t": "a", "uuid": None}).status == 201
    assert texts(api.transcript(session_id, "main")) == ["a"] * 6


def test_a_batch_with_an_id_is_a_repeat_whatever_is_in_it(api: Api) -> None:
    session_id = api.new()
    mixed = [{"t": "a"}, {"t": "b", "uuid": "b"}, {"t": "a"}]
    once = api.entries(session_id, "main", *mixed, batch_id="1")
    api.entries(session_id, "main", *some("c"))
    again = api.entries(session_id, "main", *mixed, batch_id="1")
    assert (once.status, again.status) == (201, 200)
    assert again.body == {**once.body, "replayed": True, "entry_count": 4}
    assert api.entries(session_id, "other", *mixed, batch_id="1").status == 201
    # Another batch of the same content is no repeat: but for the entry with a uuid.
    other = api.entries(session_id, "main", *mixed, batch_id="2")
    assert (other.status, other.body["entry_count"]) == (201, 6)
    assert texts(api.transcript(session_id, "main")) == ["a", "b", "a", "c", "a", "a"]
    assert api.entries(session_id, "main", *mixed, batch_id="2").status == 200


def test_an_id_of_a_batch_with_other_content(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", {"t": "a"}, {"t": "b"}, batch_id="1")
    for others in ([{"t": "x"}], [{"t": "a"}, {"t": "x"}], [{"t": "a"}, {"t": "b", "n": 1}, {"t": "c"}]):
        api.entries(session_id, "main", *others, batch_id="1").problem(409, "entry_uuid_reused")
    for no_id in ("", "x" * 65, 1):
        api.entries(session_id, "main", {"t": "a"}, batch_id=no_id).problem(422, "invalid")
    assert texts(api.transcript(session_id, "main")) == ["a", "b"]


def test_a_repeat_of_a_large_batch_leaves_its_object(api: Api) -> None:
    session_id = api.new()
    large = [{"t": "a", "noise": os.urandom(600_000).hex()}, {"t": "b"}]
    for status in (201, 200):
        assert api.entries(session_id, "main", *large, batch_id="1").status == status
    assert api.transcript(session_id, "main").body["entries"] == large


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("fault", [lost_reply, sent_twice])
def test_after_a_lost_reply(api: Api, *, named: bool, fault: Callable[[str], Any]) -> None:
    """The first answer says that it was stored, not that it was a replay; once, with a uuid and without."""
    session_id = api.new()
    api.entries(session_id, "main", *some("zero"))
    entries = [{**entry} if named else {"t": entry["t"]} for entry in some("a", "b")]
    with fault("TransactWriteItems"):
        reply = api.entries(session_id, "main", *entries)
    assert (reply.status, reply.body["replayed"]) == (201, False)
    assert (reply.body["first_position"], reply.body["last_position"]) == (1, 2)
    assert texts(api.transcript(session_id, "main")) == ["zero", "a", "b"]


@pytest.mark.parametrize("named", [True, False])
def test_a_lost_reply_is_found_behind_more_entries_than_the_ring_holds(api: Api, *, named: bool) -> None:
    session_id = api.new()
    mine = {"uuid": "mine", "t": "mine"} if named else {"t": "mine"}

    def others() -> None:
        for batch in range(2):
            entries = some(*(f"{batch}.{at}" for at in range(400)))
            assert api.entries(session_id, "main", *entries).status == 201

    with lost_reply("TransactWriteItems", others):
        reply = api.entries(session_id, "main", mine)
    assert (reply.status, reply.body["first_position"], reply.body["replayed"]) == (201, 0, False)
    read = api.transcript(session_id, "main").body
    assert read["entry_count"] == 801
    assert [entry["t"] for entry in read["entries"]].count("mine") == 1


def test_another_says_the_same_where_a_try_was_lost(api: Api) -> None:
    """An entry without a uuid: what stands at the place of the lost try is another's, and both are stored."""
    session_id = api.new()
    said: dict[str, Any] = {"type": "mode", "mode": "default"}
    api.entries(session_id, "main", {})
    pending = [True]

    def lose(**_: Any) -> None:
        if pending:
            pending.pop()
            api.entries(session_id, "main", said)
            raise ConnectionClosedError(endpoint_url="the table")

    with hook("before-send.dynamodb.TransactWriteItems", lose):
        mine = api.entries(session_id, "main", said)
    assert (mine.status, mine.body["first_position"]) == (201, 2)
    assert api.transcript(session_id, "main").body["entries"] == [{}, said, said]


def test_known_among_the_newest_512(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("a", "b"))
    api.entries(session_id, "main", *some(*(str(at) for at in range(500))))
    api.entries(session_id, "main", *some(*(str(at) for at in range(500, 511))))
    assert api.entries(session_id, "main", *some("b")).body["replayed"]
    assert api.transcript(session_id, "main").body["entry_count"] == 513


def test_deleted_while_it_is_not_known_whether_it_was_stored(api: Api) -> None:
    """The append may have been applied and deleted: it is neither acknowledged nor stored again."""
    session_id = api.new()
    path = f"/sessions/{session_id}/transcripts/main"
    with lost_reply("TransactWriteItems", lambda: api.call("DELETE", path)):
        reply = api.entries(session_id, "main", *some("a"))
    reply.problem(503, "unavailable")
    api.transcript(session_id, "main").problem(404, "not_found")


def test_delete_after_a_lost_reply(api: Api) -> None:
    session_id = api.new()
    path = f"/sessions/{session_id}/transcripts/main"
    for fault in (lost_reply, sent_twice):
        api.entries(session_id, "main", *some("a"))
        with fault("TransactWriteItems"):
            assert api.call("DELETE", path).status == 204
        api.transcript(session_id, "main").problem(404, "not_found")


def test_delete_does_not_take_what_began_anew(api: Api) -> None:
    session_id = api.new()
    path = f"/sessions/{session_id}/transcripts/main"
    api.entries(session_id, "main", *some("a"))

    def another() -> None:
        assert api.call("DELETE", path).status == 204
        assert api.entries(session_id, "main", *some("b")).status == 201

    with first("TransactWriteItems", another):
        api.call("DELETE", path).problem(404, "not_found")
    assert texts(api.transcript(session_id, "main")) == ["b"]


def test_the_table_does_not_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = api.new()
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 2_000)
    with unreachable("TransactWriteItems"):
        api.entries(session_id, "main", *some("a")).problem(503, "unavailable")
    api.transcript(session_id, "main").problem(404, "not_found")
    assert api.entries(session_id, "main", *some("a")).body["first_position"] == 0
