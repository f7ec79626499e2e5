"""POST /sessions/{session_id}/jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import IdempotencyKeyReused, NotFound, TooLarge
from turnlog.http.answers import Answer, job_location
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import StartJob
from turnlog.operations.start_job import Start, start_job
from turnlog.store.jobs import shown
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=StartJob,
    headers=("idempotency-key",),
    answers={201: "StartedJob", 200: "StartedJob"},
    located=True,
    errors=(IdempotencyKeyReused, NotFound, TooLarge),
)
async def handler(store: Store, call: Call, *, body: StartJob) -> Answer:
    """Start a job; 200: the job that was started with this Idempotency-Key is there already (a replay)."""
    start = Start(
        body.tool,
        body.input,
        body.tool_call_id,
        deadline_seconds=body.deadline_seconds,
        webhook=body.webhook,
        then=body.then,
    )
    job, started = await start_job(store, call.key, call.idempotency_key, start)
    hook = {} if job.hook_token is None else {"url": f"{call.base_url}/hooks/jobs", "token": job.hook_token}
    answer = dumps({"job": await shown(store, job), **({"webhook": hook} if hook else {})})
    return Answer(201, answer, job_location(job.key)) if started else Answer(200, answer)
