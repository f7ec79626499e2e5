"""POST /sessions/{session_id}/jobs/{job_id}/cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import CancelJob
from turnlog.operations.cancel_job import cancel_job
from turnlog.store.jobs import shown
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=CancelJob, body_required=False, answers={200: "JobNow", 202: "JobNow"}, errors=(NotFound,))
async def handler(store: Store, call: Call, *, body: CancelJob) -> Answer:
    """Cancel a job; 202: its worker is asked to, and after 30 seconds it is done; 200: it has ended."""
    job = await cancel_job(store, call.key, call.job_id, reason=body.reason)
    return Answer(200 if job.ended else 202, dumps({"job": await shown(store, job)}))
