"""G5, G10: a webhook reports on the one job that its token names, and needs no user.

The token is looked for by its hash. It ends the job in whichever attempt that is: so work that runs elsewhere
needs no claim. A token that is not there, or whose job or session is gone, is answered alike.

The token's item and the job end at the same time, but one may be removed before the other. Where another job
was started with the same Idempotency-Key meanwhile, it has the id, and a token of its own: the old one is
none.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended, NotFound, Unanswered, Unauthenticated
from turnlog.operations.complete_job import completed
from turnlog.operations.end_job import Ended, Ending, end_job
from turnlog.operations.heartbeat_job import progress_text
from turnlog.operations.look_at_job import look
from turnlog.records.jobs import PENDING, RUNNING, hooked, token_digest
from turnlog.records.keys import hook_key
from turnlog.store.doubt import tells_doubt
from turnlog.store.jobs import move, no_job
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from turnlog.records.keys import JobKey
    from turnlog.store.store import Store

_LEASE_DAYS = 31
"""Longer than any deadline: what a webhook works on, nobody claims."""


@tells_doubt
async def report_job(
    store: Store,
    token: str,
    *,
    state: str,
    result: Any = None,
    error: str | None = None,
    progress: Any = None,
) -> Ended:
    """End the job whose webhook has this token, or tell how far it is.

    Args:
        token: of the webhook.
        state: `completed`, `failed` or `running`.
        result: of one that is completed.
        error: of one that failed.
        progress: of one that runs.

    Raises:
        Unauthenticated: the token is none, or its job is gone.
        TooLarge: the result or the progress.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    found = await store.read("GetItem", {"Key": hook_key(token_digest(token)), "ConsistentRead": True})
    if "Item" not in found:
        raise no_hook()
    key = hooked(found["Item"])
    try:
        if state == "running":
            return await _runs(store, key, token, progress)
        ending = completed(result) if state == "completed" else Ending("failed", error=error)
        return await end_job(store, key.session, key.job_id, ending._replace(hook_token=token))
    except NotFound as gone:
        raise no_hook() from gone


def no_hook() -> Unauthenticated:
    """The answer to a token that is none, or none any more."""
    return Unauthenticated(
        "The bearer token is not that of a job's webhook, or the job is gone. Send the token that the start"
        " of the job answered."
    )


async def _runs(store: Store, key: JobKey, token: str, progress: Any) -> Ended:
    text = progress_text(progress)
    tries = store.tries()
    while True:
        head, job = await look(store, key.session, key.job_id)
        if job.hook_token != token:
            raise no_job()
        if job.ended:
            return Ended(job, replayed=True)
        after = job if text is None else job._replace(progress=text)
        if job.state == PENDING:
            until = timestamp(store.clock.now() + timedelta(days=_LEASE_DAYS))
            after = after._replace(state=RUNNING, attempt=job.attempt + 1, lease_until=until)
        if after == job:
            return Ended(job, replayed=True)
        try:
            return Ended(await move(store, head, job, after), replayed=False)
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this job. Try again."))
        except (Contended, Unanswered) as problem:
            await tries.again(problem)
