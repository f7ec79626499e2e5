"""Exports that are larger than an answer can be: they lie in the bucket, and the answer says where."""

from __future__ import annotations

import gzip
import json
import logging
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.bucket import bucket_requests
from tests.functional.test_export_window import FORMATS, before_of, export
from tests.functional.test_files import encoded, sent, uploaded
from tests.functional.test_large import noise
from tests.functional.test_programs import (
    blocking_client,
    blocking_direct,
    client,
    direct,
    program,
)
from tests.functional.world import configured
from turnlog import Turnlog, formats

if TYPE_CHECKING:
    from infra.local.server import LocalServer
    from tests.http_client import Reply
    from turnlog import AsyncTurnlog

WRITERS: dict[str, Any] = {
    "openai-messages": formats.to_chat,
    "openai-responses": formats.to_responses,
    "anthropic": formats.to_anthropic,
    "ai-sdk": formats.to_ai_sdk,
}
TYPES = {"markdown": "text/markdown; charset=utf-8", "jsonl": "application/jsonl"}
LARGE = noise(6_000_000)
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TURN = [
    user("before", message_id="0"),
    assistant("yes", message_id="1"),
    user("Read it.", message_id="2"),
    assistant(None, tool_calls=[CALL], message_id="3"),
    {"role": "tool", "content": LARGE, "tool_call_id": "c", "message_id": "4"},
]


def stored(api: Api, *messages: Any) -> str:
    """A session with these messages, however large they are."""
    session_id = api.new()
    for message in messages:
        body = uploaded(api, session_id, encoded({"messages": [message]}), purpose="body")
        reply = api.call("POST", f"/sessions/{session_id}/messages", query={"body_file": body})
        assert reply.status == 201, reply.raw
    return session_id


def read(reply: Reply, media_type: str = "application/json") -> Any:
    """What lies where the answer says, as any HTTP client reads it."""
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.body.keys() == {"file"}
    assert reply.body["file"].keys() == {"url", "size", "expires_at"}
    there = sent({"method": "GET", "headers": {}, **reply.body["file"]})
    told = {name: there.headers.get(name) for name in ("content-encoding", "content-type")}
    assert told == {"content-encoding": "gzip", "content-type": media_type}
    text = gzip.decompress(there.raw).decode()
    return json.loads(text) if media_type == "application/json" else text


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMATS)
def test_a_window_of_a_large_message_is_whole(api: Api, form: str) -> None:
    """With the beginning of its turn, and the call that it answers."""
    session_id = stored(api, *TURN)
    for cold in (False, True):
        if cold:
            api.call("DELETE", f"/sessions/{session_id}/cache")
        reply = export(api, session_id, form)
        assert reply.body["file"]["size"] > 6_000_000
        whole = read(reply, TYPES.get(form, "application/json"))
        if form == "jsonl":
            assert [json.loads(line)["message_id"] for line in whole.splitlines()] == ["2", "3", "4"]
            assert json.loads(whole.splitlines()[-1])["content"] == LARGE
        elif form == "markdown":
            assert whole.index("Read it.") < whole.index(LARGE)
        else:
            shown = [{**one, "sequence": at} for at, one in enumerate(TURN)][2:]
            assert whole == {**WRITERS[form](shown).body, "has_more": True, "next_before": 2, "repairs": []}
        if form in TYPES:
            assert reply.headers["x-turnlog-next-before"] == "2"
        rest = export(api, session_id, form, before=2)
        assert (before_of(rest), b"before" in rest.raw) == (None, True)


@pytest.mark.thorough
@pytest.mark.parametrize("way", [client, blocking_client, direct, blocking_direct])
def test_programs_read_it_by_themselves(
    server: LocalServer, way: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s", messages=TURN[:4])
        await turnlog.append_messages("s", TURN[4:])
        chat = await turnlog.export_openai_messages("s")
        assert [one["role"] for one in chat.messages] == ["user", "assistant", "tool"]
        assert (chat.messages[2]["content"], chat.has_more, chat.next_before) == (LARGE, True, 2)
        anthropic = await turnlog.export_session("s", "anthropic")
        assert anthropic.messages is not None
        assert LARGE in json.dumps(anthropic.messages[-1])
        assert (anthropic.has_more, anthropic.next_before) == (True, 2)
        lines = await turnlog.export_text("s", "jsonl")
        assert [json.loads(line)["message_id"] for line in lines.text.splitlines()] == ["2", "3", "4"]
        assert lines.next_before == 2
        text = await turnlog.export_session("s", "markdown")  # type: ignore[arg-type]
        assert LARGE in text.text  # type: ignore[attr-defined]
        first = await turnlog.export_text("s", "jsonl", before=2)
        assert [json.loads(line)["message_id"] for line in first.text.splitlines()] == ["0", "1"]

    program(way, server, what)
    assert "answers/" in caplog.text or way in {direct, blocking_direct}
    assert "X-Amz-Signature" not in caplog.text


@pytest.mark.thorough
def test_the_bucket_gets_nothing_of_what_is_meant_for_the_api(server: LocalServer) -> None:
    """Where it gives nothing at an address, the export is asked for again."""
    name = f"user-{uuid4().hex}"
    api = Api(server.url, name)
    session_id = stored(api, *TURN)
    asked: list[httpx.Request] = []

    class Watched(httpx.HTTPTransport):
        refuse = 1

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            if "/answers/" in str(request.url) and self.refuse:
                self.refuse -= 1
                return httpx.Response(403, text="expired")
            return super().handle_request(request)

    with (
        httpx.Client(transport=Watched(), headers={"x-own": "1"}) as http,
        Turnlog(url=server.url, token=name, http_client=http) as turnlog,
    ):
        assert turnlog.export_openai_messages(session_id).messages[-1]["content"] == LARGE
        kinds = ["bucket" if "/answers/" in str(one.url) else "api" for one in asked]
        assert kinds == ["api", "bucket", "api", "bucket"]
        for one in asked:
            assert ("authorization" in one.headers, "x-own" in one.headers) == (
                ("/answers/" not in str(one.url)),
            ) * 2


@pytest.mark.thorough
def test_what_is_put_is_one_object_with_a_name_of_its_own(api: Api) -> None:
    session_id = stored(api, *TURN)
    with bucket_requests() as asked:
        first, second = api.export(session_id), api.export(session_id)
    assert asked == ["GetObject", "PutObject"] * 2
    urls = {reply.body["file"]["url"].partition("?")[0] for reply in (first, second)}
    assert len(urls) == 2
    assert all("/answers/" in url for url in urls)
    assert session_id not in "".join(urls)


@pytest.mark.thorough
def test_several_large_results_of_one_turn(api: Api) -> None:
    """All that the turn needs is in the window, up to 64 MB; the next window begins before the turn."""
    calls = [{**CALL, "id": f"c{at}"} for at in range(3)]
    results = [{"role": "tool", "content": f"{at}{LARGE}", "tool_call_id": f"c{at}"} for at in range(3)]
    session_id = stored(
        api, user("a"), assistant("b"), user("c"), assistant(None, tool_calls=calls), *results
    )
    whole = read(api.export(session_id))
    assert [one.get("content", "")[:1] for one in whole["messages"][2:]] == list("012")
    assert (whole["next_before"], whole["repairs"]) == (2, [])
    # A window that ends before one of them moves it up.
    moved = read(api.export(session_id, before=6))
    assert [one.get("content", "")[:1] for one in moved["messages"][2:]] == list("012")
    assert [one["sequence"] for one in moved["repairs"]] == [6]


@pytest.mark.thorough
def test_a_turn_above_what_lies_apart(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window begins with the user's message, and says what was left out behind it, as in an answer."""
    monkeypatch.setattr("turnlog.operations.export_history.APART_LIMIT", 14_000_000)
    calls = [{**CALL, "id": f"c{at}"} for at in range(3)]
    results = [{"role": "tool", "content": f"{at}{LARGE}", "tool_call_id": f"c{at}"} for at in range(3)]
    session_id = stored(
        api,
        user("a"),
        *[
            one
            for call, result in zip(calls, results, strict=True)
            for one in (assistant(None, tool_calls=[call]), result)
        ],
    )
    whole = read(api.export(session_id))
    assert [one.get("content", "")[:1] for one in whole["messages"] if one["role"] == "tool"] == list("12")
    assert whole["messages"][0]["content"] == "a"
    assert (whole["next_before"], whole["messages"][1]["content"][:20]) == (3, "[Left out: messages ")


@pytest.mark.thorough
def test_without_a_bucket_the_refusal_says_what_to_do(api: Api) -> None:
    with configured(TURNLOG_BUCKET=""):
        session_id = api.new(user("before"), {"role": "user", "content": ["a"] * 300_000})
        problem = api.export(session_id).problem(413, "too_large")
        assert problem["sequence"] == 1
        assert "before=1" in problem["detail"]
        assert "bucket" in problem["detail"]
    assert len(read(api.export(session_id))["messages"][-1]["content"]) == 300_000


@pytest.mark.thorough
def test_what_is_written_of_a_message_has_a_bound(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnlog.operations.export_history.WRITTEN_LIMIT", 6_000_000)
    session_id = stored(api, *TURN)
    problem = api.export(session_id).problem(413, "too_large")
    assert "6000000" in problem["detail"]
    assert api.export(session_id, before=4).status == 200


@pytest.mark.thorough
def test_a_bucket_that_does_not_answer(api: Api) -> None:
    session_id = stored(api, *TURN)
    with bucket_requests("PutObject"):
        assert api.export(session_id).problem(503, "unavailable")


@pytest.mark.thorough
def test_another_user_s_session(api: Api, other: Api) -> None:
    session_id = stored(api, *TURN)
    with bucket_requests() as asked:
        other.export(session_id).problem(404, "not_found")
    assert asked == []


@pytest.mark.thorough
def test_a_transcript_as_lines(api: Api) -> None:
    """As one piece; a part of it is still a page."""
    session_id = api.new()
    entries = [{"uuid": str(at), "t": f"{at}" + "x" * 700_000} for at in range(20)]
    for at in range(0, 20, 5):
        assert api.entries(session_id, "main", *entries[at : at + 5]).status == 201
    large = {"uuid": "large", "t": LARGE}
    body = uploaded(api, session_id, encoded({"entries": [large]}), purpose="body")
    path = f"/sessions/{session_id}/transcripts/main"
    assert api.call("POST", path, query={"body_file": body}).status == 201
    text = read(api.transcript(session_id, "main", format="jsonl"), "application/jsonl")
    assert [json.loads(line) for line in text.splitlines()] == [*entries, large]
    # What an export gives, an import takes.
    again = uploaded(api, session_id, text.encode(), purpose="body")
    imported = api.call("PUT", f"{path}-2", query={"format": "jsonl", "body_file": again})
    assert (imported.status, imported.body["entry_count"]) == (201, 21)
    page = api.transcript(session_id, "main", format="jsonl", after=-1)
    assert page.headers["content-type"] == "application/jsonl"
    assert 0 < len(page.raw.splitlines()) < 20


def test_a_transcript_above_what_lies_apart(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnlog.operations.read_entries.APART_LIMIT", 6_000_000)
    session_id = api.new()
    for at in range(2):
        assert api.entries(session_id, "main", {"uuid": str(at), "t": "x" * 3_100_000}).status == 201
    problem = api.transcript(session_id, "main", format="jsonl").problem(413, "too_large")
    assert (problem["entry_count"], "x-turnlog-next-after" in problem["detail"]) == (2, True)
    assert api.transcript(session_id, "main", format="jsonl", after=-1).status == 200
