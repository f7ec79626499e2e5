"""Jobs, in the model and in requests: what the contract says of them, in plain Python.

No lease and no deadline is over while an example runs.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.contract.model import Refused, Stored
from tests.contract.transcript_rules import TranscriptRules

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.conversation import At
    from tests.contract.model import Session
    from tests.http_client import Reply

NO_JOB = "00000000-0000-5000-8000-000000000000"
_ENDED = {"completed", "failed", "cancelled"}


@dataclass
class Job:
    """A job of a session that is there.

    Attributes:
        call: the id of the call that its result answers.
        cuts: how often the session had been rewound when it was started.
        cancel: somebody asks to cancel it.
    """

    job_id: str
    tool: str
    call: str | None
    cuts: int
    state: str = "pending"
    attempt: int = 0
    version: int = 1
    progress: Any = None
    asked: Any = None
    answer: Any = None
    result: Any = None
    error: str | None = None
    logged: bool | None = None
    cancel: bool = False

    def shown(self) -> dict[str, Any]:
        """What an answer says of it, but for times."""
        names = ("job_id", "tool", "state", "attempt", "version", "progress", "answer", "result", "error")
        asked = None if self.asked is None else {"prompt": self.asked, "schema": None}
        shown = {name: getattr(self, name) for name in (*names, "logged")}
        return {**shown, "tool_call_id": self.call, "asked": asked}

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.state in _ENDED

    def move(self, **to: Any) -> None:
        """It was changed."""
        for name, value in to.items():
            setattr(self, name, value)
        self.version += 1

    def open(self) -> None:
        """Refuse what cannot be done with one that has ended."""
        if self.ended:
            raise Refused(409, "job_ended", state=self.state)

    def own(self, attempt: int) -> None:
        """Refuse a worker that has it not."""
        if self.state not in {"running", "input_required"} or self.attempt != attempt:
            raise Refused(409, "fenced", attempt=self.attempt, state=self.state)


class JobRequests(TranscriptRules):
    """Requests about jobs, each checked against the model as it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[At, dict[str, Job]] = {}
        self.cuts: Counter[At] = Counter()

    def do_start(self, user: str, sid: str, key: str, tool: str, call: str | None) -> None:
        body = {"tool": tool, "tool_call_id": call}
        headers = {"idempotency-key": key}
        reply = self.call(user, "POST", f"/sessions/{sid}/jobs", body, headers=headers)
        if self.expect(reply, user, sid) is None:
            return
        jobs = self.jobs.setdefault((user, sid), {})
        if job := jobs.get(key):
            if (job.tool, job.call) == (tool, call):
                self.is_job(reply, job, 200)
            else:
                self.refused(reply, Refused(409, "idempotency_key_reused", job_id=job.job_id))
            return
        jobs[key] = Job(reply.body["job"]["job_id"], tool, call, self.cuts[user, sid])
        self.is_job(reply, jobs[key], 201)

    def do_claim(self, user: str, sid: str, key: str) -> None:
        def claim(job: Job) -> int:
            job.open()
            if job.state != "pending":
                raise Refused(409, "lease_held", state=job.state)
            job.move(state="running", attempt=job.attempt + 1)
            return 200

        self._do(user, sid, key, "claim", {"lease_seconds": 3_600}, claim)

    def do_heartbeat(self, user: str, sid: str, key: str, attempt: int, progress: Any) -> None:
        def beat(job: Job) -> int:
            job.open()
            job.own(attempt)
            if progress is not None:
                job.move(progress=progress)
            return 200

        self._do(user, sid, key, "heartbeat", {"attempt": attempt, "progress": progress}, beat)

    def do_complete(self, user: str, sid: str, key: str, attempt: int, result: Any) -> None:
        def complete(job: Job) -> int:
            if not job.ended:
                job.own(attempt)
                said = result if isinstance(result, str) else json.dumps(result, separators=(",", ":"))
                self._end(user, sid, job, "completed", said, result=result)
            return 200

        self._do(user, sid, key, "complete", {"attempt": attempt, "result": result}, complete)

    def do_fail(self, user: str, sid: str, key: str, attempt: int, error: str, retry: bool) -> None:  # noqa: PLR0917
        def fail(job: Job) -> int:
            given_back = (job.state, job.attempt, job.error) == ("pending", attempt, error)
            if job.ended or (retry and given_back and not job.cancel):
                return 200
            job.own(attempt)
            if retry and not job.cancel:
                job.move(state="pending", error=error, asked=None, answer=None)
            elif job.cancel:
                self._end(user, sid, job, "cancelled", "The job was cancelled.", error=error)
            else:
                self._end(user, sid, job, "failed", f"The job failed: {error}", error=error)
            return 200

        self._do(user, sid, key, "fail", {"attempt": attempt, "error": error, "retry": retry}, fail)

    def do_cancel(self, user: str, sid: str, key: str) -> None:
        def cancel(job: Job) -> int:
            if job.state == "pending":
                self._end(user, sid, job, "cancelled", "The job was cancelled.")
            elif not job.ended and not job.cancel:
                job.move(cancel=True)
            return 200 if job.ended else 202

        self._do(user, sid, key, "cancel", {}, cancel)

    def do_ask(self, user: str, sid: str, key: str, attempt: int, prompt: str) -> None:
        def ask(job: Job) -> int:
            job.open()
            job.own(attempt)
            if job.asked != prompt:
                job.move(state="input_required", asked=prompt, answer=None)
            return 200

        self._do(user, sid, key, "ask", {"attempt": attempt, "prompt": prompt}, ask)

    def do_input(self, user: str, sid: str, key: str, given: int) -> None:
        def answer(job: Job) -> int:
            if job.answer == given:
                return 200
            job.open()
            if job.state != "input_required":
                raise Refused(409, "not_asked", state=job.state)
            job.move(state="running", answer=given)
            return 200

        self._do(user, sid, key, "input", {"input": given}, answer)

    def do_jobs(self, at: At) -> None:
        """Each job, and all of them."""
        jobs = self.jobs.get(at, {})
        for job in jobs.values():
            self.is_job(self.call(at[0], "GET", f"/sessions/{at[1]}/jobs/{job.job_id}"), job, 200)
        reply = self.call(at[0], "GET", f"/sessions/{at[1]}/jobs")
        assert reply.status == 200
        assert {one["job_id"] for one in reply.body["jobs"]} <= {job.job_id for job in jobs.values()}

    def do_rewind(self, user: str, sid: str, to: int, expected: int) -> None:
        """A call that was cut away needs no result."""
        session = self.there.get((user, sid))
        before = len(session.log) if session else 0
        super().do_rewind(user, sid, to, expected)
        self.cuts[user, sid] += session is not None and len(session.log) < before

    def do_delete(self, user: str, sid: str) -> None:
        """A session's jobs go with it."""
        super().do_delete(user, sid)
        if (user, sid) not in self.there:
            self.jobs.pop((user, sid), None)

    def is_job(self, reply: Reply, job: Job, status: int) -> None:
        """The answer must be the job."""
        assert reply.status == status, reply.raw
        shown = reply.body["job"]
        assert {name: shown[name] for name in job.shown()} == job.shown()
        assert (shown["cancel"] is not None, shown["ended_at"] is not None) == (job.cancel, job.ended)

    def _do(self, user: str, sid: str, key: str, place: str, body: Any, change: Callable[[Job], int]) -> None:  # noqa: PLR0917
        job = self.jobs.get((user, sid), {}).get(key)
        path = f"/sessions/{sid}/jobs/{job.job_id if job else NO_JOB}/{place}"
        reply = self.call(user, "POST", path, body)
        if job is None or (user, sid) not in self.there:
            reply.problem(404, "not_found")
            return
        version = job.version
        try:
            status = change(job)
        except Refused as refused:
            self.refused(reply, refused)
            return
        if place == "heartbeat":
            assert (reply.status, reply.body["cancel"] is not None) == (status, job.cancel), reply.raw
            return
        self.is_job(reply, job, status)
        if place in {"complete", "fail"}:
            assert reply.body["replayed"] == (job.version == version)

    def _end(self, user: str, sid: str, job: Job, state: str, said: str, **to: Any) -> None:
        session = self.there[user, sid]
        logged = job.call is not None and (job.cuts == self.cuts[user, sid] or _calls(session, job.call))
        cancel = job.cancel or (state == "cancelled")
        job.move(state=state, logged=logged, cancel=cancel, **{"error": None, **to})
        if logged:
            result = {"role": "tool", "content": said, "tool_call_id": job.call}
            stored = Stored({**result, "message_id": f"job_{job.job_id}"})
            stored.metadata = {"job_id": job.job_id, "state": state}
            session.log.append(stored)
            session.touch(self.tick())

    def teardown(self) -> None:
        """At the end each job is read."""
        super().teardown()
        for at in self.there:
            self.do_jobs(at)


def _calls(session: Session, call: str) -> bool:
    return any(there["id"] == call for one in session.log for there in one.calls)
