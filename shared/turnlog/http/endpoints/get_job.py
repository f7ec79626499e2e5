"""GET /sessions/{session_id}/jobs/{job_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.http.events import Parameter
from turnlog.limits import MAX_WAIT
from turnlog.operations.get_job import get_job
from turnlog.store.jobs import shown
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    query={
        "version": Parameter(int, description="Wait while the job has this version."),
        "wait": Parameter(int, default=0, maximum=MAX_WAIT, description="Seconds to wait at the most."),
    },
    answers={200: "JobNow"},
    errors=(NotFound,),
)
async def handler(store: Store, call: Call, *, version: int | None, wait: int) -> Answer:
    """A job as it is now, or when it has another version than the given one."""
    job = await get_job(store, call.key, call.job_id, version=version, wait=wait)
    return Answer(200, dumps({"job": await shown(store, job)}))
