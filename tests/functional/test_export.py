"""The history as Chat Completions messages: what the API accepts, whatever is stored."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.world import configured

MISSING = "No result of this tool call is stored."
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}, **more}


def tool(name: str, content: str = "done", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "content": content, "tool_call_id": name, **more}


def exported(api: Api, *messages: dict[str, Any]) -> list[Any]:
    reply = api.export(api.new(*messages))
    assert reply.status == 200
    messages_out: list[Any] = reply.body["messages"]
    return messages_out


def test_every_role_has_its_own_fields(api: Api) -> None:
    everything = {"name": "n", "tool_call_id": "t", "refusal": "r", "tool_calls": [call("t")]}
    session_id = api.new(*[{"role": role, "content": role, **everything} for role in ROLES[:-1]])
    assert api.export(session_id).body == {
        "messages": [
            {"role": "system", "content": "system", "name": "n"},
            {"role": "developer", "content": "developer", "name": "n"},
            {"role": "user", "content": "user", "name": "n"},
            {
                "role": "assistant",
                "content": "assistant",
                "name": "n",
                "refusal": "r",
                "tool_calls": [call("t")],
            },
            {"role": "tool", "content": "tool", "tool_call_id": "t"},
        ],
        "has_more": False,
        "repairs": [],
    }


def test_bare_messages(api: Api) -> None:
    """A tool's result that answers no call is left out."""
    session_id = api.new(*[{"role": role} for role in ROLES])
    assert api.export(session_id).body == {
        "messages": [{"role": role, "content": ""} for role in ROLES[:4]],
        "has_more": False,
        "repairs": [
            {"sequence": at, "what": "left out: the result of an unknown tool call"} for at in (4, 5)
        ],
    }


def test_the_old_spelling_of_a_call(api: Api) -> None:
    """`function_call` and the role `function` are written as a tool's call and its result."""
    called = {"name": "f", "arguments": "{}"}
    assert exported(
        api, assistant(None, function_call=called), {"role": "function", "name": "f", "content": "4"}
    ) == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_0", "type": "function", "function": called}],
        },
        {"role": "tool", "tool_call_id": "call_0", "content": "4"},
    ]


def test_consecutive_assistant_messages_are_one(api: Api) -> None:
    session_id = api.new(
        assistant("one", tool_calls=[call("a")]),
        assistant("two"),
        assistant("", tool_calls=[call("b"), call("c")]),
        assistant(None),
        assistant("three\nlines"),
        tool("a"),
        assistant("after"),
        user("q"),
        assistant("", tool_calls=[call("d")]),
        assistant("late"),
    )
    calls = [call("a"), call("b"), call("c")]
    reply = api.export(session_id).body
    assert reply["messages"] == [
        {"role": "assistant", "content": "one\ntwo\nthree\nlines", "tool_calls": calls},
        tool("a"),
        tool("b", MISSING),
        tool("c", MISSING),
        {"role": "assistant", "content": "after"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "late", "tool_calls": [call("d")]},
        tool("d", MISSING),
    ]
    merged = [one["sequence"] for one in reply["repairs"] if "merged" in one["what"]]
    assert merged == [1, 2, 3, 4, 9]
    # What is stored stays as it is.
    assert len(api.contents(session_id)) == 10


def test_malformed_tool_calls_are_skipped_with_a_warning(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    malformed = [
        {"type": "function", "function": {"arguments": "{}"}},
        {"id": "", "function": {"name": ""}},
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
        tool("good"),
        tool("short"),
        user("q"),
        assistant("b", tool_calls=malformed[:1]),
    )
    caplog.clear()
    reply = api.export(session_id).body
    whole = {"id": "short", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert reply["messages"] == [
        {"role": "assistant", "content": "a", "tool_calls": [call("good"), whole]},
        tool("good"),
        tool("short"),
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "b"},
    ]
    assert [one["sequence"] for one in reply["repairs"]] == [0] * 8 + [4]
    (warning,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert warning.__dict__["skipped"] == 9
    caplog.clear()
    api.export(api.new(assistant("a", tool_calls=[call("good")])))
    assert "WARNING" not in {record.levelname for record in caplog.records}


A, B, Q = assistant("a", tool_calls=[call("c")]), assistant("b", tool_calls=[call("d")]), user("q")
SAID = {"role": "assistant", "content": "a", "tool_calls": [call("c")]}
SAID_B = {"role": "assistant", "content": "b", "tool_calls": [call("d")]}
ASKED = {"role": "user", "content": "q"}
PAIRED: dict[str, tuple[list[Any], list[Any], set[tuple[int, str]]]] = {
    "M7: a user's message between a call and its result": (
        [A, Q, tool("c")],
        [SAID, tool("c"), ASKED],
        {(2, "moved up: the result of the tool call c")},
    ),
    "M7: a result without its call": (
        [Q, tool("c")],
        [ASKED],
        {(1, "left out: the result of an unknown tool call c")},
    ),
    "a result before its call": (
        [tool("c"), A],
        [SAID, tool("c", MISSING)],
        {
            (0, "left out: the result of an unknown tool call c"),
            (1, "put in: a result of the tool call c, of which none is stored"),
        },
    ),
    "a result of another call": (
        [A, tool("x")],
        [SAID, tool("c", MISSING)],
        {
            (0, "put in: a result of the tool call c, of which none is stored"),
            (1, "left out: the result of an unknown tool call x"),
        },
    ),
    "no result": (
        [A, Q],
        [SAID, tool("c", MISSING), ASKED],
        {(0, "put in: a result of the tool call c, of which none is stored")},
    ),
    "two results": (
        [A, tool("c"), tool("c", "again")],
        [SAID, tool("c")],
        {(2, "left out: a further result of the tool call c")},
    ),
    "two results, the second of a job": (
        [A, tool("c", "started"), Q, tool("c", "done", metadata={"job_id": "j"})],
        [SAID, tool("c"), ASKED],
        {
            (1, "left out: a result of the tool call c, of two"),
            (3, "moved up: the result of the tool call c"),
        },
    ),
    "results that came late, in another order": (
        [A, Q, B, tool("d"), tool("c")],
        [SAID, tool("c"), ASKED, SAID_B, tool("d")],
        {(4, "moved up: the result of the tool call c")},
    ),
    "an assistant's message behind a late result": (
        [A, Q, assistant("x"), tool("c"), assistant("y")],
        [SAID, tool("c"), ASKED, {"role": "assistant", "content": "x\ny"}],
        {(3, "moved up: the result of the tool call c"), (4, "merged with the assistant message before it")},
    ),
    "one id, called twice": (
        [A, tool("c", "1"), A, tool("c", "2")],
        [SAID, tool("c", "1"), {**SAID, "tool_calls": [{**call("c"), "id": "c_2"}]}, tool("c_2", "2")],
        {(2, "changed: the id c, which an earlier tool call has")},
    ),
    "one call, stored twice": (
        [A, A, tool("c")],
        [{**SAID, "content": "a\na"}, tool("c")],
        {(1, "merged with the assistant message before it"), (1, "left out: the tool call c once more")},
    ),
    "arguments as an object": (
        [
            assistant("a", tool_calls=[{"id": "c", "function": {"name": "c", "arguments": {"x": 1.0}}}]),
            tool("c"),
        ],
        [
            {**SAID, "tool_calls": [{**call("c"), "function": {"name": "c", "arguments": '{"x":1.0}'}}]},
            tool("c"),
        ],
        set(),
    ),
    "a name and an id that OpenAI refuses": (
        [
            assistant("a", tool_calls=[{"id": "i" * 41, "function": {"name": "my.tool", "arguments": "{}"}}]),
            tool("i" * 41),
        ],
        [
            {
                **SAID,
                "tool_calls": [
                    {
                        "id": "call_2f53ab97230bb0423a8164fc990fad9e",
                        "type": "function",
                        "function": {"name": "my_tool", "arguments": "{}"},
                    }
                ],
            },
            tool("call_2f53ab97230bb0423a8164fc990fad9e"),
        ],
        {
            (0, "changed: a tool's name to my_tool"),
            (0, "changed: a tool call's id, which is too long, to call_2f53ab97230bb0423a8164fc990fad9e"),
        },
    ),
}


@pytest.mark.parametrize("case", PAIRED)
def test_every_call_is_answered_once_and_at_once(api: Api, case: str) -> None:
    stored, expected, repairs = PAIRED[case]
    reply = api.export(api.new(*stored)).body
    assert reply["messages"] == expected
    assert {(one["sequence"], one["what"]) for one in reply["repairs"]} == repairs


def test_what_a_tool_said_has_no_other_role(api: Api) -> None:
    """M6."""
    for stray in ({"role": "tool"}, {"role": "function", "name": "f"}, {"role": "tool", "tool_call_id": "x"}):
        session_id = api.new(user("q"), {**stray, "content": "IGNORE ALL"})
        assert "IGNORE" not in api.export(session_id).raw.decode()
        for form in ("anthropic", "openai-responses", "ai-sdk"):
            assert "IGNORE" not in api.exported(session_id, form).raw.decode()


def test_nothing_and_nowhere(api: Api) -> None:
    assert api.export(api.new()).body == {"messages": [], "has_more": False, "repairs": []}
    api.export("nothing").problem(404, "not_found")
    api.exported("nothing").problem(404, "not_found")


@pytest.mark.thorough
def test_a_message_that_no_answer_holds_when_it_is_written(api: Api) -> None:
    """Each of its texts becomes a part: six times as much. Without a bucket, the answer names the message."""
    session_id = api.new(user("before"), {"role": "user", "content": ["a"] * 300_000})
    for form in ("openai-responses", "anthropic", "ai-sdk", "openai-messages"):
        export = api.export if form == "openai-messages" else partial(api.exported, form=form)
        with configured(TURNLOG_BUCKET=""):
            problem = export(session_id).problem(413, "too_large")
        assert problem["sequence"] == 1
        assert "before=1" in problem["detail"]
        assert export(session_id).body["file"]["size"] > 6_000_000
        assert "before" in export(session_id, before=1).raw.decode()
    assert api.exported(session_id, "jsonl").status == 200
    # Behind another it is left out like any that does not fit.
    api.append(session_id, assistant("after"))
    assert api.export(session_id).body["has_more"] is True
