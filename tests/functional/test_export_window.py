"""Which part of the log an export is of: the newest messages, from what a user says on, as many as fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.bucket import bucket_requests
from tests.functional.test_large import noise
from tests.functional.world import hook

if TYPE_CHECKING:
    from tests.http_client import Reply

FORMATS = ("openai-messages", "openai-responses", "anthropic", "ai-sdk", "markdown", "jsonl")


def export(api: Api, session_id: str, form: str, **query: Any) -> Reply:
    if form == "openai-messages":
        return api.export(session_id, **query)
    return api.exported(session_id, form, **query)


def turn(number: int, steps: int = 2) -> list[dict[str, Any]]:
    """A user's message, calls with their results, an answer: 2 more than twice its steps."""
    said: list[dict[str, Any]] = [user(f"user {number}.")]
    for step in range(steps):
        known = f"c{number}-{step}"
        call = {"id": known, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        said += [
            assistant(None, tool_calls=[call]),
            {"role": "tool", "content": f"result {number}-{step}.", "tool_call_id": known},
        ]
    return [*said, assistant(f"answer {number}.")]


def before_of(reply: Reply) -> int | None:
    """Where the window before this one ends."""
    if "x-turnlog-next-before" in reply.headers:
        return int(reply.headers["x-turnlog-next-before"])
    if reply.headers["content-type"] != "application/json":
        return None
    assert reply.body["has_more"] is ("next_before" in reply.body)
    before: int | None = reply.body.get("next_before")
    return before


@pytest.mark.parametrize("form", FORMATS)
def test_a_window_begins_with_what_a_user_says(api: Api, form: str) -> None:
    """Whatever the limit, which counts stored messages."""
    session_id = api.new(*turn(0), *turn(1), *turn(2))
    for limit in range(1, 18):
        reply = export(api, session_id, form, limit=limit)
        first = max(0, (18 - limit) // 6)
        text = reply.raw.decode()
        assert [f"user {number}." in text for number in range(3)] == [number >= first for number in range(3)]
        assert text.count("result ") - text.count("Tool result ") == 2 * (3 - first)
        assert before_of(reply) == (6 * first or None)
    assert before_of(export(api, session_id, form)) is None


@pytest.mark.parametrize("form", FORMATS)
def test_windows_follow_one_another(api: Api, form: str) -> None:
    session_id = api.new(*[message for number in range(5) for message in turn(number)])
    found, before, windows = "", None, 0
    while True:
        reply = export(api, session_id, form, limit=7, **({} if before is None else {"before": before}))
        found, windows = reply.raw.decode() + found, windows + 1
        before = before_of(reply)
        if before is None:
            break
    assert windows > 2
    said = [f"{what} {number}." for number in range(5) for what in ("user", "answer")]
    assert [found.count(text) for text in said] == [1] * 10
    assert sorted(said, key=found.index) == said


@pytest.mark.parametrize("form", FORMATS[:4])
@pytest.mark.parametrize("between", [1, 30])
def test_a_result_that_comes_after_the_next_user_s_message(api: Api, form: str, between: int) -> None:
    """It stands with its call, also where the window of the call ends before it."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = [user(f"and {at}?") for at in range(between)]
    result = {"role": "tool", "content": "the late result", "tool_call_id": "c"}
    session_id = api.new(user("a"), assistant(None, tool_calls=[call]), *said, result, assistant("b"))
    newest = export(api, session_id, form, limit=3)
    assert before_of(newest) == between + 1
    older = export(api, session_id, form, before=2)
    assert older.raw.count(b"the late result") == 1
    assert b"No result" not in older.raw
    assert older.body["repairs"] == [
        {"sequence": between + 2, "what": "moved up: a tool's result, from behind this window"}
    ]
    whole = export(api, session_id, form).body["repairs"]
    assert [one["sequence"] for one in whole] == [between + 2]


def test_a_late_result_is_that_of_its_own_call(api: Api) -> None:
    """An id may be used again: then what comes behind it answers the newer call."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calls = assistant(None, tool_calls=[call])
    blocks = [
        {"type": "tool_result", "tool_use_id": "c", "content": "its own"},
        {"type": "text", "text": "x"},
    ]
    session_id = api.new(user("a"), calls, user("b"), calls, {"role": "user", "content": blocks})
    older = api.export(session_id, before=2).body["messages"]
    assert [one["content"] for one in older] == ["a", "", "No result of this tool call is stored."]
    # Of a user's message that says something beside it, the result alone is shown with the call.
    newer = api.export(session_id, before=4, limit=2).body["messages"]
    assert [one["content"] for one in newer] == ["b", "", "its own"]


def test_where_a_late_result_does_not_fit(api: Api) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": noise(3_000_000)}}
    session_id = api.new(user("a"), assistant(None, tool_calls=[call]))
    api.append(session_id, user("b"), {"role": "tool", "content": noise(3_000_000), "tool_call_id": "c"})
    older = api.export(session_id, before=2).body
    assert [one["role"] for one in older["messages"]][-2:] == ["assistant", "tool"]
    assert {"sequence": 3, "what": "left out: a tool's result, which does not fit beside its call"} in older[
        "repairs"
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_the_system_message_in_front(api: Api, form: str) -> None:
    session_id = api.new({"role": "system", "content": "Be kind."}, *turn(0), *turn(1))
    for query in ({"limit": 1}, {"limit": 1, "keep_system": "false"}):
        assert "Be kind." not in export(api, session_id, form, **query).raw.decode()
    for limit in (1, 7, 13):
        text = export(api, session_id, form, limit=limit, keep_system="true").raw.decode()
        assert text.count("Be kind.") == 1
        assert text.index("Be kind.") < text.index("user 1.") or form == "anthropic"
    # Only the system message stands before the window: there is no more.
    reply = export(api, session_id, form, limit=12, keep_system="true")
    assert before_of(reply) is None
    other = api.new(*turn(0), *turn(1))
    assert "user 0." not in export(api, other, form, limit=1, keep_system="true").raw.decode()


def test_lines_are_messages_that_a_put_takes(api: Api) -> None:
    session_id = api.new(*turn(0), user("ä\u2028"), *turn(1))
    reply = api.exported(session_id, "jsonl")
    assert reply.headers["content-type"] == "application/jsonl"
    lines = [json.loads(line) for line in reply.raw.decode().split("\n")[:-1]]
    assert lines == api.messages(session_id).body["messages"]
    sent = [
        {name: value for name, value in line.items() if name not in {"sequence", "created_at"}}
        for line in lines
    ]
    assert api.put(session_id, messages=sent).status == 200
    assert api.put("copy", messages=sent).status == 201


def test_a_turn_that_does_not_fit(api: Api) -> None:
    """The window begins with the user's message all the same, and says what was left out behind it."""
    session_id = api.new(user("before"), assistant("yes"), user("Read all of them."))
    for number in range(8):
        call = {"id": f"c{number}", "type": "function", "function": {"name": "read", "arguments": "{}"}}
        api.append(session_id, assistant(None, tool_calls=[call]))
        output = {"role": "tool", "tool_call_id": f"c{number}", "content": f"{number}" + "x" * 900_000}
        assert api.append(session_id, output).status == 201
    for query in ({}, {"limit": 16}):
        body = api.export(session_id, **query).body
        note, *rest = body["messages"][1:]
        assert body["messages"][0] == {"role": "user", "content": "Read all of them."}
        assert note["content"].startswith("[Left out: messages 3 to ")
        assert [message["content"][0] for message in rest if message["role"] == "tool"] == list("34567")
        assert (body["has_more"], body["next_before"]) == (True, 9)
        left_out = [one for one in body["repairs"] if one["sequence"] == 3]
        assert left_out == [
            {"sequence": 3, "what": "left out: messages 3 to 8, which do not fit into the answer"}
        ]
    # What was left out is in the windows before this one.
    body = api.export(session_id, before=9).body
    assert [one["content"][0] for one in body["messages"] if one["role"] == "tool"] == list("012")
    assert body["has_more"] is False
    # Texts say nothing twice.
    text = api.exported(session_id, "markdown")
    assert (text.raw.count(b"Read all of them."), before_of(text)) == (0, 9)
    assert api.exported(session_id, "markdown", before=9).raw.count(b"Read all of them.") == 1


def test_a_turn_of_large_messages_reads_what_it_shows(api: Api) -> None:
    """Of those before them, the message of the user alone."""
    session_id = api.new()
    for message in (user, *[assistant] * 7):
        assert api.append(session_id, message(noise(900_000))).status == 201
    with bucket_requests() as asked:
        body = api.export(session_id).body
    assert [one["what"] for one in body["repairs"] if "do not fit" in one["what"]] == [
        "left out: messages 1 to 3, which do not fit into the answer"
    ]
    # Five that fit, and the first, beside which one of them does not.
    assert asked == ["GetObject"] * 6


def test_a_large_message_of_a_user_that_is_not_shown_is_not_read(api: Api) -> None:
    """Where it does not fit beside the newest message, the window says that it was left out."""
    session_id = api.new(user("early"))
    for message in (user(noise(4_500_000)), *[assistant(noise(900_000))] * 6):
        assert api.append(session_id, message).status == 201
    with bucket_requests() as asked:
        body = api.export(session_id).body
    assert [one["what"] for one in body["repairs"] if "do not fit" in one["what"]] == [
        "left out: messages 1 to 2, which do not fit into the answer"
    ]
    assert (asked, body["next_before"]) == (["GetObject"] * 5, 3)


def test_a_user_s_message_that_just_does_not_fit(api: Api) -> None:
    """It stands in front all the same; where nothing is left out behind it, nothing says so."""
    seen = set()
    for size in range(497_000, 500_000, 500):
        session_id = api.new(user("early"), assistant("y"), user("x" * 1_000))
        for length in (size, *[900_000] * 5):
            api.append(session_id, assistant("y" * length))
        body = api.export(session_id).body
        left_out = [one["sequence"] for one in body["repairs"] if "do not fit" in one["what"]]
        assert body["has_more"] is (body["messages"][0]["content"] != "early")
        if body["has_more"]:
            assert body["messages"][0]["content"] == "x" * 1_000
            assert (left_out, body["next_before"]) in (([], 2), ([3], 4))
            assert len(body["messages"]) == (3 if left_out else 2)
        seen.add((body["has_more"], bool(left_out)))
    assert seen == {(False, False), (True, False), (True, True)}


def test_what_grows_when_it_is_written_fits_too(api: Api) -> None:
    """Arguments that are an object become a text: each quote then takes four bytes of a Lambda's answer."""
    quotes = {"a": '"' * 180_000}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": quotes}}
    session_id = api.new()
    for number in range(4):
        api.append(session_id, user(f"q{number}"), assistant(None, tool_calls=[{**call, "id": f"c{number}"}]))
    body = api.export(session_id).body
    assert body["messages"][0]["role"] == "user"
    assert body["messages"][-1]["tool_call_id"] == "c3"
    assert body["has_more"] is True
    assert len(json.dumps(json.dumps(body))) <= 5_000_100


@pytest.mark.parametrize("length", [1_000, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_a_window_of_many_messages_reads_what_it_shows(api: Api, length: int) -> None:
    """The 50, and those before them that their first turn needs; large ones among the others are not read."""
    session_id = "long"
    messages = [message for number in range(length // 10) for message in turn(number, steps=4)]
    messages[length // 2 + 3]["content"] = "x" * 900_000
    for half in (0, length // 2):
        reply = api.put(session_id, start_sequence=half, messages=messages[half : half + length // 2])
        assert reply.status in {200, 201}
    api.call("DELETE", f"/sessions/{session_id}/cache")
    read: list[int] = []

    def measure(parsed: dict[str, Any], **_: object) -> None:
        read.append(len(parsed["Items"]))

    for form in FORMATS:
        for limit, needed, most in ((50, 50, 50), (53, 60, 53 + 12)):
            read.clear()
            api.call("DELETE", f"/sessions/{session_id}/cache")
            with hook("after-call.dynamodb.Query", measure):
                reply = export(api, session_id, form, limit=limit)
            assert before_of(reply) == length - needed
            assert needed <= sum(read) <= most


@pytest.mark.parametrize("path", ["openai-messages", "export?format=anthropic", "export?format=jsonl"])
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "before=-1", "keep_system=1", "limit=1e3", "before=1.5"]
)
def test_bad_windows(api: Api, path: str, query: str) -> None:
    mark = "&" if "?" in path else "?"
    reply = api.call("GET", f"/sessions/{api.new()}/{path}{mark}{query}")
    problem = reply.problem(422, "invalid")
    assert problem["errors"][0]["loc"] == ["query", query.partition("=")[0]]


def test_bad_formats(api: Api) -> None:
    session_id = api.new()
    for query in ("", "?format=", "?format=pdf", "?format=openai-messages"):
        problem = api.call("GET", f"/sessions/{session_id}/export{query}").problem(422, "invalid")
        assert problem["errors"][0]["loc"] == ["query", "format"]
        assert "markdown" in problem["errors"][0]["msg"]


def test_before_the_first_and_behind_the_last(api: Api) -> None:
    session_id = api.new(*turn(0))
    for form in FORMATS:
        assert before_of(export(api, session_id, form, before=0)) is None
        assert "user 0." not in export(api, session_id, form, before=0, keep_system="true").raw.decode()
        assert "answer 0." in export(api, session_id, form, before=99).raw.decode()
