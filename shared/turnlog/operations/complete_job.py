"""A worker ends its job: with a result, as failed, or by giving it back to be tried again. See `end_job`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended, TooLarge, Unanswered
from turnlog.limits import JOB_RESULT_LIMIT
from turnlog.operations.end_job import Ended, Ending, end_job
from turnlog.operations.look_at_job import look
from turnlog.records.jobs import PENDING, said
from turnlog.store.doubt import tells_doubt
from turnlog.store.jobs import check_attempt, move
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


def completed(
    result: Any, *, attempt: int | None = None, count: Mapping[str, Mapping[str, int]] | None = None
) -> Ending:
    """The end with a result.

    Raises:
        TooLarge: the result.
    """
    size = payload_size(dumps(result, "body", "result"))
    if size > JOB_RESULT_LIMIT:
        raise TooLarge(
            f"The result takes {size} bytes, and a job's is at most {JOB_RESULT_LIMIT}. Put it into a file of"
            " the session, and give the file's id."
        )
    return Ending("completed", attempt, result, said("result", result), counted=count or {})


@tells_doubt
async def complete_job(
    store: Store,
    key: SessionKey,
    job_id: str,
    *,
    attempt: int,
    result: Any,
    count: Mapping[str, Mapping[str, int]] | None = None,
) -> Ended:
    """Complete a job, once: if it has ended, it is answered as it ended.

    Args:
        attempt: of the worker.
        result: JSON; the message in the log has it as text.
        count: what is added to the session's counters.

    Raises:
        NotFound: no such session, or no such job of it.
        Fenced: the job runs, and is another worker's, or nobody's.
        TooLarge: the result, or the counters.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    return await end_job(store, key, job_id, completed(result, attempt=attempt, count=count))


@tells_doubt
async def fail_job(
    store: Store, key: SessionKey, job_id: str, *, attempt: int, error: str, retry: bool = False
) -> Ended:
    """End a job as failed; with `retry`, give it back to be claimed again.

    A job that was asked to cancel ends as cancelled.

    Args:
        attempt: of the worker.
        error: what went wrong.
        retry: it may be tried again.

    Raises:
        NotFound: no such session, or no such job of it.
        Fenced: the job runs, and is another worker's, or nobody's.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    token = store.clock.token()
    while True:
        head, job = await look(store, meant, job_id)
        meant = head.key
        if job.ended:
            return Ended(job, replayed=True)
        if not retry or job.cancel is not None:
            ending = Ending("failed", attempt, error=error)
            return await end_job(store, meant, job_id, ending, seen=(head, job))
        if job.state == PENDING and job.attempt == attempt and job.error == error:
            return Ended(job, replayed=job.token != token)
        check_attempt(job, attempt)
        after = job._replace(
            state=PENDING, error=error, lease_until=None, asked=None, answer=None, token=token
        )
        try:
            return Ended(await move(store, head, job, after), replayed=False)
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this job. Try again."))
        except (Contended, Unanswered) as problem:
            await tries.again(problem)
