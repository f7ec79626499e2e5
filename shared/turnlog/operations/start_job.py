"""G10, G7: a job is started in one write under an id that is made of its Idempotency-Key.

So who sends the request again finds the job that is there, and starts no second one. The item has a digest of
the request: another one with the same key is refused. For a webhook, the same transaction puts an item under
the hash of its token, which says whose the job is.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import ConditionFailed, Contended, IdempotencyKeyReused, TooLarge, Unanswered
from turnlog.limits import JOB_INPUT_LIMIT
from turnlog.records import jobs
from turnlog.records.expressions import LIVE, check
from turnlog.records.jobs import Job, hook_put, job_id, said
from turnlog.records.keys import JobKey
from turnlog.store.doubt import tells_doubt
from turnlog.wire import digest, dumps, timestamp

if TYPE_CHECKING:
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


class Start(NamedTuple):
    """What is to be done.

    Attributes:
        tool: its name.
        input: what it is called with.
        tool_call_id: of the call that its result answers; None: the log gets nothing.
        deadline_seconds: how long it may take.
        webhook: whether a webhook may end it.
        then: what comes after its end.
    """

    tool: str
    input: Any = None
    tool_call_id: str | None = None
    deadline_seconds: int = 3_600
    webhook: bool = False
    then: str = "nothing"


@tells_doubt
async def start_job(store: Store, key: SessionKey, idempotency_key: str, start: Start) -> tuple[Job, bool]:
    """Start a job, or find the one that was started with this key; the job, and whether this call did it.

    Raises:
        NotFound: no such session.
        IdempotencyKeyReused: another request has started a job with this key.
        TooLarge: the input.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    size = len(dumps(start.input, "body", "input"))
    if size > JOB_INPUT_LIMIT:
        raise TooLarge(
            f"The input takes {size} bytes, and a job's is at most {JOB_INPUT_LIMIT}. Put it into a file of"
            " the session, and give the file's id."
        )
    request, token = digest(start._asdict()).hex(), store.clock.token()
    hook_token = None
    if start.webhook:
        secret = store.clock.token() + store.clock.token()
        hook_token = urlsafe_b64encode(secret).decode().rstrip("=")
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head = await store.head(meant)
        meant = head.key
        now = store.clock.now()
        job = Job(
            JobKey(head.key, job_id(head.key, idempotency_key)),
            tool=start.tool,
            rewinds=head.rewinds,
            at=head.message_count,
            tool_call_id=start.tool_call_id,
            then=start.then,
            request=request,
            created_at=timestamp(now),
            deadline=timestamp(now + timedelta(seconds=start.deadline_seconds)),
            input=said("input", start.input),
            hook_token=hook_token,
            token=token,
        )
        hook = [hook_put(job, hook_token)] if hook_token else []
        try:
            await store.transact({"ConditionCheck": check(head.key, LIVE)}, job.put(), *hook)
        except ConditionFailed as refused:
            if item := refused.items[1]:
                return _known(store, jobs.from_item(item), request, token)
            await tries.again(Contended("The session is changing. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
        else:
            store.counts["jobs_started"] += 1
            return job, True


def _known(store: Store, job: Job, request: str, token: bytes) -> tuple[Job, bool]:
    """The job that has the id already, and whether a try of this call that was not answered started it.

    Raises:
        IdempotencyKeyReused: another request has.
    """
    if job.request != request:
        raise IdempotencyKeyReused(
            "Another job was started with this Idempotency-Key, of another tool or with other input. Send"
            " this one with a key of its own.",
            extra={"job_id": job.key.job_id},
        )
    started = job.token == token
    if not started:
        store.counts["replays"] += 1
    return job.seen(store.clock.now()), started
