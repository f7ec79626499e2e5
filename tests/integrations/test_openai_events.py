"""What the OpenAI Agents SDK gives, as a stream's events: of its runner, and one by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, RunConfig, Runner, ToolOutputImage, function_tool
from agents.exceptions import MaxTurnsExceeded
from agents.stream_events import AgentUpdatedStreamEvent, RawResponsesStreamEvent, RunItemStreamEvent
from agents.testing import ModelStep, ScriptedModel
from agents.usage import Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseFunctionWebSearch,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
)
from openai.types.responses.response_output_item import ImageGenerationCall, McpCall
from openai.types.responses.response_reasoning_item import ResponseReasoningItem, Summary

from turnlog import formats
from turnlog.integrations.openai_events import OpenAIEvents
from turnlog.streams.adapters.log import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]
PNG = "iVBORw0KGgo="


def text(said: str, known: str = "msg_1") -> ResponseOutputMessage:
    part = ResponseOutputText(text=said, type="output_text", annotations=[])
    return ResponseOutputMessage(
        id=known, type="message", role="assistant", status="completed", content=[part]
    )


def call(name: str, arguments: str, known: str) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        id=f"fc_{known}", call_id=known, type="function_call", name=name, arguments=arguments
    )


THOUGHT = ResponseReasoningItem(
    id="rs_1",
    type="reasoning",
    summary=[Summary(text="I think.", type="summary_text"), Summary(text="Twice.", type="summary_text")],
    encrypted_content="eHh4",
)


@function_tool  # type: ignore[untyped-decorator]
def look(at: str) -> str:
    """Look."""
    return f"a {at}"


@function_tool  # type: ignore[untyped-decorator]
def picture(at: str) -> ToolOutputImage:
    """Look closely."""
    return ToolOutputImage(image_url=f"data:image/png;base64,{PNG}" if at else "")


async def run(agent: Agent[Any], events: OpenAIEvents, **options: Any) -> list[Json]:
    """The events of a run, as a program takes them."""
    made: list[Json] = []
    result = Runner.run_streamed(agent, "hi", run_config=RunConfig(tracing_disabled=True), **options)
    try:
        async for event in result.stream_events():
            made += events.take(event)
    except MaxTurnsExceeded as error:
        return made + events.end("failed", str(error))
    return made + events.end()


@pytest.mark.anyio
async def test_a_whole_run() -> None:
    """Thoughts, a text, two tools, another agent to which it is handed over."""
    usage = Usage(requests=1, input_tokens=3, output_tokens=4, total_tokens=7)
    first = [
        THOUGHT,
        text("I will look."),
        call("look", '{"at": "cat"}', "c1"),
        call("picture", '{"at": "x"}', "c2"),
    ]
    other = Agent(name="other", model=ScriptedModel([[text("I am the other.", "msg_2")]]))
    steps = [ModelStep(output=first, usage=usage), ModelStep(output=[call("transfer_to_other", "{}", "c3")])]
    agent = Agent(name="main", model=ScriptedModel(steps), tools=[look, picture], handoffs=[other])
    events = await run(agent, OpenAIEvents())

    logged = messages(events, "m-1")
    roles = ["assistant", "tool", "tool", "assistant", "tool", "assistant"]
    assert [message["role"] for message in logged] == roles
    assert formats.to_responses(logged).body["input"] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "I think.\nTwice."}],
            "encrypted_content": "eHh4",
        },
        {"role": "assistant", "content": "I will look."},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at":"cat"}'},
        {"type": "function_call", "call_id": "c2", "name": "picture", "arguments": '{"at":"x"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG}"}
            ],
        },
        {"type": "function_call", "call_id": "c3", "name": "transfer_to_other", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c3", "output": '{"assistant": "other"}'},
        {"role": "assistant", "content": "I am the other."},
    ]
    assert [event["messageMetadata"]["agent"] for event in events if event["type"] == "message-metadata"] == [
        "main",
        "other",
    ]
    usages = [event["usage"] for event in events if event["type"] == "turnlog-usage"]
    assert (usages[0]["input_tokens"], usages[0]["output_tokens"]) == (3, 4)
    assert events[-1] == {"type": "finish", "finishReason": "stop"}


@pytest.mark.anyio
async def test_a_run_that_raises_ends_by_its_error() -> None:
    steps = [[call("look", '{"at": "cat"}', f"c{number}")] for number in range(3)]
    agent = Agent(name="main", model=ScriptedModel(steps), tools=[look])
    events = await run(agent, OpenAIEvents(), max_turns=1)
    assert events[-1] == {"type": "error", "errorText": "Max turns (1) exceeded"}


def raw(**fields: Any) -> RawResponsesStreamEvent:
    """One of the model's own events."""
    return RawResponsesStreamEvent(data=fields)


def item(name: Any, given: Any) -> RunItemStreamEvent:
    return RunItemStreamEvent(name=name, item=SimpleNamespace(raw_item=given))


def taken(given: Sequence[Any]) -> list[Json]:
    events = OpenAIEvents()
    return [*(made for event in given for made in events.take(event)), *events.end()]


CREATED, COMPLETED = raw(type="response.created"), raw(type="response.completed", response={})
PART = {"item_id": "msg_1", "content_index": 0}
ADDED = raw(type="response.content_part.added", part={"type": "output_text"}, **PART)


def said(delta: str) -> RawResponsesStreamEvent:
    return raw(type="response.output_text.delta", delta=delta, **PART)


def test_event_by_event() -> None:
    events = OpenAIEvents()
    named = {"toolCallId": "c", "toolName": "look"}
    function = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "look", "arguments": ""}
    url = {"type": "url_citation", "url": "https://example.com", "title": "Example"}
    rows: list[tuple[Any, list[Json]]] = [
        (CREATED, [{"type": "start"}, {"type": "start-step"}]),
        (raw(type="response.in_progress"), []),
        (ADDED, [{"type": "text-start", "id": "msg_1-0"}]),
        (said("Hel"), [{"type": "text-delta", "id": "msg_1-0", "delta": "Hel"}]),
        (
            raw(type="response.output_text.annotation.added", annotation=url, **PART),
            [{"type": "source-url", "sourceId": url["url"], "url": url["url"], "title": "Example"}],
        ),
        (
            raw(type="response.content_part.done", part={"type": "output_text"}, **PART),
            [{"type": "text-end", "id": "msg_1-0"}],
        ),
        (raw(type="response.output_item.added", item=function), [{"type": "tool-input-start", **named}]),
        (
            raw(type="response.function_call_arguments.delta", item_id="fc_1", delta="{"),
            [{"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": "{"}],
        ),
        (
            raw(type="response.output_item.done", item={**function, "arguments": '{"at": 1}'}),
            [
                {
                    "type": "tool-input-available",
                    **named,
                    "input": {"at": 1},
                    "providerMetadata": {"openai": {"itemId": "fc_1"}},
                }
            ],
        ),
        (COMPLETED, []),
        (item("message_output_created", text("Hel").model_dump()), []),
        (item("tool_called", {**function, "arguments": '{"at": 1}'}), []),
        (
            item("tool_output", {"type": "function_call_output", "call_id": "c", "output": "a cat"}),
            [{"type": "tool-output-available", "toolCallId": "c", "output": "a cat"}],
        ),
        (
            AgentUpdatedStreamEvent(new_agent=Agent(name="other")),
            [{"type": "message-metadata", "messageMetadata": {"agent": "other"}}],
        ),
        (raw(type="response.of_tomorrow"), []),
        (SimpleNamespace(type="of_tomorrow"), []),
    ]
    for event, made in rows:
        assert events.take(event) == made, event
    assert events.end("cancelled")[-1] == {"type": "finish", "finishReason": "other"}
    assert events.over


def test_a_model_that_does_not_stream_says_the_same() -> None:
    """Then the run's items say it, behind the whole response."""
    given = [
        COMPLETED,
        item("reasoning_item_created", THOUGHT),
        item("message_output_created", text("Hello")),
        item("tool_called", call("look", "{}", "c")),
        item("tool_output", {"type": "function_call_output", "call_id": "c", "output": "a cat"}),
    ]
    (whole, answer) = messages(taken(given), "m-1")
    told = {"openai": {"itemId": "rs_1", "reasoningEncryptedContent": "eHh4"}}
    assert whole["content"][:2] == [
        {"type": "reasoning", "text": "I think.\nTwice.", "providerMetadata": told},
        {"type": "text", "text": "Hello"},
    ]
    assert (whole["content"][2]["toolCallId"], answer["content"]) == ("c", "a cat")


def test_a_response_that_is_asked_for_again_drops_what_came_of_it() -> None:
    events = taken([CREATED, ADDED, said("Hel"), CREATED, ADDED, said("Hi."), COMPLETED])
    assert [event["type"] for event in events].count("reset-step") == 1
    assert [message["content"] for message in messages(events, "m-1")] == ["Hi."]


def test_a_response_that_a_tool_has_answered_to_is_not_dropped() -> None:
    """Also where its end was lost: the tool has run."""
    answer = {"type": "function_call_output", "call_id": "c", "output": "a cat"}
    called = raw(type="response.output_item.done", item=call("look", "{}", "c").model_dump())
    events = taken([CREATED, called, item("tool_output", answer), CREATED, ADDED, said("Hi."), COMPLETED])
    assert [message["role"] for message in messages(events, "m-1")] == ["assistant", "tool", "assistant"]


def test_a_response_that_is_cut_short_says_why() -> None:
    why = {"incomplete_details": {"reason": "max_output_tokens"}}
    events = taken([CREATED, ADDED, said("Hel"), raw(type="response.incomplete", response=why)])
    assert events[-1] == {"type": "finish", "finishReason": "length"}


def test_the_models_own_error_is_told_where_the_caller_has_none() -> None:
    events = OpenAIEvents()
    events.take(raw(type="response.failed", response={"error": {"code": "x", "message": "Overloaded."}}))
    assert events.end("failed")[-1] == {"type": "error", "errorText": "Overloaded."}


def test_tools_that_openai_runs_are_calls_with_their_result() -> None:
    search = ResponseFunctionWebSearch(
        id="ws_1", type="web_search_call", status="completed", action={"type": "search", "query": "cats"}
    )
    mcp = McpCall(
        id="mcp_1", type="mcp_call", name="find", arguments='{"q": 1}', server_label="s", output="found"
    )
    image = ImageGenerationCall(id="ig_1", type="image_generation_call", status="completed", result=PNG)
    refusal = ResponseOutputMessage(
        id="msg_2",
        type="message",
        role="assistant",
        status="completed",
        content=[ResponseOutputRefusal(type="refusal", refusal="I will not.")],
    )
    given = [
        raw(type="response.output_item.done", item=one.model_dump()) for one in (search, mcp, image, refusal)
    ]
    events = taken([CREATED, *given, *given])  # a repeat says nothing
    calls = [event for event in events if event["type"] == "tool-input-available"]
    assert [(one["toolName"], one["providerExecuted"]) for one in calls] == [
        ("web_search", True),
        ("find", True),
    ]
    outputs = [event["output"] for event in events if event["type"] == "tool-output-available"]
    assert outputs == [{"status": "completed"}, "found"]
    (file,) = [event for event in events if event["type"] == "file"]
    assert file == {"type": "file", "url": f"data:image/png;base64,{PNG}", "mediaType": "image/png"}
    assert [event["delta"] for event in events if event["type"] == "text-delta"] == ["I will not."]
