"""POST /sessions/{session_id}/jobs/{job_id}/heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Fenced, JobEnded, NotFound, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import HeartbeatJob
from turnlog.operations.heartbeat_job import heartbeat_job
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=HeartbeatJob, answers={200: "JobHeartbeat"}, errors=(Fenced, JobEnded, NotFound, TooLarge))
async def handler(store: Store, call: Call, *, body: HeartbeatJob) -> Answer:
    """Keep a job for so many seconds from now on, and say how far it is; `cancel`: stop."""
    job = await heartbeat_job(
        store,
        call.key,
        call.job_id,
        attempt=body.attempt,
        lease_seconds=body.lease_seconds,
        progress=body.progress,
    )
    return Answer(200, dumps({"lease_until": job.lease_until, "cancel": job.asked_to_cancel()}))
