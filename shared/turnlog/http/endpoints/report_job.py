"""POST /hooks/jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Invalid, TooLarge, Unauthenticated
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.models.jobs import ReportJob
from turnlog.operations.report_job import report_job
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(
    body=ReportJob, public=True, answers={200: "JobReported"}, errors=(Invalid, TooLarge, Unauthenticated)
)
async def handler(store: Store, call: Call, *, body: ReportJob) -> Answer:
    """Tell of a job by its webhook's token, which is the bearer; the first end stands."""
    told = await report_job(
        store,
        call.bearer,
        state=body.state,
        result=body.result,
        error=body.error,
        progress=body.progress,
    )
    return Answer(200, dumps({"state": told.job.state, "replayed": told.replayed}))
