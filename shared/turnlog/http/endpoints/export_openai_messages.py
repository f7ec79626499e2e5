"""GET /sessions/{session_id}/openai-messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.export_openai import export_openai_messages
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={200: "OpenAIMessages"}, errors=(NotFound, TooLarge))
async def handler(store: Store, call: Call) -> Answer:
    """The history as Chat Completions messages."""
    return Answer(200, dumps(await export_openai_messages(store, call.key)))
