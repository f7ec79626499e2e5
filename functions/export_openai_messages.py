"""GET /sessions/{session_id}/openai-messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.answers import Answer
from shared.endpoint import endpoint
from shared.errors import NotFound
from shared.operations.export_openai import export_openai_messages
from shared.wire import dumps

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(answers={200: "OpenAIMessages"}, errors=(NotFound,))
async def handler(store: Store, call: Call) -> Answer:
    """The history as Chat Completions messages."""
    return Answer(200, dumps(await export_openai_messages(store, call.key)))
