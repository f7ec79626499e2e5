"""POST /sessions/{session_id}/jobs/{job_id}/fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Fenced, NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import FailJob
from turnlog.operations.complete_job import fail_job
from turnlog.store.jobs import shown
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=FailJob, answers={200: "EndedJob"}, errors=(Fenced, NotFound))
async def handler(store: Store, call: Call, *, body: FailJob) -> Answer:
    """End a job as failed, or give it back; the first end stands."""
    ended = await fail_job(
        store, call.key, call.job_id, attempt=body.attempt, error=body.error, retry=body.retry
    )
    return Answer(200, dumps({"job": await shown(store, ended.job), "replayed": ended.replayed}))
