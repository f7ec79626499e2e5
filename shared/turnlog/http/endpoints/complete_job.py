"""POST /sessions/{session_id}/jobs/{job_id}/complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Fenced, NotFound, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import CompleteJob
from turnlog.operations.complete_job import complete_job
from turnlog.store.jobs import shown
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=CompleteJob, answers={200: "EndedJob"}, errors=(Fenced, NotFound, TooLarge))
async def handler(store: Store, call: Call, *, body: CompleteJob) -> Answer:
    """Complete a job, and put its result into the log, both or neither; the first end stands."""
    ended = await complete_job(
        store,
        call.key,
        call.job_id,
        attempt=body.attempt,
        result=body.result,
        count=body.counted(),
    )
    return Answer(200, dumps({"job": await shown(store, ended.job), "replayed": ended.replayed}))
