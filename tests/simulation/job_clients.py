"""What clients ask of jobs: as owners, as workers who may take one for their own, and as webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.client_requests import ClientRequests
from tests.simulation.requests import Request

if TYPE_CHECKING:
    from tests.simulation.requests import Reply

_KEYS = ("j", "j", "j", "k")
_LEASES = (1, 1, 60)
_DEADLINES = (5, 3_600, 3_600, 3_600)
NO_JOB = "00000000-0000-5000-8000-000000000000"


@dataclass
class JobRequests(ClientRequests):
    """One client's requests about jobs.

    Attributes:
        known: jobs that it has heard of, by session; and the attempt in which it takes each for its own.
        tokens: of webhooks, by session and job.
    """

    known: dict[str, dict[str, int]] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    said: int = 0

    def learn(self, request: Request, reply: Reply) -> None:
        """Keep what the answer tells of the job."""
        jobs = self.known.setdefault(request.session, {})
        match request.kind, reply.status:
            case "start_job", 200 | 201:
                job_id = reply.body["job"]["job_id"]
                jobs.setdefault(job_id, 1)
                if hook := reply.body.get("webhook"):
                    self.tokens[request.session, job_id] = hook["token"]
            case "claim_job", 200:
                jobs[request.job_id] = reply.body["attempt"]
            case "get_job", 200:
                jobs[request.job_id] = max(1, reply.body["job"]["attempt"])

    def make(self, kind: str, session: str) -> Request:
        """A request of this kind."""
        rng = self.rng
        jobs = self.known.get(session, {})
        if kind == "start_job" or (not jobs and kind not in {"list_jobs", "get_job"}):
            key = rng.choice(_KEYS)
            return started(
                self.user, session, key, deadline=rng.choice(_DEADLINES), other=rng.random() < 0.05
            )
        job_id = rng.choice([*jobs]) if jobs else NO_JOB
        attempt = max(1, jobs.get(job_id, 1) - (rng.random() < 0.1))
        token = self.tokens.get((session, job_id))
        if kind == "report_job" and token is None:
            kind = "get_job"
        body, query, headers = self._body(kind, job_id, attempt), self._query(kind), dict[str, str]()
        if kind == "list_jobs":
            job_id = ""
        if kind == "report_job":
            headers = {"authorization": f"Bearer {token}"}
        again = kind != "claim_job"
        return Request(kind, self.user, session, body, query, headers, again=again, job_id=job_id)

    def _query(self, kind: str) -> dict[str, Any]:
        rng = self.rng
        if kind == "get_job":
            return {"wait": rng.choice((0, 0, 2)), "version": rng.choice((1, 2))}
        if kind != "list_jobs":
            return {}
        state = {"state": rng.choice(("running", "completed"))} if rng.random() < 0.3 else {}
        return {"limit": rng.choice((1, 50)), **state}

    def _body(self, kind: str, job_id: str, attempt: int) -> dict[str, Any]:
        rng = self.rng
        self.said += 1
        result = f"result {self.said} of {job_id} of {self.user}."
        mine: dict[str, Any] = {"attempt": attempt}
        said: tuple[dict[str, Any], ...] = (
            {"state": "completed", "result": result},
            {"state": "failed", "error": result},
            {"state": "running", "progress": 1},
        )
        given: dict[str, dict[str, Any]] = {
            "claim_job": {"lease_seconds": rng.choice(_LEASES)},
            "heartbeat_job": {**mine, "lease_seconds": rng.choice(_LEASES)},
            "complete_job": {**mine, "result": result},
            "fail_job": {**mine, "error": result, "retry": rng.random() < 0.6},
            "ask_job": {**mine, "prompt": rng.choice(("year?", "place?"))},
            "answer_job": {"input": rng.choice((2025, 2026))},
            "report_job": rng.choice((*said, said[2])),
        }
        if rng.random() < 0.4:
            given["heartbeat_job"]["progress"] = self.said
            given["complete_job"]["count"] = {"successful_agent_runs": {rng.choice("ab"): 1}}
        return given.get(kind, {})


def started(user: str, session: str, key: str, *, deadline: int = 3_600, other: bool = False) -> Request:
    """Start a job; whoever uses the key means the same, but for its deadline, or if it is another one."""
    body = {
        "tool": "other" if other else f"tool of {user}.",
        "deadline_seconds": deadline,
        "webhook": True,
        **({"tool_call_id": f"call-{key}"} if key != "k" else {}),
    }
    return Request("start_job", user, session, body, headers={"idempotency-key": f"{key}-{deadline}"})
