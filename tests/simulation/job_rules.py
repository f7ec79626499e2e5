"""What must hold of answers about jobs, and of what a job's end does to its session (G10)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.job_history import ENDERS
from tests.simulation.violations import Rule, require
from turnlog.records.head import JSON_FIELDS

if TYPE_CHECKING:
    from tests.simulation.history import History, Work
    from tests.simulation.requests import Reply
    from tests.simulation.states import Change
    from turnlog.records.head import Head
    from turnlog.records.jobs import Job

_STATUSES = {
    "start_job": {200, 201, 404, 409},
    "list_jobs": {200, 404},
    "get_job": {200, 404},
    "claim_job": {200, 404, 409},
    "heartbeat_job": {200, 404, 409},
    "complete_job": {200, 404, 409},
    "fail_job": {200, 404, 409},
    "cancel_job": {200, 202, 404},
    "ask_job": {200, 404, 409},
    "answer_job": {200, 404, 409},
    "report_job": {200, 401},
}
KINDS = set(_STATUSES)
CHANGES = {"message_count", "log_size", "ring", *JSON_FIELDS}
"""What of a head a job's end may change."""


def check_job_answer(history: History, work: Work, reply: Reply) -> bool:
    """Check an answer about a job; whether it is one."""
    request = work.request
    assert request is not None
    if request.kind not in KINDS:
        return False
    require(Rule.STATUS_OF_THE_CONTRACT, reply.status in _STATUSES[request.kind], (request, reply))
    if reply.status in {401, 404}:
        _check_not_there(history, work, reply)
    elif reply.status == 409:
        _check_refusal(history, work, reply)
    else:
        live = [state for state in history.during(request.key, work.begin, work.end) if state.live]
        require(Rule.ANSWERED_OF_A_LIVE_SESSION, live or work.jobs, request)
        _CHECKS.get(request.kind, _check_job)(history, work, reply)
    return True


def _there(history: History, work: Work, job_id: str) -> list[Job]:
    """The job as it was while the request ran."""
    assert work.request is not None
    keys = history.jobs.of(work.request.key, job_id)
    return [one for key in keys for one in history.jobs.during(key, work.begin, work.end) if one]


def _check_not_there(history: History, work: Work, reply: Reply) -> None:
    request = work.request
    assert request is not None
    states = history.during(request.key, work.begin, work.end)
    gone = any(not state.live for state in states)
    keys = history.jobs.of(request.key, request.job_id)
    live = {state.live.key for state in states if state.live}
    absent = not keys or any(
        key.session not in live or None in history.jobs.during(key, work.begin, work.end) for key in keys
    )
    named = request.kind not in {"start_job", "list_jobs"}
    rule = Rule.HOOK_REFUSAL_IS_TRUE if reply.status == 401 else Rule.ANSWER_404_MEANS_NOT_THERE
    require(rule, gone or (named and absent), (request, reply, states))


def _check_refusal(history: History, work: Work, reply: Reply) -> None:
    """409 is true, and changed nothing."""
    request, body = work.request, reply.body
    assert request is not None
    require(Rule.ANSWER_409_CHANGES_NOTHING, not work.changes and not work.jobs, (request, body))
    if body["type"] == "idempotency_key_reused":
        there = _there(history, work, body["job_id"])
        differs = any(one.tool != request.body["tool"] for one in there)
        require(Rule.JOB_REFUSAL_IS_TRUE, differs, (request, body, there))
        return
    there = _there(history, work, request.job_id)
    attempt = request.body.get("attempt")
    now = datetime.fromtimestamp(history.seconds() + work.skew, UTC)
    fits = {
        "fenced": lambda one: not one.ended and (not one.worked or one.attempt != attempt),
        "lease_held": lambda one: one.worked and one.lease_until == body["lease_until"],
        "job_ended": lambda one: one.seen(now).state == body["state"] and one.seen(now).ended,
        # Also where something else is asked than when the answer was given.
        "not_asked": lambda one: one.state in {"pending", "running"} or one.asked != there[0].asked,
    }[body["type"]]
    require(Rule.JOB_REFUSAL_IS_TRUE, any(map(fits, there)), (request, body, there))


def _was_so(history: History, work: Work, shown: dict[str, Any]) -> list[Job]:
    """The states of the job that the answer shows; the lease beside it may be one of another moment.

    A start that finds the job there ends none, but takes one that is due for ended.
    """
    there = _there(history, work, shown["job_id"])
    beside = {"lease_until": None}
    now = datetime.fromtimestamp(history.seconds() + work.skew, UTC)
    starts = work.request is not None and work.request.kind == "start_job"

    def says(one: Job) -> bool:
        return one.shown() | beside == shown | beside

    fits = [one for one in there if says(one) or (starts and says(one.seen(now)))]
    require(Rule.JOB_WAS_SO, fits, (work.request, shown, there))
    return fits


def _check_job(history: History, work: Work, reply: Reply) -> None:
    _was_so(history, work, reply.body["job"])


def _check_started(history: History, work: Work, reply: Reply) -> None:
    request, body = work.request, reply.body
    assert request is not None
    _was_so(history, work, body["job"])
    require(Rule.STARTED_ONCE, (reply.status == 201) == bool(work.jobs), (work, reply))
    require(Rule.STARTED_ONCE, len(work.jobs) <= 1, work)
    require(Rule.STARTED_ONCE, body["job"]["tool"] == request.body["tool"], (request, body))


def _check_claimed(history: History, work: Work, reply: Reply) -> None:
    body = reply.body
    _was_so(history, work, body["job"])
    require(Rule.CLAIMED_WHEN_FREE, work.jobs, (work, body))
    require(Rule.CLAIMED_WHEN_FREE, body["attempt"] == body["job"]["attempt"], body)


def _check_heartbeat(history: History, work: Work, reply: Reply) -> None:
    assert work.request is not None
    there = _there(history, work, work.request.job_id)
    fits = [one for one in there if one.lease_until == reply.body["lease_until"]]
    told = any(one.asked_to_cancel() == reply.body["cancel"] for one in fits)
    require(Rule.JOB_CANCEL_IS_TOLD, told, (work.request, reply.body, there))


def _check_ended(history: History, work: Work, reply: Reply) -> None:
    """The first end is told; who made it is told so."""
    request, body = work.request, reply.body
    assert request is not None
    _was_so(history, work, body["job"])
    back = request.body.get("retry") and body["job"]["state"] == "pending"
    require(Rule.JOB_ENDS_AS_ASKED, body["job"]["ended_at"] or back, (request, body))
    if not body["replayed"]:
        require(Rule.JOB_REPLAY_TELLS, work.jobs, (work, body))
        if request.kind == "complete_job":
            as_asked = (body["job"]["state"], body["job"]["result"])
            require(
                Rule.JOB_ENDS_AS_ASKED, as_asked == ("completed", request.body["result"]), (request, body)
            )
    elif work.jobs:
        # By this call it ended, but because it was due.
        late = body["job"]["state"] in {"expired", "cancelled"}
        require(Rule.JOB_REPLAY_TELLS, late, (work, body))


def _check_cancelled(history: History, work: Work, reply: Reply) -> None:
    shown = reply.body["job"]
    _was_so(history, work, shown)
    require(Rule.STATUS_TELLS, (reply.status == 200) == (shown["ended_at"] is not None), (work, reply))
    require(Rule.JOB_CANCEL_IS_TOLD, shown["cancel"] or reply.status == 200, (work, reply))


def _check_listed(history: History, work: Work, reply: Reply) -> None:
    request, shown = work.request, reply.body["jobs"]
    assert request is not None
    places = [f"{one['created_at']}#{one['job_id']}" for one in shown]
    require(Rule.JOBS_LISTED, places == sorted(places, reverse=True), (request, places))
    for one in shown:
        _was_so(history, work, one)
        require(Rule.JOBS_LISTED, request.query.get("state") in {None, one["state"]}, (request, one))


def _check_reported(history: History, work: Work, reply: Reply) -> None:
    assert work.request is not None
    there = _there(history, work, work.request.job_id)
    require(
        Rule.JOB_WAS_SO, any(one.state == reply.body["state"] for one in there), (work.request, reply, there)
    )
    require(Rule.JOB_REPLAY_TELLS, reply.body["replayed"] or work.jobs, (work, reply))


_CHECKS = {
    "start_job": _check_started,
    "claim_job": _check_claimed,
    "heartbeat_job": _check_heartbeat,
    "complete_job": _check_ended,
    "fail_job": _check_ended,
    "cancel_job": _check_cancelled,
    "list_jobs": _check_listed,
    "report_job": _check_reported,
}


def check_ending(change: Change, before: Head, after: Head) -> None:
    """A job's end adds its result and what it counts to the session, and nothing else."""
    work = change.work
    require(Rule.WHO_MOVES_A_JOB, work.kind in ENDERS and not change.edited, change)
    require(Rule.RESULT_IN_THE_LOG_WITH_THE_END, len(change.added) <= 1, change)
    count = work.request.body.get("count", {}) if work.request else {}
    due = any(fields["metadata"]["state"] == "expired" for fields in change.added.values())
    for name in JSON_FIELDS:
        were, are = json.loads(getattr(before, name)), json.loads(getattr(after, name))
        plus = {} if due else count.get(name, {})
        wanted = {one: were.get(one, 0) + plus.get(one, 0) for one in {*were, *plus}} if plus else were
        exact = are in (wanted, were) if not change.added else are == wanted
        require(Rule.FIELDS_SET_WITH_APPEND, exact, (work, were, are))
