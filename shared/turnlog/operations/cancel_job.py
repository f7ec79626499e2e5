"""A job is cancelled at once if nobody works on it. Else its worker is told with its next heartbeat.

The worker then ends the job. If it does not, the job is ended half a minute later, by whoever looks at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, Unanswered
from turnlog.operations.end_job import Ending, end_job
from turnlog.operations.look_at_job import look
from turnlog.store.doubt import tells_doubt
from turnlog.store.jobs import move
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.records.jobs import Job
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


@tells_doubt
async def cancel_job(store: Store, key: SessionKey, job_id: str, *, reason: str | None = None) -> Job:
    """Cancel a job, or ask its worker to; the job as it is, which may have ended before.

    Args:
        reason: for the worker, and for the log.

    Raises:
        NotFound: no such session, or no such job of it.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head, job = await look(store, meant, job_id)
        meant = head.key
        if job.ended or (job.worked and job.cancel is not None):
            return job
        asked = dumps({"reason": reason, "asked_at": store.now()}, "body", "reason").decode()
        if not job.worked:
            ending = Ending("cancelled", cancel=asked, idle=True)
            job = (await end_job(store, meant, job_id, ending, seen=(head, job))).job
            if job.ended:
                return job
            continue  # somebody has claimed it meanwhile
        try:
            return await move(store, head, job, job._replace(cancel=asked))
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this job. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
