"""POST /sessions/{session_id}/jobs/{job_id}/input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import JobEnded, NotAsked, NotFound, TooLarge
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import AnswerJob
from turnlog.operations.ask_job import answer_job
from turnlog.store.jobs import shown
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=AnswerJob, answers={200: "JobNow"}, errors=(JobEnded, NotAsked, NotFound, TooLarge))
async def handler(store: Store, call: Call, *, body: AnswerJob) -> Answer:
    """Give a job the input that its worker asks for."""
    job = await answer_job(store, call.key, call.job_id, given=body.input)
    return Answer(200, dumps({"job": await shown(store, job)}))
