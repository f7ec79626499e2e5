"""PUT /sessions/{session_id}/draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.messages import PutDraft
from turnlog.operations.drafts import put_draft
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=PutDraft, answers={200: "Draft"}, errors=(NotFound,))
async def handler(store: Store, call: Call, *, body: PutDraft) -> Answer:
    """Keep a turn in progress, in the cache alone; 503 where there is no cache."""
    return Answer(200, dumps(await put_draft(store, call.key, [one.fields() for one in body.messages])))
