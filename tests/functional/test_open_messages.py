"""A message is stored as a provider's SDK or a framework returned it, and comes back so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import assistant, user

if TYPE_CHECKING:
    from tests.functional.api import Api

# As `message.model_dump()` of openai 2, `Message.model_dump()` of anthropic, boto3's `converse`,
# google-genai's `Content`, and AI SDK's `UIMessage` give them.
SENT: dict[str, dict[str, Any]] = {
    "Chat Completions, an answer": {
        "content": "Hi",
        "refusal": None,
        "role": "assistant",
        "annotations": [{"type": "url_citation", "url_citation": {"end_index": 2, "title": "t", "url": "u"}}],
        "audio": {"id": "a", "data": "AAAA", "expires_at": 1, "transcript": "Hi"},
        "function_call": None,
        "tool_calls": None,
    },
    "Chat Completions, parts": {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ],
    },
    "reasoning beside the content": {
        "role": "assistant",
        "content": "",
        "reasoning_content": "because",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    "Anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "…", "signature": "c2ln"},
            {"type": "text", "text": "Hi", "citations": None},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1.0, True, None]}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": "standard"},
    },
    "Anthropic, a result": {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "r"}]}
        ],
    },
    "Bedrock Converse": {
        "role": "assistant",
        "content": [{"text": "Hi"}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 20.0}}}],
    },
    "Gemini": {
        "role": "model",
        "parts": [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "AA=="}],
    },
    "AI SDK": {
        "id": "ui-1",
        "role": "assistant",
        "metadata": {"createdAt": 1},
        "parts": [{"type": "step-start"}, {"type": "text", "text": "Hi", "state": "done"}],
    },
    "strings of any kind": {"role": "user", "content": ["a", {"text": "b"}]},
    "half a character and NUL": {
        "role": "tool",
        "tool_call_id": "c",
        "content": "\ud83d and \x00 and \udc00\ud800",
    },
    "half a character in a part": {"role": "user", "content": [{"\ud83d": "\udfff"}]},
    "a signature in an id": {"role": "tool", "tool_call_id": "c" * 65_536, "name": "n" * 949, "content": "r"},
    "500 levels": {"role": "user", "content": "q", "x": json.loads("[" * 499 + "]" * 499)},
    "numbers": {"role": "user", "content": "q", "x": [10**4299 + 1, 2**53 + 1, -0.0, 1e308, 5e-324, 0.1]},
    "10,000 parts": {"role": "user", "content": [{"type": "text", "text": "q"}] * 10_000},
    "a field's name of 1 MB": {"role": "user", "content": "q", "x" * 1_000_000: 1},
    "names of ours": {
        "role": "user",
        "content": "q",
        "fields": 1,
        "model_config": {},
        "self": 1,
        "__class__": "x",
    },
}


def raw(body: Any) -> bytes:
    """As clients of other languages send it: half characters in escapes."""
    return json.dumps(body).encode()


def said(message: dict[str, Any]) -> dict[str, Any]:
    """What a client sent, without what the server adds."""
    return {
        name: value for name, value in message.items() if name not in {"sequence", "message_id", "created_at"}
    }


@pytest.mark.thorough
@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_it_comes_back_as_it_was_sent(api: Api, sent: dict[str, Any]) -> None:
    session_id = api.new()
    message = {**sent, "message_id": "m"}
    stored = api.call("POST", f"/sessions/{session_id}/messages", raw=raw({"messages": [message]}))
    assert stored.status == 201
    whole = {"content": None} | {name: value for name, value in sent.items() if value is not None}
    for got in (
        stored.body["messages"],
        api.get(session_id).body["messages"],
        api.messages(session_id).body["messages"],
    ):
        assert [said(one) for one in got] == [whole]
    # Sent again, and given back as it came, it is a repeat.
    again = api.call("POST", f"/sessions/{session_id}/messages", raw=raw({"messages": [message]}))
    assert (again.status, again.body["replayed"]) == (200, True)
    back = api.call(
        "PUT", f"/sessions/{session_id}", raw=raw({"messages": api.get(session_id).body["messages"]})
    )
    assert (back.status, back.body["message_count"], back.body["version"]) == (200, 1, 2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"arguments": {"c": 20.0}}, {"arguments": {"c": 20}}),  # as JavaScript spells it
        ({"x": 2**53 + 1}, {"x": 2**53}),  # as JavaScript reads it
        ({"x": {"a": 1, "b": None}}, {"x": {"a": 1}}),
        ({"tool_calls": []}, {"tool_calls": None}),
        ({"content": ""}, {"content": None}),
        ({}, {"refusal": None, "audio": None}),
        ({"metadata": {"rating": 1}}, {"metadata": {"rating": 2}}),
    ],
)
def test_the_same_to_any_client_is_a_repeat(api: Api, first: dict[str, Any], second: dict[str, Any]) -> None:
    session_id = api.new()
    message = {"role": "assistant", "message_id": "m"}
    stored = api.append(session_id, {**message, **first}).body["messages"]
    again = api.append(session_id, {**message, **second})
    assert (again.status, again.body["replayed"]) == (200, True)
    assert again.body["messages"] == stored == api.get(session_id).body["messages"]


@pytest.mark.parametrize("other", [{"x": True}, {"x": "1"}, {"x": [1]}, {}, {"x": 1, "y": 0}])
def test_other_content_is_refused(api: Api, other: dict[str, Any]) -> None:
    session_id = api.new()
    message = {"role": "assistant", "content": "a", "message_id": "m"}
    api.append(session_id, {**message, "x": 1})
    api.append(session_id, {**message, **other}).problem(409, "message_id_reused")


def test_an_answer_can_be_given_back(api: Api) -> None:
    """To another session in POST, and to its own in PUT: with all that GET shows."""
    session_id = api.new(
        user("a", message_id="a"), assistant("b", annotations=[]), title="t", metadata={"m": 1}
    )
    api.append(session_id, user("c"), usage={"input_tokens": 5, "cache_read_input_tokens": 2})
    got = api.get(session_id).body
    copy = api.call("POST", "/sessions", {"messages": got["messages"]}).body
    assert [said(one) for one in api.get(copy["session_id"]).body["messages"]] == [
        said(one) for one in got["messages"]
    ]
    tail = api.get(session_id, limit=2).body
    again = api.call("POST", "/sessions", {"messages": tail["messages"]}).body["session_id"]
    sequences = [(one["sequence"], one["message_id"]) for one in api.get(again).body["messages"]]
    assert sequences == [(at, one["message_id"]) for at, one in enumerate(tail["messages"])]
    assert api.get(again).body["messages"][0]["created_at"] > tail["messages"][1]["created_at"]
    for body in (got, tail):
        put = api.call("PUT", f"/sessions/{session_id}", body)
        assert (put.status, put.body["version"], put.body["usage"]) == (200, got["version"], got["usage"])
    grown = {**tail, "messages": [*tail["messages"], user("d")], "title": "new"}
    put = api.call("PUT", f"/sessions/{session_id}", grown).body
    assert (put["message_count"], put["title"], put["usage"]) == (4, "new", got["usage"])
    gap = {**tail, "messages": [tail["messages"][0], {**tail["messages"][1], "sequence": 5}]}
    api.call("PUT", f"/sessions/{session_id}", gap).problem(422, "invalid")


def test_a_removed_message_is_stored_without_what_it_says(api: Api) -> None:
    session_id = api.new(user("secret", message_id="m", removed=True, metadata={"a": 1}, x="secret"))
    (stored,) = api.get(session_id).body["messages"]
    assert said(stored) == {"role": "user", "content": None, "removed": True}


def test_metadata_of_a_message_is_at_most_32_kb(api: Api) -> None:
    session_id = api.new()
    assert api.append(session_id, user("q", metadata={"a": "x" * 32_000})).status == 201
    problem = api.append(session_id, user("q", metadata={"a": "x" * 300_000})).problem(413, "too_large")
    assert "metadata" in problem["detail"]
    assert api.contents(session_id) == ["q"]


def test_usage_as_providers_return_it(api: Api) -> None:
    session_id = api.new(usage={"prompt_tokens": 1, "total_tokens": 4})
    details = {"cached_tokens": 3, "audio_tokens": 0}
    api.append(
        session_id,
        user("a"),
        usage={
            "prompt_tokens": 10,
            "completion_tokens": 2.0,
            "total_tokens": 12,
            "prompt_tokens_details": details,
        },
    )
    api.append(
        session_id,
        user("b"),
        usage={
            "input_tokens": 5,
            "output_tokens": 1,
            "cache_creation_input_tokens": None,
            "cache_read_input_tokens": 7,
            "cost": 0.25,
            "service_tier": "standard",
            "iterations": [1],
            "prompt_tokens_details": {"cached_tokens": 1, "wrong": -1, "~": 2},
        },
    )
    usage = {
        "prompt_tokens": 16,
        "completion_tokens": 3,
        "total_tokens": 22,
        "details": {
            "prompt_tokens_details.cached_tokens": 4,
            "prompt_tokens_details.audio_tokens": 0,
            "cache_read_input_tokens": 7,
            "prompt_tokens_details.~": 2,
        },
    }
    assert api.get(session_id).body["usage"] == usage
    (listed,) = api.list().body["sessions"]
    assert listed["usage"] == {name: usage[name] for name in usage if name != "details"}
    # A rewind takes off what its messages added, and a PUT replaces all.
    api.rewind(session_id, 1, 2)
    left = api.get(session_id).body["usage"]
    assert (left["prompt_tokens"], left["total_tokens"]) == (11, 16)
    assert {name: count for name, count in left["details"].items() if count} == {
        "prompt_tokens_details.cached_tokens": 3
    }
    put = api.put(session_id, usage={"output_tokens": 1, "a": {"b": 2}}).body["usage"]
    assert put == {"prompt_tokens": 0, "completion_tokens": 1, "total_tokens": 1, "details": {"a.b": 2}}


def test_fields_are_set_with_an_append(api: Api) -> None:
    """In the same transaction, once, and not by a repeat."""
    session_id = api.new(title="old", metadata={"a": 1, "b": 2}, credentials={"p": {}})
    body = {"messages": [user("q", message_id="m")], "set": {"title": "new\n title", "metadata": {"c": 3}}}
    answer = api.call("POST", f"/sessions/{session_id}/messages", body)
    session = api.get(session_id).body
    assert (answer.status, answer.body["version"]) == (201, 2)
    assert (session["title"], session["metadata"], session["credentials"]) == (
        "new title",
        {"c": 3},
        {"p": {}},
    )
    api.patch(session_id, metadata={"c": None, "d": 4})
    again = api.call("POST", f"/sessions/{session_id}/messages", body)
    assert (again.status, again.body["replayed"]) == (200, True)
    assert api.get(session_id).body["metadata"] == {"d": 4}
    large = {"messages": [user("r")], "set": {"metadata": {"x": "x" * 40_000}}}
    api.call("POST", f"/sessions/{session_id}/messages", large).problem(413, "too_large")
    assert api.contents(session_id) == ["q"]


def test_an_answer_without_messages(api: Api) -> None:
    session_id = api.new()
    for preference in ("return=minimal", 'respond-async, Return="minimal"; x=1'):
        reply = api.call(
            "POST",
            f"/sessions/{session_id}/messages",
            {"messages": [user("q")]},
            headers={"Prefer": preference},
        )
        assert reply.status == 201
        assert reply.headers["preference-applied"] == "return=minimal"
        assert "messages" not in reply.body
        assert reply.body["last_sequence"] == reply.body["message_count"] - 1
    other = {"messages": [user("q")]}
    reply = api.call(
        "POST", f"/sessions/{session_id}/messages", other, headers={"Prefer": "return=representation"}
    )
    assert len(reply.body["messages"]) == 1
    put = api.call("PUT", f"/sessions/{session_id}", {"title": "t"}, headers={"Prefer": "return=minimal"})
    assert (put.headers["preference-applied"], put.body["title"]) == ("return=minimal", "t")


def test_what_is_wrong_is_named(api: Api) -> None:
    session_id = api.new()
    sent: list[tuple[Any, str]] = [
        (
            {"role": "user", "content": ["a", 5]},
            "messages.1.content: must hold strings and objects, and number 1",
        ),
        (
            {"role": "user", "x": json.loads("[" * 500 + "]" * 500)},
            "messages.1: must not be nested deeper than 500",
        ),
        ({"role": "user", "tool_calls": [1]}, "messages.1.tool_calls: must be a list of"),
        ([], "messages.1: must be an object"),
    ]
    for message, wrong in sent:
        problem = api.append(session_id, user("q"), message).problem(422, "invalid")
        assert problem["detail"].startswith(wrong)
    assert api.contents(session_id) == []
