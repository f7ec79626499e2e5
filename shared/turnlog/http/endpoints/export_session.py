"""GET /sessions/{session_id}/export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TooLarge
from turnlog.http.answers import NEXT_BEFORE, Answer, in_bucket
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store

WINDOW = {
    "limit": Parameter(
        int,
        minimum=1,
        description="At most this many of the newest stored messages, and those before them that the first"
        " turn needs. Without it, as many as fit into an answer.",
    ),
    "before": Parameter(int, description="Only messages with a lower sequence."),
    "keep_system": Parameter(
        bool, default=False, description="Put the system message with which the session begins in front."
    ),
}


@endpoint(
    query={
        "format": Parameter(
            str,
            required=True,
            choices=("openai-responses", "anthropic", "ai-sdk", "markdown", "jsonl"),
            description="`markdown` and `jsonl` are answered as text, the others as JSON.",
            otherwise="; Chat Completions messages are at GET /sessions/{session_id}/openai-messages"
            " (in Python: export_openai_messages)",
        ),
        **WINDOW,
    },
    answers={200: "ExportedSession"},
    errors=(NotFound, TooLarge),
    text_answer=True,
    file_answer=True,
)
async def handler(
    store: Store,
    call: Call,
    *,
    format: str,  # noqa: A002
    limit: int | None,
    before: int | None,
    keep_system: bool,
) -> Answer:
    """The history in the words of a provider, which accepts it, whatever is stored; or as a text.

    If it is larger than an answer can be, the answer is JSON in any case, and `file` says where all of it is.
    """
    from turnlog.operations.export_history import TEXTS, export_history  # noqa: PLC0415 (15 modules of formats)

    export = await export_history(
        store, call.key, format, limit=limit, before=before, keep_system=keep_system
    )
    before_it = format in TEXTS and export.next_before is not None
    headers = {NEXT_BEFORE: str(export.next_before)} if before_it else {}
    if export.file:
        return in_bucket(export.file, headers)
    told = {"content-type": TEXTS[format]} if format in TEXTS else {}
    return Answer(200, export.body, told | headers)
