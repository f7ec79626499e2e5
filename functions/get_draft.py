"""GET /sessions/{session_id}/draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.answers import Answer
from shared.endpoint import endpoint
from shared.errors import NotFound
from shared.operations.drafts import get_draft
from shared.wire import dumps

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(answers={200: "Draft"}, errors=(NotFound,))
async def handler(store: Store, call: Call) -> Answer:
    """The turn in progress; 503 where there is no cache."""
    return Answer(200, dumps(await get_draft(store, call.key)))
