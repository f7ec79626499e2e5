"""What SDKs give is appended as it is, and goes out again in the words of any provider."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import provider_rules
from tests.sdk_words import ITEMS, WORDS
from turnlog import formats
from turnlog.wire import same

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.api import Api, Message
    from tests.http_client import Reply

STORED = {**WORDS, "responses": formats.from_responses(ITEMS)}
OBJECTS: dict[str, Callable[..., formats.Written]] = {
    "openai-messages": formats.to_chat,
    "openai-responses": formats.to_responses,
    "anthropic": formats.to_anthropic,
    "ai-sdk": formats.to_ai_sdk,
}


def appended(api: Api, *histories: list[Message]) -> str:
    """A session with these messages, appended as they are."""
    session_id = api.new()
    for messages in histories:
        assert api.append(session_id, *messages).status == 201
    return session_id


def export(api: Api, session_id: str, form: str) -> Reply:
    return api.export(session_id) if form == "openai-messages" else api.exported(session_id, form)


@pytest.mark.thorough
@pytest.mark.parametrize("words", STORED)
@pytest.mark.parametrize("form", [*OBJECTS, "markdown", "jsonl"])
def test_from_any_to_any(api: Api, words: str, form: str) -> None:
    session_id = appended(api, STORED[words])
    stored = api.messages(session_id).body["messages"]
    reply = export(api, session_id, form)
    assert reply.status == 200
    if form == "jsonl":
        lines = [json.loads(line) for line in reply.raw.splitlines()]
        assert lines == stored
        for sent, line in zip(STORED[words], lines, strict=True):
            assert all(same(one, line.get(name)) for name, one in sent.items())
    elif form == "markdown":
        assert reply.raw.decode() == formats.to_markdown(stored)
    else:
        written = OBJECTS[form](stored)
        assert {name: reply.body[name] for name in written.body} == written.body
        assert reply.body["repairs"] == [one._asdict() for one in written.repairs]
        assert reply.body["has_more"] is False


def test_a_session_that_all_of_them_wrote(api: Api) -> None:
    session_id = appended(api, *STORED.values())
    for form, rules in (
        ("openai-messages", provider_rules.chat),
        ("ai-sdk", provider_rules.ai_sdk),
    ):
        seen = rules(export(api, session_id, form).body)
        assert seen.said["user"].count("Look:") == len(STORED)
        assert seen.said["assistant"].count("A cat.") == len(STORED)
    for form in ("anthropic", "openai-responses"):
        text = export(api, session_id, form).raw.decode()
        assert text.count('"Look:') == len(STORED)


@pytest.mark.parametrize("form", [*OBJECTS, "markdown", "jsonl"])
def test_any_string(api: Api, form: str) -> None:
    """Half a character's pair and NUL are answered as they came; in Markdown the half is U+FFFD."""
    said = "half \ud83d, pair \ud83d\ude00, nul \x00, \u2028"
    session_id = api.new({"role": "user", "content": said})
    reply = export(api, session_id, form)
    if form == "markdown":
        assert "half \ufffd, pair 😀, nul \x00, \u2028" in reply.raw.decode()
    else:
        read = json.loads(reply.raw)
        assert "half \ud83d, pair 😀, nul \x00, \u2028" in json.dumps(read, ensure_ascii=False).replace(
            "\\u0000", "\x00"
        )


@pytest.mark.parametrize("form", [*OBJECTS, "markdown"])
def test_a_removed_message(api: Api, form: str) -> None:
    gone = {"role": "assistant", "content": None, "removed": True}
    session_id = api.new({"role": "user", "content": "q"}, gone, {"role": "user", "content": "r"})
    reply = export(api, session_id, form)
    assert "assistant" not in reply.raw.decode().lower()
    if form != "markdown":
        assert reply.body["repairs"] == []


def test_the_lines_of_a_removed_message(api: Api) -> None:
    """A line is a GET's message, and keeps the place: a PUT takes them all."""
    gone = {"role": "assistant", "content": None, "removed": True}
    session_id = api.new({"role": "user", "content": "q"}, gone, {"role": "user", "content": "r"})
    lines = [json.loads(line) for line in api.exported(session_id, "jsonl").raw.splitlines()]
    assert lines == api.messages(session_id).body["messages"]
    assert [line.get("removed") for line in lines] == [None, True, None]
    assert api.put(session_id, messages=lines).status == 200
    assert api.put("copy", messages=lines).status == 201
    assert [one.get("removed") for one in api.messages("copy").body["messages"]] == [None, True, None]


@pytest.mark.thorough
def test_odd_shapes_are_read(api: Api) -> None:
    """Whatever a message holds, an export is answered."""
    odd: list[Any] = [
        {"role": "user", "content": ["text", {}, {"type": 5}, {"type": "text"}, {"type": "text", "text": 5}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": 5}, {"type": "image", "source": []}]},
        {"role": "user", "content": [{"toolUse": {"toolUseId": 5}}, {"toolResult": {}}, {"text": 5}]},
        {"role": "user", "parts": 5, "content": None},
        {"role": "assistant", "parts": ["x", {"functionCall": 5}, {"functionCall": {}}, {"inlineData": {}}]},
        {"role": "assistant", "parts": [{"type": "tool-x"}, {"type": "tool-x", "toolCallId": 5, "state": 5}]},
        {"role": "assistant", "content": [{"type": "tool_use"}, {"type": "tool_result", "content": 5}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": [5]}, {"type": "reasoning"}]},
        {"role": "assistant", "content": [{"type": "function_call"}, {"type": "computer_call_output"}]},
        {"role": "assistant", "reasoning_content": 5, "thinking_blocks": [5], "content": "", "audio": 5},
        {"role": "tool", "content": [{"type": "tool-result", "output": {"type": "content", "value": [5]}}]},
        {"role": "tool", "response_fields": {}, "tool_call_id": "x", "content": [{"json": 5}]},
        {"role": "system", "content": [{"type": "document", "source": {"type": "content", "content": [5]}}]},
    ]
    for message in odd:
        for form in (*OBJECTS, "markdown", "jsonl"):
            assert export(api, appended(api, [message]), form).status == 200
    session_id = appended(api, odd)
    for form in (*OBJECTS, "markdown", "jsonl"):
        assert export(api, session_id, form).status == 200
