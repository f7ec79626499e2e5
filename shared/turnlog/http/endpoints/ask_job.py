"""POST /sessions/{session_id}/jobs/{job_id}/ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Fenced, JobEnded, NotFound, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import AskJob
from turnlog.operations.ask_job import ask_job
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=AskJob, answers={200: "JobNow"}, errors=(Fenced, JobEnded, NotFound, TooLarge))
async def handler(store: Store, call: Call, *, body: AskJob) -> Answer:
    """Ask the job's owner for input."""
    job = await ask_job(
        store, call.key, call.job_id, attempt=body.attempt, prompt=body.prompt, schema=body.schema_
    )
    return Answer(200, dumps({"job": job.shown()}))
