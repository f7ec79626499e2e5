"""A worker asks for input, and the job's owner gives it; in between the job is `input_required`.

The worker may keep its lease and wait for the job's next version, or go: whoever claims the job when it has
been answered finds the answer there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turnlog.errors import ConditionFailed, Contended, NotAsked, TooLarge, Unanswered
from turnlog.limits import JOB_WORD_LIMIT
from turnlog.records.jobs import ASKING, RUNNING
from turnlog.store.doubt import tells_doubt
from turnlog.store.jobs import check_worked, ended_already, move, seen
from turnlog.wire import dumps, same

if TYPE_CHECKING:
    from turnlog.records.jobs import Job
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


def _text(value: Any, name: str) -> str:
    encoded = dumps(value, "body", name)
    if len(encoded) > JOB_WORD_LIMIT:
        raise TooLarge(f"The {name} takes {len(encoded)} bytes, and is at most {JOB_WORD_LIMIT}. Say less.")
    return encoded.decode()


@tells_doubt
async def ask_job(
    store: Store, key: SessionKey, job_id: str, *, attempt: int, prompt: str, schema: Any = None
) -> Job:
    """Ask the job's owner for input; the job afterwards.

    Who asks the same again asks once: if it was answered meanwhile, the answer is there.

    Args:
        attempt: of the worker.
        prompt: what is asked.
        schema: a JSON schema of the answer, for who gives it; None: any answer will do.

    Raises:
        NotFound: no such session, or no such job of it.
        JobEnded: the job has ended.
        Fenced: the job is another worker's, or nobody's.
        TooLarge: what is asked.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    asked = _text({"prompt": prompt, "schema": schema}, "prompt")
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head, job = await seen(store, meant, job_id)
        meant = head.key
        check_worked(job, attempt)
        if job.asked == asked:
            return job
        try:
            return await move(store, head, job, job._replace(state=ASKING, asked=asked, answer=None))
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this job. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)


@tells_doubt
async def answer_job(store: Store, key: SessionKey, job_id: str, *, given: Any) -> Job:
    """Give a job the input that it asks for; the job afterwards. Who sends the same again gives it once.

    Args:
        given: JSON. Whether it fits what was asked, the worker sees.

    Raises:
        NotFound: no such session, or no such job of it.
        JobEnded: the job has ended.
        NotAsked: nothing is asked, or it was answered otherwise, or something else is asked by now.
        TooLarge: the input.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    answer = _text(given, "input")
    asked: str | None = None
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head, job = await seen(store, meant, job_id)
        meant = head.key
        if job.answer is not None and same(json.loads(job.answer), given):
            return job
        if job.ended:
            raise ended_already(job)
        if job.state != ASKING:
            raise NotAsked(
                "The job waits for no input: nothing was asked, or it was answered.",
                extra={"state": job.state},
            )
        if asked not in {None, job.asked}:
            raise NotAsked(
                "The job asks for something else by now. Read it, and answer that.",
                extra={"state": job.state},
            )
        asked = job.asked
        try:
            return await move(store, head, job, job._replace(state=RUNNING, answer=answer))
        except ConditionFailed:
            await tries.again(Contended("Others keep changing this job. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
