"""POST /sessions/{session_id}/tool-calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.messages import AddToolCall
from turnlog.operations.add_tool_call import add_tool_call

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=AddToolCall, answers={200: "ToolCallAdded"}, errors=(NotFound, TooLarge))
async def handler(store: Store, call: Call, *, body: AddToolCall) -> Answer:
    """Add a tool call to the current turn's assistant message, or to a new one if the turn has none."""
    added = await add_tool_call(store, call.key, body.tool_call)
    return Answer(200, b'{"message":' + added.message + b"}")
