"""G10, G1, G7: a job ends together with its result in the log: one transaction ends it and puts the message.

The transaction asks that the job is what was seen, so it has not ended and is in the same attempt; and moves
the session's head as an append does. So a job is completed once, and the log has its result by then, in
sequence. If others append meanwhile, the transaction is refused and tried again with the next sequence.

| the job | the log gets |
|---|---|
| answers no call | nothing: `logged` is false |
| answers a call that a rewind took away | nothing: `logged` is false |
| answers a call | one message of a tool, whose `message_id` is made of the job's id |

However the job ends, a call gets its result: else providers refuse the history.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import ConditionFailed, Contended, Fenced, TooLarge, TurnlogError, Unanswered
from turnlog.limits import JOB_RESULT_ROOM, MAX_BATCH
from turnlog.records import ring
from turnlog.records.expressions import check
from turnlog.records.jobs import hook_ends
from turnlog.records.keys import GenerationKey, JobKey
from turnlog.store.deposits import Deposits
from turnlog.store.jobs import check_attempt, no_job, the_job
from turnlog.store.large import LargeMessages
from turnlog.store.leftover import clear_leftover
from turnlog.store.log import advanced, head_update, puts, steps, stored_under
from turnlog.store.store import LogMoved
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnlog.records.head import Head
    from turnlog.records.jobs import Job
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store

_ITEMS_OF_MESSAGES = MAX_BATCH - 2
"""Head, job and webhook take the other ones of the transaction."""

_NEAR = 128
"""So many messages before and behind where a job was started its call is looked for."""


class Ending(NamedTuple):
    """How a job ends.

    Attributes:
        state: as which.
        attempt: of the worker who ends it; None: whoever does may.
        result: what the tool gives, as JSON has it.
        packed: the same as the item holds it.
        error: what went wrong.
        counted: what is added to the session's counters: `{"successful_agent_runs": {"name": 1}}`.
        cancel: who asks for it, as the item has it.
        idle: only if nobody works on it.
        hook_token: only the job that this webhook's token is of; None: whichever has the id.
    """

    state: str
    attempt: int | None = None
    result: Any = None
    packed: bytes | None = None
    error: str | None = None
    counted: Mapping[str, Mapping[str, int]] = {}
    cancel: str | None = None
    idle: bool = False
    hook_token: str | None = None


class Ended(NamedTuple):
    """A job that has ended, unless it was to be cancelled and somebody works on it.

    Attributes:
        replayed: it did not end by this call, or not as this call meant.
    """

    job: Job
    replayed: bool


async def end_job(
    store: Store,
    key: SessionKey | GenerationKey,
    job_id: str,
    ending: Ending,
    *,
    seen: tuple[Head, Job] | None = None,
) -> Ended:
    """End a job, unless it has ended: the first end stands.

    Args:
        key: of the session.
        job_id: of the job.
        ending: how it ends.
        seen: the session's head and the job, where the caller has just read them.

    Raises:
        NotFound: no such session, or no such job of it.
        Fenced: the job runs, and is not the worker's who ends it.
        TooLarge: the counters; or the result, where there is no bucket.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    large = LargeMessages(store, key.session if isinstance(key, GenerationKey) else key)
    results = Deposits(store)
    try:
        ended = await large.settled(_end(large, results, key, job_id, ending, seen))
    except TurnlogError:
        await results.withdraw()
        raise
    await results.withdraw()
    return ended


async def _end(  # noqa: PLR0917 (see `end_job`)
    large: LargeMessages,
    results: Deposits,
    key: SessionKey | GenerationKey,
    job_id: str,
    wanted: Ending,
    seen: tuple[Head, Job] | None,
) -> Ended:
    store, token = large.store, large.store.clock.token()
    head, known = seen or (None, None)
    ending: Ending | None = None
    tries = store.tries()
    while True:
        head = head or await store.head(key)
        key = head.key
        job, known = known or await the_job(store, JobKey(key, job_id)), None
        if wanted.hook_token not in {None, job.hook_token}:
            raise no_job()  # another was started with the Idempotency-Key of the one that is forgotten
        if job.ended:
            # What has ended stays so: no try that was not answered is applied any more.
            results.judge(named=job.token == token)
            if job.token == token:
                return Ended(_with_result(job, ending), replayed=False)
            return Ended(job, replayed=True)
        # Decided once: whatever is tried again says the same.
        ending = ending or _meant(job, wanted, job.due(store.clock.now()))
        if ending.idle and job.worked:
            return Ended(job, replayed=True)
        _check_attempt(results, job, ending)
        try:
            logged = await _answers_a_call(store, head, job)
            ended = await _apart(store, results, _ended(store, job, ending, token, logged=logged))
            after = await _try(large, results, head, job, ended, ending)
            results.judge(named=True)
        except LogMoved as moved:
            head = moved.head
        except ConditionFailed as refused:
            store.counts["conflicts"] += 1
            head = await store.refusing_head(key, refused)
            await tries.again(Contended("Others keep changing this session. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error)
            head = None
        else:
            store.counts["jobs_ended"] += 1
            asked_for = {"failed", "cancelled"} if wanted.state == "failed" else {wanted.state}
            return Ended(_with_result(after, ending), replayed=after.state not in asked_for)


def _meant(job: Job, wanted: Ending, due: str | None) -> Ending:
    """How a job that has not ended ends: as it is wanted, unless it is due."""
    if due:
        return Ending(due)
    # A worker that stops because it was asked to has not failed.
    return wanted._replace(state="cancelled") if wanted.state == "failed" and job.cancel else wanted


async def _try(  # noqa: PLR0917 (what a transaction is made of)
    large: LargeMessages, results: Deposits, head: Head, job: Job, after_job: Job, ending: Ending
) -> Job:
    """The transaction that ends a job; the job then."""
    store, key = large.store, head.key
    counters = _counters(head, ending.counted)
    replaced: dict[str, Any] = {**counters, "token": after_job.token} if counters else {}
    new = [_message(after_job, ending)] if after_job.logged else []
    after, stored = advanced(store, head, new, None, large, room=_ITEMS_OF_MESSAGES)
    after = after._replace(**replaced)
    if counters:
        from turnlog.operations.create_session import check_objects  # noqa: PLC0415 (most ends count nothing)

        check_objects(head, after)
    await large.put(stored)
    write = {"ConditionCheck": check(key)}
    if stored or counters:
        await clear_leftover(store, head)
        write = head_update(head, after, same_version=bool(counters), replaced=replaced)
    ends = [job.moved(after_job, ttl=store.job_ttl), *hook_ends(after_job, ttl=store.job_ttl)]
    if after_job.result_object is not None:
        results.send(after_job.result_object)
    await large.transact(stored, write, *ends, *puts(key, stored))
    if stored:
        await store.cache.appended(after, stored)
    elif counters:
        await store.cache.changed(after)
    return after_job._replace(moves=job.moves + 1)


def _check_attempt(results: Deposits, job: Job, ending: Ending) -> None:
    if ending.attempt is None:
        return
    try:
        check_attempt(job, ending.attempt)
    except Fenced:
        results.judge(named=False)  # each try was meant for the attempt that is over
        raise


def _with_result(job: Job, ending: Ending | None) -> Job:
    """The job that this call has ended: its result need not be read, and its object may be gone by now."""
    return job._replace(result=ending.packed) if ending and job.result_object is not None else job


async def _apart(store: Store, results: Deposits, job: Job) -> Job:
    """The job with a large result in an object, which is written once for all tries."""
    if job.result is None or len(job.result) <= JOB_RESULT_ROOM:
        return job
    if store.objects is None:
        raise TooLarge(
            f"The result takes {len(job.result)} bytes compressed; without a bucket (TURNLOG_BUCKET) it is at"
            f" most {JOB_RESULT_ROOM}. Configure one, or say less."
        )
    name = f"{job.since}!{job.token.hex()}"
    if not results.has(name):
        await results.put(name, job.result)
    return job._replace(result=None, result_object=name)


def _ended(store: Store, job: Job, ending: Ending, token: bytes, *, logged: bool) -> Job:
    return job._replace(
        state=ending.state,
        cancel=ending.cancel or job.cancel,
        result=ending.packed,
        error=ending.error,
        ended_at=store.now(),
        lease_until=None,
        logged=logged,
        token=token,
    )


async def _answers_a_call(store: Store, head: Head, job: Job) -> bool:
    """Whether the log gets the job's result: its call is there, and no message has taken the result's id.

    A job is often started before its call is in the log. So only if the session was rewound since, the call
    is looked for. A message whose content is in the bucket is taken for the one that has it: it may be large.

    Raises:
        NotFound: the session was deleted meanwhile.
        LogMoved: it was rewound meanwhile.
        Unavailable: the table or the bucket did not answer.
    """
    if job.tool_call_id is None:
        return False
    hits = ring.candidates(head.ring, head.message_count, [job.message_id], {}, {})
    if [one async for one in stored_under(store, head, hits)]:
        return False
    if head.rewinds == job.rewinds:
        return True
    first, end = max(0, job.at - _NEAR), min(head.message_count, job.at + _NEAR)
    for at, stop in steps(head, first, end):
        for message in (await store.messages(head, at, stop)).values():
            if message.unread or _calls(json.loads(message.json), job.tool_call_id):
                return True
    return False


def _calls(message: dict[str, Any], text: str) -> bool:
    """Whether an assistant's message has a text somewhere: each provider has its place for a call's id."""
    left: list[Any] = [message] if message["role"] in {"assistant", "model"} else []
    while left:
        one = left.pop()
        if one == text:
            return True
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return False


def _message(job: Job, ending: Ending) -> dict[str, Any]:
    """The message that says a job's result."""
    return {
        "role": "tool",
        "content": _told(job, ending),
        "tool_call_id": job.tool_call_id,
        "message_id": job.message_id,
        "metadata": {"job_id": job.key.job_id, "state": job.state},
    }


def _told(job: Job, ending: Ending) -> str:
    match job.state:
        case "completed":
            return ending.result if isinstance(ending.result, str) else dumps(ending.result).decode()
        case "expired":
            return "The job did not end before its deadline."
        case "cancelled":
            reason = (job.asked_to_cancel() or {}).get("reason")
            return f"The job was cancelled: {reason}" if reason else "The job was cancelled."
        case _:
            return f"The job failed: {ending.error}"


def _counters(head: Head, count: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """The head's counters that get another value, as it holds them."""
    changed: dict[str, str] = {}
    for name, more in count.items():
        counters = json.loads(getattr(head, name))
        for counted, plus in more.items():
            there = counters.get(counted, 0)
            counters[counted] = (there if isinstance(there, int) else 0) + plus
        if more:
            changed[name] = dumps(counters).decode()
    return changed
