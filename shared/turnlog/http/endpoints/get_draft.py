"""GET /sessions/{session_id}/draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.drafts import get_draft
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={200: "Draft"}, errors=(NotFound,))
async def handler(store: Store, call: Call) -> Answer:
    """The turn in progress; 503 where there is no cache."""
    return Answer(200, dumps(await get_draft(store, call.key)))
