"""A tool call joins the current turn's assistant message: the last one after the last user message."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, Message, assistant, user
from tests.functional.world import first

if TYPE_CHECKING:
    from tests.functional.world import TableView


def call(name: str) -> Message:
    return {"id": name, "type": "function", "function": {"name": name, "arguments": '{"a": 1}'}}


def tool(content: str) -> Message:
    return {"role": "tool", "content": content, "tool_call_id": "x"}


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ([user("q"), assistant("a")], 1),
        ([user("q"), assistant("a"), assistant("b")], 2),
        ([user("q"), assistant("a"), tool("t"), tool("t")], 1),
        ([assistant("a")], 0),
        ([user("q"), assistant("a"), {"role": "system", "content": "s"}], 1),
        ([user("p"), assistant("a"), user("q"), assistant("b")], 3),
        ([user("q"), assistant("a"), *[tool(str(number)) for number in range(70)]], 1),
    ],
)
def test_it_joins_the_last_assistant_message_of_the_turn(api: Api, log: list[Message], expected: int) -> None:
    session_id = api.new(*log)
    reply = api.tool_call(session_id, call("c"))
    messages = api.get(session_id).body["messages"]
    assert (reply.status, len(messages)) == (200, len(log))
    assert reply.body["message"] == messages[expected]
    assert messages[expected]["tool_calls"] == [call("c")]
    assert [at for at, message in enumerate(messages) if "tool_calls" in message] == [expected]


@pytest.mark.parametrize(
    "log", [[], [user("q")], [user("p"), assistant("a"), user("q")], [user("q"), tool("t")]]
)
def test_it_makes_a_message_where_the_turn_has_none(api: Api, log: list[Message]) -> None:
    session_id = api.new(*log)
    reply = api.tool_call(session_id, call("c"))
    message = api.get(session_id).body["messages"][-1]
    assert reply.body["message"] == message
    assert (message["role"], message["content"], message["sequence"]) == ("assistant", "", len(log))
    assert message["tool_calls"] == [call("c")]
    api.tool_call(session_id, call("d"))
    assert api.get(session_id).body["message_count"] == len(log) + 1


def test_it_is_added_behind_those_that_are_there(api: Api) -> None:
    session_id = api.new(user("q"), assistant("a", tool_calls=[call("one")], name="n"))
    before = api.get(session_id).body
    for name in ("two", "three"):
        api.tool_call(session_id, call(name))
    session = api.get(session_id).body
    expected = {**before["messages"][1], "tool_calls": [call("one"), call("two"), call("three")]}
    assert session["messages"] == [before["messages"][0], expected]
    assert (session["version"], session["usage"]) == (3, before["usage"])


@pytest.mark.parametrize("log", [[user("q"), assistant("a")], [user("q")]])
def test_one_with_an_id_that_is_there_is_a_replay(api: Api, log: list[Message]) -> None:
    session_id = api.new(*log)
    once = api.tool_call(session_id, call("c"))
    again = api.tool_call(session_id, call("c"))
    assert (again.status, again.body) == (200, once.body)
    api.append(session_id, tool("done"), user("next"), assistant("b"))
    late = api.tool_call(session_id, call("c"))
    assert (late.status, late.body) == (200, once.body)
    calls = [one.get("tool_calls") for one in api.get(session_id).body["messages"]]
    assert sum(bool(one) for one in calls) == 1


def test_one_without_an_id_is_new_each_time(api: Api) -> None:
    session_id = api.new(user("q"))
    for expected in (1, 2):
        reply = api.tool_call(session_id, {"function": {"name": "f"}})
        assert len(reply.body["message"]["tool_calls"]) == expected


@pytest.mark.parametrize("log", [[user("q"), assistant("a")], [user("q")], []])
def test_two_at_once_are_both_kept(api: Api, log: list[Message]) -> None:
    """Whether they join a message or each would make one: the later finds the earlier's."""
    session_id = api.new(*log)
    with first("TransactWriteItems", lambda: api.tool_call(session_id, call("faster"))):
        reply = api.tool_call(session_id, call("slower"))
    message = api.get(session_id).body["messages"][-1]
    assert reply.body["message"] == message
    assert message["tool_calls"] == [call("faster"), call("slower")]


def test_the_same_one_twice_at_once_is_kept_once(api: Api) -> None:
    session_id = api.new(user("q"), assistant("a"))
    with first("TransactWriteItems", lambda: api.tool_call(session_id, call("c"))):
        reply = api.tool_call(session_id, call("c"))
    assert reply.body["message"]["tool_calls"] == [call("c")]
    assert api.get(session_id).body["messages"][1]["tool_calls"] == [call("c")]


def test_an_append_at_the_same_time_is_kept(api: Api) -> None:
    session_id = api.new(user("q"), assistant("a"))
    with first("TransactWriteItems", lambda: api.append(session_id, user("next"))):
        reply = api.tool_call(session_id, call("c"))
    # The turn has moved on, and the call with it.
    assert reply.body["message"]["sequence"] == 3
    assert api.contents(session_id) == ["q", "a", "next", ""]


@pytest.mark.thorough
def test_many_at_once(api: Api) -> None:
    session_id = api.new(user("q"))
    names = [f"c{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda name: api.tool_call(session_id, call(name)), names))
    assert [reply.status for reply in replies] == [200] * 8
    session = api.get(session_id).body
    assert session["message_count"] == 2
    assert sorted(one["id"] for one in session["messages"][1]["tool_calls"]) == names
    api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.get(session_id).body == session


@pytest.mark.parametrize("given", [{}, None, [], "f", {"id": "c", "n": {"a": [1]}, "\x00": "\x00"}])
def test_what_a_tool_call_may_be(api: Api, given: Any) -> None:
    session_id = api.new(user("q"))
    reply = api.tool_call(session_id, given)
    if isinstance(given, dict) and given:
        assert reply.body["message"]["tool_calls"] == [given]
    else:
        reply.problem(422, "invalid")
        assert api.get(session_id).body["message_count"] == 1


def test_to_a_session_that_is_not_there(api: Api, table: TableView) -> None:
    api.tool_call("nothing", call("c")).problem(404, "not_found")
    assert not table.owned(api.user)
