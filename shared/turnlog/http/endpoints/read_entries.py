"""GET /sessions/{session_id}/transcripts/{name}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TooLarge
from turnlog.http.answers import Answer, in_bucket, with_list
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.limits import MAX_IMPORT
from turnlog.operations.read_entries import read_entries
from turnlog.wire import JSONL, dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "after": Parameter(int, minimum=-1, description="Only entries with a higher position."),
        "limit": Parameter(int, minimum=1, maximum=MAX_IMPORT),
        "format": Parameter(
            str, default="json", choices=("json", "jsonl"), description="`jsonl`: one entry a line."
        ),
    },
    answers={200: "EntryPage"},
    errors=(NotFound, TooLarge),
    transcripts=True,
    jsonl_answer=True,
    file_answer=True,
)
async def handler(store: Store, call: Call, *, after: int | None, limit: int | None, format: str) -> Answer:  # noqa: A002
    """A transcript's entries, or those behind a position: as many as fit into an answer.

    If the first one alone does not fit, the answer is JSON in any case, and `file` says where the entry is.
    JSON lines without `after` and `limit` are the whole transcript: if it does not fit, `file` says where all
    of them are.
    """
    text = format == "jsonl"
    page = await read_entries(
        store,
        call.transcript,
        after=-1 if after is None else after,
        limit=limit,
        whole=text and after is None and limit is None,
    )
    if page.text:
        return in_bucket(page.text)
    headers = {"x-turnlog-next-after": str(page.end - 1)} if text and page.has_more else {}
    if page.file:
        return Answer(200, dumps({**page.bounds(), "entries": [], "file": page.file}), headers)
    if not text:
        return Answer(200, with_list(page.bounds(), "entries", page.lines))
    return Answer(200, b"".join(line + b"\n" for line in page.lines), {"content-type": JSONL, **headers})
