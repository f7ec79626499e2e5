"""A worker keeps its job: each heartbeat moves the end of its lease, and tells whether to stop.

It is one write to the job's item, on the condition of its attempt. The job's version moves with its progress
alone: whoever waits for a change is not woken by a lease.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended, TooLarge, Unanswered
from turnlog.limits import JOB_PROGRESS_LIMIT
from turnlog.records import jobs
from turnlog.records.expressions import attribute
from turnlog.store.doubt import tells_doubt
from turnlog.store.jobs import check_worked, seen
from turnlog.wire import dumps, timestamp

if TYPE_CHECKING:
    from turnlog.records.jobs import Job
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


def progress_text(progress: Any) -> str | None:
    """JSON text of what a worker says of its progress; None: it says nothing.

    Raises:
        TooLarge: it says too much.
    """
    if progress is None:
        return None
    encoded = dumps(progress, "body", "progress")
    if len(encoded) > JOB_PROGRESS_LIMIT:
        raise TooLarge(
            f"The progress takes {len(encoded)} bytes, and is at most {JOB_PROGRESS_LIMIT}. Say less of it."
        )
    return encoded.decode()


@tells_doubt
async def heartbeat_job(
    store: Store, key: SessionKey, job_id: str, *, attempt: int, lease_seconds: int, progress: Any = None
) -> Job:
    """Keep a job for so many seconds from now on; the job afterwards.

    Args:
        attempt: of the worker.
        progress: how far it is, in its own words; None: as it said last.

    Raises:
        NotFound: no such session, or no such job of it.
        JobEnded: the job has ended.
        Fenced: the job is another worker's, or nobody's.
        TooLarge: the progress.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    text = progress_text(progress)
    told = {} if text is None else {"progress": attribute(text)}
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head, job = await seen(store, meant, job_id)
        meant = head.key
        check_worked(job, attempt)
        until = timestamp(store.clock.now() + timedelta(seconds=lease_seconds))
        change = jobs.update(
            job.key,
            {"lease_until": attribute(until), **told},
            plus={"moves": 1} if told else None,
            # One that has ended, or was given back, has no lease.
            condition="#attempt = :attempt AND attribute_exists(#lease_until)",
            values={"attempt": attempt},
        )
        try:
            answer = await store.write("UpdateItem", {**change, "ReturnValues": "ALL_NEW"})
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this job. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
        else:
            return jobs.from_item(answer["Attributes"])
