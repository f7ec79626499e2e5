"""PUT: what is stored must match and is not written again; what is new is appended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, Message, assistant, user
from tests.functional.world import counted, first, lost_reply

if TYPE_CHECKING:
    from tests.functional.world import TableView


def numbered(end: int, start: int = 0) -> list[Message]:
    return [user(f"m{number}") for number in range(start, end)]


def contents(end: int, start: int = 0) -> list[str]:
    return [f"m{number}" for number in range(start, end)]


def test_put_creates(api: Api) -> None:
    reply = api.put("new", messages=numbered(2), title="t", metadata={"a": 1}, usage={"prompt_tokens": 2})
    assert (reply.status, reply.etag) == (201, '"1"')
    assert (reply.body["title"], reply.body["message_count"]) == ("t", 2)
    assert (reply.body["metadata"], reply.body["usage"]["total_tokens"]) == ({"a": 1}, 2)
    assert api.contents("new") == contents(2)
    assert api.list().body["total"] == 1


def test_put_without_anything_creates_an_empty_session(api: Api) -> None:
    assert api.put("new").status == 201
    assert api.contents("new") == []


def test_put_appends_what_is_new(api: Api) -> None:
    session_id = api.new(*numbered(3))
    before = api.get(session_id).body["messages"]
    reply = api.put(session_id, messages=numbered(5))
    assert (reply.status, reply.body["message_count"], reply.body["version"]) == (200, 5, 2)
    assert api.get(session_id).body["messages"][:3] == before
    assert api.contents(session_id) == contents(5)


def test_put_again_changes_nothing(api: Api) -> None:
    body: dict[str, Any] = {"messages": numbered(3), "title": "t", "usage": {"prompt_tokens": 1}}
    api.put("s", **body)
    before = api.get("s").body
    for again in (body, {"messages": numbered(1)}, {"messages": numbered(2, 1), "start_sequence": 1}, {}):
        with counted() as requests:
            assert api.put("s", **again).status == 200
        assert "TransactWriteItems" not in requests
    assert api.get("s").body == before


def test_put_from_a_sequence_on(api: Api) -> None:
    session_id = api.new(*numbered(3))
    assert api.put(session_id, start_sequence=3, messages=numbered(5, 3)).status == 200
    assert api.put(session_id, start_sequence=4, messages=numbered(6, 4)).status == 200
    assert api.contents(session_id) == contents(6)


@pytest.mark.parametrize(
    ("start", "messages", "sequence"),
    [
        (0, [user("m0"), user("other")], 1),
        (0, [assistant("m0")], 0),
        (0, [*numbered(2), user("other"), user("m3")], 2),
        (2, [user("m1")], 2),
        (2, [user("m2", message_id="other")], 2),
        (4, [user("m4")], 3),
        (10, [], 3),
    ],
)
def test_diverged(api: Api, start: int, messages: list[Message], sequence: int) -> None:
    session_id = api.new(*numbered(3))
    before = api.get(session_id).body
    problem = api.put(session_id, start_sequence=start, messages=messages, title="t").problem(409, "diverged")
    assert (problem["sequence"], problem["message_count"]) == (sequence, 3)
    assert api.get(session_id).body == before


def test_a_gap_before_a_session_that_is_not_there(api: Api, table: TableView) -> None:
    problem = api.put("new", start_sequence=1, messages=numbered(2, 1)).problem(409, "diverged")
    assert (problem["sequence"], problem["message_count"]) == (0, 0)
    assert not table.owned(api.user)
    assert api.list().body["total"] == 0


def test_messages_as_they_came_back_from_get(api: Api) -> None:
    session_id = api.new(*numbered(2))
    api.append(session_id, assistant("a", message_id="own", tool_calls=[{"id": "c"}]))
    api.tool_call(session_id, {"id": "d"})
    session = api.get(session_id).body
    assert api.put(session_id, messages=[*session["messages"], user("next")]).status == 200
    got = api.get(session_id).body
    assert (got["messages"][:3], got["message_count"]) == (session["messages"], 4)
    api.put(session_id, start_sequence=1, messages=session["messages"]).problem(422, "invalid")
    assert api.put(session_id, start_sequence=1, messages=session["messages"][1:]).status == 200


def test_fields_that_are_given_replace_the_others_stay(api: Api) -> None:
    session_id = api.new(
        title="t",
        metadata={"a": 1, "b": {"c": 2}},
        credentials={"p": {"x": 1}},
        successful_agent_runs={"g": 1},
        usage={"prompt_tokens": 1},
    )
    reply = api.put(session_id, metadata={"b": {}}, usage={"completion_tokens": 4})
    session = reply.body
    assert (session["metadata"], session["title"], session["version"]) == ({"b": {}}, "t", 2)
    assert session["usage"] == {"prompt_tokens": 0, "completion_tokens": 4, "total_tokens": 4}
    assert (session["credentials"], session["successful_agent_runs"]) == ({"p": {"x": 1}}, {"g": 1})
    session = api.put(session_id, title="new", successful_agent_runs={}, messages=numbered(1)).body
    assert (session["title"], session["successful_agent_runs"], session["metadata"]) == ("new", {}, {"b": {}})
    assert session["usage"]["completion_tokens"] == 4
    assert {**api.get(session_id, limit=0).body, **session} == api.get(session_id, limit=0).body


@pytest.mark.thorough
def test_250_messages_in_steps(api: Api) -> None:
    assert api.put("s", messages=numbered(250)).status == 201
    assert api.contents("s") == contents(250)
    assert api.put("s", messages=numbered(500)).body["message_count"] == 500
    assert api.contents("s") == contents(500)


@pytest.mark.thorough
def test_a_put_whose_steps_were_cut_off_is_finished_by_the_same_put(api: Api) -> None:
    """As after a crash between two steps: the first step is there."""
    api.put("s", messages=numbered(97))
    reply = api.put("s", messages=numbered(300), title="t")
    assert (reply.status, reply.body["title"]) == (200, "t")
    assert api.contents("s") == contents(300)


@pytest.mark.thorough
def test_a_put_of_which_replies_are_lost(api: Api) -> None:
    for end in (120, 300):
        with lost_reply("TransactWriteItems"):
            assert api.put("s", messages=numbered(end)).status in {200, 201}
        assert api.contents("s") == contents(end)
    assert api.list().body["total"] == 1


def test_a_put_that_was_overtaken_by_the_same_put(api: Api) -> None:
    session_id = api.new(*numbered(2))
    with first("TransactWriteItems", lambda: api.put(session_id, messages=numbered(5))):
        assert api.put(session_id, messages=numbered(6)).status == 200
    assert api.contents(session_id) == contents(6)


def test_a_put_that_was_overtaken_by_another_message(api: Api) -> None:
    session_id = api.new(*numbered(2))
    with first("TransactWriteItems", lambda: api.append(session_id, user("theirs"))):
        problem = api.put(session_id, messages=numbered(4)).problem(409, "diverged")
    assert (problem["sequence"], problem["message_count"]) == (2, 3)
    assert api.contents(session_id) == ["m0", "m1", "theirs"]


def test_a_message_id_that_is_taken(api: Api) -> None:
    session_id = api.new(user("m0", message_id="a"))
    before = api.get(session_id).body
    reply = api.put(session_id, start_sequence=1, messages=[user("m1"), user("m2", message_id="a")])
    reply.problem(409, "message_id_reused")
    assert api.get(session_id).body == before


def test_message_ids_are_kept(api: Api) -> None:
    api.put("s", messages=[user("m0", message_id="a"), user("m1", message_id="b")])
    assert [one["message_id"] for one in api.get("s").body["messages"]] == ["a", "b"]
    assert api.append("s", user("m1", message_id="b")).body["replayed"] is True


@pytest.mark.parametrize("last", [user("x" * 5_100_000), user("x", tool_calls=[{"n": "INFINITE"}])])
def test_a_put_that_fails_writes_none_of_its_steps(api: Api, table: TableView, last: Message) -> None:
    raw = {"messages": [*numbered(150), last]}
    for session_id in ("new", api.new(*numbered(3))):
        before = table.session(api.user, session_id)
        reply = _with_infinity(api, session_id, raw)
        assert reply.status in {413, 422}
        after = table.session(api.user, session_id)
        assert after == before


def test_a_put_whose_later_message_bears_a_taken_id_writes_nothing(api: Api) -> None:
    session_id = api.new(*numbered(2), user("m2", message_id="a"))
    before = api.get(session_id).body
    reply = api.put(session_id, messages=[*numbered(200), user("again", message_id="a")])
    reply.problem(409, "message_id_reused")
    assert api.get(session_id).body == before


def _with_infinity(api: Api, session_id: str, body: Any) -> Any:
    import json  # noqa: PLC0415

    raw = json.dumps(body).replace('"INFINITE"', "1e999").encode()
    return api.call("PUT", f"/sessions/{session_id}", raw=raw)
