"""G10: whoever claims a job gets the next attempt, and all workers before it are refused from then on.

The write asks that attempt, state and lease are what was seen. So of two that claim a job one gets it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, LeaseHeld, Unanswered
from turnlog.records.jobs import ASKING, RUNNING
from turnlog.store.doubt import tells_doubt
from turnlog.store.jobs import ended_already, move, seen
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from turnlog.records.jobs import Job
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


@tells_doubt
async def claim_job(store: Store, key: SessionKey, job_id: str, *, lease_seconds: int) -> Job:
    """Claim a job that nobody works on, or whose worker's lease is over; the job as it is then.

    Args:
        lease_seconds: how long it belongs to the caller.

    Raises:
        NotFound: no such session, or no such job of it.
        LeaseHeld: another works on it, or it waits for input.
        JobEnded: it has ended.
        Unavailable: the table refused or did not answer. If the job was claimed, the lease is held.
    """
    token = store.clock.token()
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head, job = await seen(store, meant, job_id)
        meant = head.key
        if job.token == token and job.worked:
            return job
        if job.ended:
            raise ended_already(job)
        now = store.clock.now()
        if job.state == ASKING:
            raise LeaseHeld(
                "The job waits for input. Claim it when it has that.",
                extra={"lease_until": job.lease_until, "state": job.state},
            )
        if job.state == RUNNING and job.held(now):
            raise LeaseHeld(
                f"Another works on the job, and has it until {job.lease_until}. Claim it after that.",
                extra={"lease_until": job.lease_until, "state": job.state},
            )
        after = job._replace(
            state=RUNNING,
            attempt=job.attempt + 1,
            lease_until=timestamp(now + timedelta(seconds=lease_seconds)),
            token=token,
        )
        try:
            claimed = await move(store, head, job, after, same_lease=True)
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this job. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
        else:
            store.counts["jobs_claimed"] += 1
            return claimed
