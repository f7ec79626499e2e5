"""GET /sessions/{session_id}/openai-messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TooLarge
from turnlog.http.answers import Answer, in_bucket
from turnlog.http.endpoint import endpoint
from turnlog.http.endpoints.export_session import WINDOW

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(query=WINDOW, answers={200: "OpenAIMessages"}, errors=(NotFound, TooLarge), file_answer=True)
async def handler(
    store: Store, call: Call, *, limit: int | None, before: int | None, keep_system: bool
) -> Answer:
    """The history as Chat Completions messages that the API accepts, whatever is stored.

    If it is larger than an answer can be, `file` says where all of it is.
    """
    from turnlog.operations.export_history import export_history  # noqa: PLC0415 (15 modules of formats)

    export = await export_history(
        store, call.key, "openai-messages", limit=limit, before=before, keep_system=keep_system
    )
    return in_bucket(export.file) if export.file else Answer(200, export.body)
