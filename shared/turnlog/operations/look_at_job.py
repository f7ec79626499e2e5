"""G10: whoever looks at a job that is past its deadline, or cancelled half a minute ago, ends it first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.records.keys import JobKey
from turnlog.store.jobs import the_job

if TYPE_CHECKING:
    from turnlog.records.head import Head
    from turnlog.records.jobs import Job
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


async def look(store: Store, key: SessionKey | GenerationKey, job_id: str) -> tuple[Head, Job]:
    """The session's head, and one of its jobs, which is ended first if it is due to be.

    Raises:
        NotFound: there is no such session, or no such job of it.
        Unavailable: the table refused or did not answer.
    """
    head = await store.head(key)
    return head, await current(store, head, await the_job(store, JobKey(head.key, job_id)))


async def current(store: Store, head: Head, job: Job) -> Job:
    """The job as it was read; or as it is when it has ended, if it was due to.

    Args:
        head: the session's.
        job: as it was read.

    Raises:
        NotFound: there is no such session, or no such job of it.
        Unavailable: the table refused or did not answer.
    """
    state = job.due(store.clock.now())
    if state is None:
        return job
    from turnlog.operations.end_job import Ending, end_job  # noqa: PLC0415 (most are not due)

    ended = await end_job(store, head.key, job.key.job_id, Ending(state), seen=(head, job))
    return ended.job
