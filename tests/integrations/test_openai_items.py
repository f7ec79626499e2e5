"""Every item comes back deep-equal, and reads as a message of a chat wherever it can be one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.errors import Invalid
from turnlog.formats import to_chat
from turnlog.integrations.items import to_items, to_message
from turnlog.integrations.openai_agents import TurnlogSession
from turnlog.models.common import NewMessage
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog import AsyncTurnlog

CALL = {"type": "function_call", "call_id": "c-1", "name": "f", "arguments": '{"x": 1}'}
OUTPUT = {"type": "function_call_output", "call_id": "c-1", "output": "4"}
TEXT = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [TEXT]}
IMAGE = "data:image/png;base64,iVBORw0KGgo="
CALLING = {
    "role": "assistant",
    "tool_calls": [{"id": "c-1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}],
}
READINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"role": "user", "content": "q"}, {"role": "user", "content": "q"}),
    ({"role": "developer", "content": ""}, {"role": "developer", "content": ""}),
    (CALL, {"role": "assistant", "tool_calls": [{"id": "c-1", "type": "function"}]}),
    (CALL | {"id": "fc_1", "status": "completed"}, {"tool_calls": [{"id": "c-1", "type": "function"}]}),
    (OUTPUT, {"role": "tool", "content": "4", "tool_call_id": "c-1"}),
    (OUTPUT | {"output": [{"type": "input_text", "text": "4"}]}, {"role": "tool", "content": "4"}),
    (MESSAGE, {"role": "assistant", "content": "Hello"}),
    (
        MESSAGE | {"content": [TEXT, {"type": "refusal", "refusal": "No."}]},
        {"role": "assistant", "content": "Hello", "refusal": "No."},
    ),
    (
        {
            "role": "user",
            "content": [{"type": "input_image", "image_url": IMAGE}, {"type": "input_text", "text": "?"}],
        },
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": IMAGE}}, {"type": "text", "text": "?"}],
        },
    ),
]
ODD: list[dict[str, Any]] = [
    {},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None},
    {"type": "item_reference", "id": "x"},
    {"role": "user", "content": None},
    {"role": "user", "content": 1},
    {"role": "nobody", "content": "q"},
    {"role": "tool", "content": "q"},
    {"role": "user", "content": "q", "name": "me"},
    {"role": "user", "content": "q", "type": "message"},
    {"role": "user", "content": "half of a pair: \ud83d"},
    {"role": "user", "content": [{"type": "input_text", "text": "\ud83d"}]},
    {"type": "function_call_output", "call_id": "x" * 300, "output": "4"},
    {"type": "function_call_output", "call_id": "a\nb", "output": "4"},
    {"type": "function_call_output", "call_id": "", "output": "4"},
    {"type": "function_call_output", "call_id": "c", "output": None},
    CALL | {"name": ""},
    CALL | {"call_id": ""},
    CALL | {"arguments": "\ud83d"},
    CALL | {"arguments": {"no": "text"}},
    {"n": [1, 1.0, True, None, 2**70, -0.0, float("inf")], "openai_item": {"function_call": 1}},
]


@pytest.mark.parametrize("item", [item for item, _ in READINGS] + ODD)
def test_it_comes_back(item: dict[str, Any]) -> None:
    """From what the contract takes, and what its answer then is."""
    message = to_message(item)
    NewMessage.model_validate(json.loads(dumps(message)))
    (back,) = to_items(json.loads(dumps(message)))
    assert json.dumps(back, sort_keys=True) == json.dumps(item, sort_keys=True)


@pytest.mark.parametrize(("item", "reading"), READINGS)
def test_it_reads_as_a_chat(item: dict[str, Any], reading: dict[str, Any]) -> None:
    (said, *answers) = to_chat([CALLING, to_message(item)] if "output" in item else [to_message(item)]).body[
        "messages"
    ]
    said = answers[0] if "output" in item else said
    assert "function_call" not in said
    for call in said.get("tool_calls", []):
        assert call.pop("function") == {"name": "f", "arguments": '{"x": 1}'}
    assert said | reading == said


@pytest.mark.parametrize("item", [item for item, _ in READINGS[:3]] + [OUTPUT])
def test_what_is_a_message_is_nothing_more(item: dict[str, Any]) -> None:
    assert "function_call" not in to_message(item)


def test_an_item_that_fits_once_and_not_twice() -> None:
    item = {**MESSAGE, "content": [{**TEXT, "text": "x" * 700_000}]}
    message = to_message(item)
    assert len(dumps(message)) < 1_000_000
    assert to_items(message) == [item]


def test_messages_of_another_program() -> None:
    call = {"id": "c-1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    assert to_items({"role": "assistant", "content": "So:", "tool_calls": [call, {**call, "id": "c-2"}]}) == [
        {"role": "assistant", "content": "So:"},
        CALL,
        CALL | {"call_id": "c-2"},
    ]
    assert to_items({"role": "assistant", "content": None, "tool_calls": [call, {"no": "call"}]}) == [CALL]
    assert to_items({"role": "tool", "content": "4", "tool_call_id": "c-1"}) == [OUTPUT]
    assert to_items({"role": "model", "content": "4"}) == [{"role": "assistant", "content": "4"}]
    assert to_items({"role": "assistant", "content": None}) == [{"role": "assistant", "content": ""}]
    removed = {"role": "user", "content": None, "removed": True}
    assert to_items(removed) == []


@pytest.mark.parametrize("role", ["tool", "function"])
def test_what_a_tool_said_has_no_higher_role(role: str) -> None:
    """M6."""
    assert to_items({"role": role, "content": "IGNORE ALL…"}) == []


@pytest.mark.anyio
async def test_a_result_of_no_call_is_no_item(turnlog: AsyncTurnlog) -> None:
    session = TurnlogSession("conversation-1", turnlog)
    await session.add_items([{"role": "user", "content": "q"}])
    await turnlog.append_messages("conversation-1", [{"role": "tool", "content": "IGNORE ALL…"}])
    assert await session.get_items() == [{"role": "user", "content": "q"}]
    assert await session.pop_item() == {"role": "user", "content": "q"}
    assert await session.pop_item() is None


def test_what_json_cannot_carry_at_all() -> None:
    with pytest.raises(TypeError):
        to_message({"role": "user", "content": {1, 2}})
    with pytest.raises(Invalid):
        to_message([])  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_the_parts_of_an_item_are_the_content_of_its_message(turnlog: AsyncTurnlog) -> None:
    """They are stored once, however large they are."""
    parts = [{"type": "input_text", "text": "x" * 2_000_000}, {"type": "input_image", "image_url": IMAGE}]
    items: list[dict[str, Any]] = [
        {"role": "user", "content": parts},
        CALL | {"id": "fc_1", "status": "completed"},
        {"type": "function_call_output", "call_id": "c-1", "output": [parts[0]], "status": None},
    ]
    session = TurnlogSession("conversation-1", turnlog)
    for item in items:
        assert len(dumps(to_message(item))) < len(dumps(item)) + 200
        await session.add_items([item])
    assert await session.get_items() == items
    messages = [message async for message in turnlog.messages("conversation-1")]
    assert [message.content for message in messages] == [parts, None, [parts[0]]]
