"""What the Claude Agent SDK gives, as a stream's events: of the real Claude Code, and message by message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from claude_agent_sdk import (
    AgentDefinition,
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
    create_sdk_mcp_server,
    tool,
)

from tests.integrations import scripted_claude
from turnlog import formats
from turnlog.integrations.claude_events import ClaudeEvents
from turnlog.streams.adapters.log import messages
from turnlog.streams.adapters.ui_messages import UiMessageStream
from turnlog.streams.joining import joined

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
# One pixel: Claude Code looks at it.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = {"type": "image", "data": PIXEL, "mimeType": "image/png"}

THOUGHT = {"type": "thinking", "thinking": "I think.", "signature": "c2ln"}
FIRST: list[Json] = [
    THOUGHT,
    {"type": "text", "text": "I will look."},
    {"type": "tool_use", "id": "toolu_1", "name": "mcp__t__look", "input": {"at": "cat"}},
    {"type": "tool_use", "id": "toolu_2", "name": "mcp__t__fail", "input": {"at": "dog"}},
]
HELP = {"description": "help", "prompt": "helper work", "subagent_type": "helper"}
SECOND: list[Json] = [
    {"type": "text", "text": "Now the helper."},
    {"type": "tool_use", "id": "toolu_3", "name": "Agent", "input": HELP},
]
OF_HELPER: list[Json] = [
    {"type": "text", "text": "I am the helper."},
    {"type": "tool_use", "id": "toolu_4", "name": "mcp__t__look", "input": {"at": "sub"}},
]


def script(body: Json) -> list[Json] | tuple[int, Json]:
    said = json.dumps(body["messages"])
    answered = {one for one in ("toolu_1", "toolu_3", "toolu_4") if f'"tool_use_id": "{one}"' in said}
    if "HELPER" in json.dumps(body["system"]):
        return [{"type": "text", "text": "Helped."}] if "toolu_4" in answered else OF_HELPER
    if "fail at once" in said:
        error = {"type": "overloaded_error", "message": "Overloaded"}
        return 529, {"type": "error", "error": error}
    if "use tools" not in said:
        return [{"type": "text", "text": "<summary>Nothing was said.</summary>"}]
    if "toolu_1" not in answered:
        return FIRST
    return SECOND if "toolu_3" not in answered else [{"type": "text", "text": "All done."}]


@tool("look", "Looks.", {"at": str})  # type: ignore[untyped-decorator]
async def look(given: Json) -> Json:
    picture = [IMAGE] if given["at"] == "cat" else []
    return {"content": [{"type": "text", "text": f"a {given['at']}"}, *picture]}


@tool("fail", "Fails.", {"at": str})  # type: ignore[untyped-decorator]
async def fail(_: Json) -> Json:
    return {"content": [{"type": "text", "text": "it broke"}], "is_error": True}


async def asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *prompts: str, partial: bool = True
) -> list[list[Json]]:
    """The events of the real Claude Code, prompt by prompt."""
    with scripted_claude.serving(script) as url:
        environment = {
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "local",
            "HOME": str(folder),
            "CLAUDE_CONFIG_DIR": str(folder / "config"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        options = ClaudeAgentOptions(
            cwd=folder,
            mcp_servers={"t": create_sdk_mcp_server("t", tools=[look, fail])},
            tools=["Agent"],
            allowed_tools=["mcp__t__look", "mcp__t__fail", "Agent"],
            agents={"helper": AgentDefinition("Helps.", "HELPER", tools=["mcp__t__look"])},
            setting_sources=[],
            include_partial_messages=partial,
            forward_subagent_text=True,
        )
        told = []
        async with ClaudeSDKClient(options) as client:
            for prompt in prompts:
                await client.query(prompt)
                events = ClaudeEvents()
                told.append([one async for said in client.receive_response() for one in events.take(said)])
                assert events.over
        return told


@pytest.mark.anyio
@pytest.mark.parametrize("partial", [True, False])
async def test_a_whole_answer_of_claude_code(
    partial: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thoughts, texts, tools that answer and fail, a sub-agent: streamed, and as whole messages."""
    (events,) = await asked(tmp_path, monkeypatch, "use tools", partial=partial)
    deltas = [one["delta"] for one in events if one["type"] == "text-delta" and "subagent" not in one]
    assert deltas == (
        ["I will", " look.", "Now the", " helper.", "All ", "done."]
        if partial
        else ["I will look.", "Now the helper.", "All done."]
    )
    assert [event for event in events if event["type"].startswith("turnlog-subagent")] == [
        {
            "type": "turnlog-subagent-start",
            "id": "toolu_3",
            "toolCallId": "toolu_3",
            "name": "helper",
            "description": "help",
        },
        {"type": "turnlog-subagent-end", "id": "toolu_3", "state": "completed", "summary": "Helped."},
    ]
    logged = messages(events, "m-1")
    assert [message["role"] for message in logged] == [
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    claude = formats.to_anthropic([{"role": "user", "content": "use tools"}, *logged]).body["messages"]
    assert claude[1]["content"] == FIRST
    pictured, failed = claude[2]["content"]
    # Claude Code says behind it where it keeps the image.
    assert [part["type"] for part in pictured["content"]][:2] == ["text", "image"]
    assert failed == {
        "type": "tool_result",
        "tool_use_id": "toolu_2",
        "content": "it broke",
        "is_error": True,
    }
    assert claude[3]["content"] == SECOND
    assert claude[5]["content"] == "All done."
    apart = messages(events, "m-1", subagent="toolu_3")
    assert [message["role"] for message in apart] == ["user", "assistant", "tool", "assistant"]
    assert formats.to_anthropic(apart).body["messages"][1]["content"] == OF_HELPER
    assert events[-1] == {"type": "finish", "finishReason": "stop"}
    (usage,) = [event["usage"] for event in events if event["type"] == "turnlog-usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (30, 15)


@pytest.mark.anyio
async def test_a_compaction_and_an_error_of_claude_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, compacted, failed = await asked(tmp_path, monkeypatch, "hello", "/compact", "fail at once")
    told = [event for event in compacted if event["type"] == "turnlog-compaction"]
    assert [one["state"] for one in told] == ["running", "completed"]
    assert told[-1]["trigger"] == "manual"
    assert messages(compacted, "m-1") == []  # the summary is no message of the user's
    assert failed[-1]["type"] == "error"
    assert "Overloaded" in failed[-1]["errorText"]
    assert messages(failed, "m-1") == []


SESSION = {"session_id": "s", "uuid": "u"}
RESULT = {"subtype": "success", "duration_ms": 1, "duration_api_ms": 1, "is_error": False, "num_turns": 1}


def partly(*blocks: Json, number: int = 1, whose: str | None = None) -> list[StreamEvent]:
    events = scripted_claude.streamed("claude", number, list(blocks))
    return [StreamEvent(event=event, parent_tool_use_id=whose, **SESSION) for event in events]


def result(**fields: Any) -> ResultMessage:
    return ResultMessage(session_id="s", **{**RESULT, **fields})


def told(*given: Any) -> list[Json]:
    events = ClaudeEvents()
    return [event for message in given for event in events.take(message)]


TEXT = {"type": "text", "text": "Hello"}


def test_event_by_event() -> None:
    events = ClaudeEvents()
    rows: list[tuple[Any, list[Json]]] = [
        (SystemMessage("init", {}), []),
        (partly(TEXT)[0], [{"type": "start"}, {"type": "start-step"}]),
        (partly(TEXT)[1], [{"type": "text-start", "id": "msg_1-0"}]),
        (partly(TEXT)[2], [{"type": "text-delta", "id": "msg_1-0", "delta": "He"}]),
        (partly(TEXT)[3], [{"type": "text-delta", "id": "msg_1-0", "delta": "llo"}]),
        (AssistantMessage([TextBlock("Hello")], "claude", message_id="msg_1"), []),
        (partly(TEXT)[4], [{"type": "text-end", "id": "msg_1-0"}]),
        (partly(TEXT)[5], []),
        (partly(TEXT)[6], []),
        (
            AssistantMessage([ToolUseBlock("c", "look", {"at": 1})], "claude", message_id="msg_1"),
            [{"type": "tool-input-available", "toolCallId": "c", "toolName": "look", "input": {"at": 1}}],
        ),
        (
            UserMessage([ToolResultBlock("c", None, is_error=True)]),
            [{"type": "tool-output-error", "toolCallId": "c", "errorText": "The tool failed."}],
        ),
        (object(), []),
        (
            result(stop_reason="max_tokens"),
            [{"type": "finish-step"}, {"type": "finish", "finishReason": "length"}],
        ),
        (AssistantMessage([TextBlock("late")], "claude"), []),
    ]
    for message, made in rows:
        assert events.take(message) == made, message


def test_a_message_that_is_asked_for_again_drops_what_came_of_it() -> None:
    events = told(*partly(TEXT)[:4], *partly({"type": "text", "text": "Hi."}, number=2), result())
    assert [event["type"] for event in events].count("reset-step") == 1
    assert [message["content"] for message in messages(events, "m-1")] == ["Hi."]


def test_a_message_that_a_tool_has_answered_to_is_not_dropped() -> None:
    """Also where its end was lost: the tool has run."""
    answer = UserMessage([ToolResultBlock("toolu_1", "a cat")])
    called = AssistantMessage([ToolUseBlock("toolu_1", "look", {})], "claude", message_id="msg_1")
    events = told(*partly(FIRST[2])[:-2], called, answer, *partly(TEXT, number=2), result())
    assert [message["role"] for message in messages(events, "m-1")] == ["assistant", "tool", "assistant"]


def test_whole_messages_without_an_id_belong_to_what_is_streamed() -> None:
    stream = partly(TEXT)
    events = told(*stream[:4], AssistantMessage([TextBlock("Hello")], "claude"), *stream[4:], result())
    assert "reset-step" not in [event["type"] for event in events]
    assert [message["content"] for message in messages(events, "m-1")] == ["Hello"]


def test_an_interrupt_is_no_error() -> None:
    events = told(
        *partly(TEXT)[:3],
        result(subtype="error_during_execution", is_error=True, terminal_reason="aborted_streaming"),
    )
    kinds = [event["type"] for event in events]
    assert kinds[-4:] == ["text-end", "abort", "finish-step", "finish"]


def test_a_limit_is_told_in_words() -> None:
    events = told(
        result(subtype="error_max_turns", is_error=True, errors=["Reached maximum number of turns (1)"])
    )
    assert events[-1] == {"type": "error", "errorText": "Reached maximum number of turns (1)"}


def test_hidden_thoughts_go_back_to_the_model() -> None:
    hidden = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "redacted_thinking", "data": "eHh4"},
    }
    stop = {"type": "content_block_stop", "index": 0}
    stream = [StreamEvent(event=one, **SESSION) for one in (partly()[0].event, hidden, stop)]
    exported = formats.to_anthropic(messages(told(*stream, *partly(TEXT)[-1:], result()), "m-1")).body
    assert exported["messages"][-1]["content"] == [{"type": "redacted_thinking", "data": "eHh4"}]


def test_thoughts_that_come_as_a_whole_keep_their_signature() -> None:
    whole = AssistantMessage(
        [ThinkingBlock("I think.", "c2ln"), TextBlock("Hello")], "claude", message_id="msg_1"
    )
    exported = formats.to_anthropic(messages(told(whole, result()), "m-1")).body["messages"]
    assert exported[-1]["content"] == [THOUGHT, TEXT]


def test_an_agent_that_died_ends_as_its_stream_does() -> None:
    events = ClaudeEvents()
    made = [event for one in partly(*FIRST)[:-2] for event in events.take(one)]
    made += events.end("failed", "The agent died.")
    assert made[-1] == {"type": "error", "errorText": "The agent died."}
    assert [message["role"] for message in messages(made, "m-1")] == ["assistant"]


@pytest.mark.parametrize("at", range(30))
def test_what_is_cut_off_and_repeated_shows_nothing_twice(at: int) -> None:
    """Whatever is lost behind a cut, the groups are closed, and what came before stands once."""
    stream = [
        *partly(*FIRST),
        AssistantMessage(
            [ToolUseBlock("toolu_1", "mcp__t__look", {"at": "cat"})], "claude", message_id="msg_1"
        ),
    ]
    events = ClaudeEvents()
    made = [event for one in stream[:at] for event in events.take(one)]
    for one in stream[max(at - 1, 0) : at]:  # a message that comes twice
        if isinstance(one, AssistantMessage):
            assert events.take(one) == []
    made += events.end("cancelled")
    ui = UiMessageStream("m-1")
    assert [chunk["type"] for chunk in ui.take_all(joined(made))][-1] == "finish"
