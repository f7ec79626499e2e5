"""GET /sessions/{session_id}/messages/{sequence}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.get_message import get_message

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={200: "Message"}, errors=(NotFound, TooLarge))
async def handler(store: Store, call: Call) -> Answer:
    """The message at a sequence."""
    return Answer(200, await get_message(store, call.key, call.sequence))
