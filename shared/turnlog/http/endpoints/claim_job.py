"""POST /sessions/{session_id}/jobs/{job_id}/claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import JobEnded, LeaseHeld, NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import ClaimJob
from turnlog.operations.claim_job import claim_job
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=ClaimJob, body_required=False, answers={200: "ClaimedJob"}, errors=(JobEnded, LeaseHeld, NotFound)
)
async def handler(store: Store, call: Call, *, body: ClaimJob) -> Answer:
    """Claim a job that nobody works on; its worker's writes name the attempt."""
    job = await claim_job(store, call.key, call.job_id, lease_seconds=body.lease_seconds)
    fields = {"job": job.shown(), "attempt": job.attempt, "lease_until": job.lease_until}
    return Answer(200, dumps(fields))
