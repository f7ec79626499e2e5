"""Small cases of jobs."""

from __future__ import annotations

from typing import Any

from tests.simulation.cases import SESSION, USER, Case, append, create, delete, recreate, rewind
from tests.simulation.faults import CRASH
from tests.simulation.job_clients import started
from tests.simulation.requests import Request
from turnlog.records.jobs import job_id
from turnlog.records.keys import SessionKey

_FAULTS = (CRASH, "reply lost", "request lost", "applied late", "re-sent", "re-sent bare")
START = started(USER, SESSION, "j")
_KEY = SessionKey(USER, SESSION).at(0)
_JOB = job_id(_KEY, START.headers["idempotency-key"])


def _of(kind: str, body: dict[str, Any] | None = None, *, again: bool = True, **query: Any) -> Request:
    return Request(kind, USER, SESSION, body or {}, query, again=again, job_id=_JOB)


def claim(lease: int = 60) -> Request:
    """Claim the job."""
    return _of("claim_job", {"lease_seconds": lease}, again=False)


def complete(mark: str, attempt: int = 1, *, count: bool = False) -> Request:
    """Complete the job."""
    given = {"count": {"successful_agent_runs": {"r": 1}}} if count else {}
    return _of("complete_job", {"attempt": attempt, "result": f"{mark} of {USER}.", **given})


def fail(mark: str, attempt: int = 1, *, retry: bool = False) -> Request:
    """End the job as failed, or give it back."""
    return _of("fail_job", {"attempt": attempt, "error": f"{mark} of {USER}.", "retry": retry})


def heartbeat(progress: int | None = None) -> Request:
    """Keep the job."""
    body: dict[str, Any] = {"attempt": 1, "lease_seconds": 60}
    return _of("heartbeat_job", body if progress is None else {**body, "progress": progress})


ASK = _of("ask_job", {"attempt": 1, "prompt": "year?"})
ANSWER = _of("answer_job", {"input": 2026})
CANCEL, GET, LIST = _of("cancel_job"), _of("get_job"), Request("list_jobs", USER, SESSION)
_THERE = (create("a"), START)
_APART = {"JOB_RESULT_ROOM": 10}
_RUNS = (*_THERE, claim())
# Its lease ends at once, and so does the job itself: those who look have clocks that are ahead.
_FREE = (*_THERE, claim(lease=1))


# It answers no call, so its end does not move the session's head.
_QUIET = started(USER, SESSION, "k")
_SILENT_JOB = job_id(_KEY, _QUIET.headers["idempotency-key"])
_SILENT = (
    create("a"),
    _QUIET,
    Request("claim_job", USER, SESSION, {"lease_seconds": 60}, again=False, job_id=_SILENT_JOB),
)


def _silent(mark: str) -> Request:
    body = {"attempt": 1, "result": f"{mark} of {USER}."}
    return Request("complete_job", USER, SESSION, body, job_id=_SILENT_JOB)


def _case(name: str, clients: list[list[Request]], before: tuple[Request, ...], **given: Any) -> Case:
    return Case(f"job: {name}", clients, before=before, **{"kinds": _FAULTS, **given})


JOB_CASES = (
    _case("start & start", [[START, GET], [START, claim()]], (create("a"),)),
    _case(
        "start & another with its key", [[START], [started(USER, SESSION, "j", other=True)]], (create("a"),)
    ),
    _case("start & delete", [[START], [delete()]], (create("a"),), stream=True),
    _case("claim & claim", [[claim()], [claim(), GET]], _THERE),
    _case("claim & cancel", [[claim(), complete("m")], [CANCEL]], _THERE),
    _case("complete & complete", [[complete("m")], [complete("n")]], _RUNS),
    _case("complete & complete, in objects", [[complete("m"), GET], [complete("n")]], _RUNS, limits=_APART),
    _case("complete & get, in objects", [[complete("m")], [GET, LIST, START]], _RUNS, limits=_APART),
    _case(
        "lost & claimed, in objects",
        [[complete("m")], [claim(), complete("n", 2)]],
        _FREE,
        skew=40.0,
        limits=_APART,
    ),
    _case(
        "complete & delete, in objects",
        [[complete("m")], [delete(), recreate()]],
        _RUNS,
        stream=True,
        limits=_APART,
    ),
    _case(
        "ended, long after, in objects",
        [[GET], [START]],
        (*_RUNS, complete("m")),
        days=31,
        stream=True,
        limits=_APART,
    ),
    _case("complete & complete, no call", [[_silent("m")], [_silent("n")]], _SILENT),
    _case("complete & append", [[complete("m", count=True)], [append("b")]], _RUNS),
    _case("complete & fail", [[complete("m")], [fail("n")]], _RUNS),
    _case("complete & give back", [[complete("m")], [fail("n", retry=True), GET]], _RUNS),
    _case("complete & cancel", [[complete("m")], [CANCEL, GET]], _RUNS),
    _case("complete & rewind", [[complete("m")], [rewind(0, 1)]], _RUNS),
    _case("complete & delete", [[complete("m")], [delete()]], _RUNS, stream=True),
    _case("complete & delete, begin anew", [[complete("m")], [delete(), recreate()]], _RUNS),
    _case("complete & heartbeat", [[complete("m")], [heartbeat(1), LIST]], _RUNS),
    _case("heartbeat & delete, begin anew", [[heartbeat(1)], [delete(), recreate()]], _RUNS, stream=True),
    _case("lost & claimed", [[complete("m")], [claim(), complete("n", 2)]], _FREE, skew=40.0),
    _case("lost & alive", [[heartbeat(1), complete("m")], [claim()]], _FREE, skew=40.0),
    _case("ask & answer", [[ASK, GET], [ANSWER]], _RUNS),
    _case("answer & answer", [[ANSWER], [ANSWER, heartbeat()]], (*_RUNS, ASK)),
    _case("answer & complete", [[ANSWER], [complete("m")]], (*_RUNS, ASK)),
    _case("forced & heeded", [[GET], [complete("m")]], (*_RUNS, CANCEL), skew=40.0),
    _case("expired & completed", [[GET, LIST], [complete("m"), heartbeat()]], _RUNS, skew=4_000.0),
    _case("ended, long after", [[GET], [LIST]], (*_RUNS, complete("m")), days=31, stream=True),
)
