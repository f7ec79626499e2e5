"""What the operations on jobs share: reading one, and refusing whoever does not own it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.errors import Damaged, Fenced, JobEnded, NoSuchObject, NotFound
from turnlog.records import jobs
from turnlog.records.expressions import LIVE, check
from turnlog.records.keys import JobKey

if TYPE_CHECKING:
    from turnlog.records.head import Head
    from turnlog.records.jobs import Job
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


async def find_job(store: Store, key: JobKey) -> Job | None:
    """A job's item as it is now; None if there is none."""
    answer = await store.read("GetItem", {"Key": key.item, "ConsistentRead": True})
    return jobs.from_item(answer["Item"]) if "Item" in answer else None


async def the_job(store: Store, key: JobKey) -> Job:
    """A job of a session that is there, as it is now.

    Raises:
        NotFound: there is no such job.
    """
    job = await find_job(store, key)
    if job is None:
        raise no_job()
    return job


async def seen(store: Store, key: SessionKey | GenerationKey, job_id: str) -> tuple[Head, Job]:
    """The session's head, and one of its jobs, for who does not end it: one that is due is taken for ended.

    Raises:
        NotFound: there is no such session, or no such job of it.
        Unavailable: the table refused or did not answer.
    """
    head = await store.head(key)
    job = await the_job(store, JobKey(head.key, job_id))
    return head, job.seen(store.clock.now())


def no_job() -> NotFound:
    """The answer for a job that a session has not, or no longer."""
    return NotFound("There is no such job.")


async def shown(store: Store, job: Job) -> dict[str, Any]:
    """The job as the contract shows it; a result that is in the bucket is read.

    Raises:
        NotFound: the job was forgotten meanwhile, or its session deleted.
        Damaged: the result is lost.
        Unavailable: the table or the bucket did not answer.
    """
    if (name := job.result_object) is not None and job.result is None:
        bucket = store.bucket()
        try:
            job = job._replace(result=await store.repeated(lambda: bucket.get(name)))
        except NoSuchObject as error:
            await the_job(store, job.key)  # its item goes first
            raise Damaged("The result of the job is missing.") from error
    return job.shown()


def check_worked(job: Job, attempt: int) -> None:
    """Refuse what the worker of another attempt sends, or sends to a job that has ended.

    Raises:
        JobEnded: it has.
        Fenced: the job is another worker's, or nobody's.
    """
    if job.ended:
        raise ended_already(job)
    check_attempt(job, attempt)


def check_attempt(job: Job, attempt: int) -> None:
    """Refuse what the worker of another attempt sends while the job runs.

    Raises:
        Fenced: the job is another worker's, or nobody's.
    """
    if not job.worked or job.attempt != attempt:
        raise Fenced(
            f"The job is not in attempt {attempt}: another worker has claimed it, or it was given back."
            " Stop, and send no more.",
            extra={"attempt": job.attempt, "state": job.state},
        )


def ended_already(job: Job) -> JobEnded:
    """The refusal of what cannot be done with a job that has ended."""
    return JobEnded(f"The job has ended: it is {job.state}.", extra={"state": job.state})


async def move(
    store: Store, head: Head, job: Job, after: Job, *, same_lease: bool = False, ttl: int = 0
) -> Job:
    """Make a job another, if it is what it was, and its session is there; the job then.

    Raises:
        ConditionFailed: either is another by now; nothing was written.
        Contended: nothing was written.
        Unanswered: it may have been.
    """
    await store.transact(
        {"ConditionCheck": check(head.key, LIVE)}, job.moved(after, same_lease=same_lease, ttl=ttl)
    )
    return after._replace(moves=job.moves + 1)
