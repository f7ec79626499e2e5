"""GET /sessions/{session_id}/files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import FilesOff, Invalid, NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.limits import FILES_AT_ONCE
from turnlog.operations.list_files import list_files
from turnlog.records.keys import is_file_id
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "limit": Parameter(
            int, default=50, minimum=1, maximum=FILES_AT_ONCE, description="At most this many files."
        ),
        "cursor": Parameter(str, description="The `next_cursor` of the page before this one."),
    },
    answers={200: "Files"},
    errors=(NotFound, FilesOff),
)
async def handler(store: Store, call: Call, *, limit: int, cursor: str | None) -> Answer:
    """The session's files in the order in which they were asked for; `uploaded`: the bytes have come."""
    if cursor is not None and not is_file_id(cursor):
        raise Invalid.at("query", "cursor", msg="must be a next_cursor that this list gave")
    files, next_cursor = await list_files(store, call.key, after=cursor, limit=limit)
    return Answer(200, dumps({"files": files, "next_cursor": next_cursor}))
