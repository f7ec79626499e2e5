"""GET /sessions/{session_id}/jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.http.answers import Answer, with_list
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.limits import JOBS_PAGE
from turnlog.operations.list_jobs import list_jobs
from turnlog.records.jobs import STATES

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "state": Parameter(str, choices=STATES, description="Only jobs in this state."),
        "limit": Parameter(
            int, default=50, minimum=1, maximum=JOBS_PAGE, description="At most this many jobs."
        ),
        "cursor": Parameter(str, description="The `next_cursor` of the page before this one."),
    },
    answers={200: "Jobs"},
    errors=(NotFound,),
)
async def handler(store: Store, call: Call, *, state: str | None, limit: int, cursor: str | None) -> Answer:
    """The session's jobs, the newest first; a page may hold fewer than `limit`."""
    jobs, next_cursor = await list_jobs(store, call.key, state=state, limit=limit, cursor=cursor)
    return Answer(200, with_list({"next_cursor": next_cursor}, "jobs", jobs))
