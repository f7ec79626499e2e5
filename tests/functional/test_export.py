"""The history as Chat Completions messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.functional.api import Api, assistant, user

if TYPE_CHECKING:
    import pytest


def call(name: str) -> dict[str, object]:
    return {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}


def test_every_role_has_its_own_fields(api: Api) -> None:
    everything = {
        "name": "n",
        "tool_call_id": "t",
        "refusal": "r",
        "tool_calls": [call("c")],
        "function_call": {"name": "f", "arguments": "{}"},
    }
    roles = ("system", "developer", "user", "assistant", "tool", "function")
    session_id = api.new(*[{"role": role, "content": role, **everything} for role in roles])
    reply = api.export(session_id)
    assert reply.status == 200
    assert reply.body["messages"] == [
        {"role": "system", "content": "system", "name": "n"},
        {"role": "developer", "content": "developer", "name": "n"},
        {"role": "user", "content": "user", "name": "n"},
        {
            "role": "assistant",
            "content": "assistant",
            "name": "n",
            "refusal": "r",
            "tool_calls": [call("c")],
            "function_call": {"name": "f", "arguments": "{}"},
        },
        {"role": "tool", "content": "tool", "tool_call_id": "t"},
        {"role": "function", "content": "function", "name": "n"},
    ]


def test_bare_messages(api: Api) -> None:
    """`tool` without content or id exports as empty strings."""
    roles = ("system", "developer", "user", "assistant", "tool", "function")
    session_id = api.new(*[{"role": role} for role in roles])
    assert api.export(session_id).body == {
        "messages": [
            {"role": "system", "content": ""},
            {"role": "developer", "content": ""},
            {"role": "user", "content": ""},
            {"role": "assistant", "content": ""},
            {"role": "tool", "content": "", "tool_call_id": ""},
            {"role": "function", "content": None, "name": ""},
        ],
        "has_more": False,
    }


def test_consecutive_assistant_messages_are_one(api: Api) -> None:
    session_id = api.new(
        assistant("one", tool_calls=[call("a")]),
        assistant("two"),
        assistant("", tool_calls=[call("b"), call("c")]),
        assistant(None),
        assistant("three\nlines"),
        {"role": "tool", "content": "done", "tool_call_id": "a"},
        assistant("after"),
        user("q"),
        assistant("", tool_calls=[call("d")]),
        assistant("late"),
    )
    calls = [call("a"), call("b"), call("c")]
    assert api.export(session_id).body["messages"] == [
        {"role": "assistant", "content": "one\ntwo\nthree\nlines", "tool_calls": calls},
        {"role": "tool", "content": "done", "tool_call_id": "a"},
        {"role": "assistant", "content": "after"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "late", "tool_calls": [call("d")]},
    ]
    # What is stored stays as it is.
    assert len(api.contents(session_id)) == 10


def test_malformed_tool_calls_are_skipped_with_a_warning(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    malformed = [
        {"type": "function", "function": {"name": "no-id", "arguments": "{}"}},
        {"id": "", "function": {"name": "empty-id"}},
        {"id": "no-function"},
        {"id": "text", "function": "f"},
        {"id": "list", "function": ["f"]},
        {"id": "no-name", "function": {"arguments": "{}"}},
        {"id": "empty-name", "function": {"name": ""}},
        {"id": "null-name", "function": {"name": None}},
    ]
    short = {"id": "short", "function": {"name": "f"}}
    session_id = api.new(
        assistant("a", tool_calls=[malformed[0], call("good"), *malformed[1:], short]),
        user("q"),
        assistant("b", tool_calls=malformed[:1]),
    )
    caplog.clear()
    exported = api.export(session_id).body["messages"]
    whole = {"id": "short", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert exported == [
        {"role": "assistant", "content": "a", "tool_calls": [call("good"), whole]},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "b"},
    ]
    (warning,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert warning.__dict__["skipped"] == 9
    caplog.clear()
    api.export(api.new(assistant("a", tool_calls=[call("good")])))
    assert "WARNING" not in {record.levelname for record in caplog.records}


def test_nothing_and_nowhere(api: Api) -> None:
    assert api.export(api.new()).body == {"messages": [], "has_more": False}
    api.export("nothing").problem(404, "not_found")
