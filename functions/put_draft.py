"""PUT /sessions/{session_id}/draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.answers import Answer
from shared.endpoint import endpoint
from shared.errors import NotFound
from shared.models.messages import PutDraft
from shared.operations.drafts import put_draft
from shared.wire import dumps

if TYPE_CHECKING:
    from shared.events import Call
    from shared.store import Store


@endpoint(body=PutDraft, answers={200: "Draft"}, errors=(NotFound,))
async def handler(store: Store, call: Call, *, body: PutDraft) -> Answer:
    """Keep a turn in progress, in the cache alone; 503 where there is no cache."""
    return Answer(200, dumps(await put_draft(store, call.key, [one.fields() for one in body.messages])))
