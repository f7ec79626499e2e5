"""What the stateful test asks of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.contract.jobs import JobRequests
from tests.contract.words import SESSIONS

if TYPE_CHECKING:
    from tests.contract.conversation import At

KEYS = st.sampled_from(["k0", "k1"])
ATTEMPTS = st.sampled_from([1, 1, 1, 2])
VALUES = st.sampled_from(["r", 1, {"a": [None]}])


class JobRules(JobRequests):
    """Requests about jobs, in any order."""

    @rule(
        at=SESSIONS,
        key=KEYS,
        tool=st.sampled_from(["t", "t", "u"]),
        call=st.sampled_from(["c0", "c1", None]),
        claimed=st.booleans(),
    )
    def start(self, at: At, key: str, tool: str, call: str | None, claimed: bool) -> None:
        self.send(self.do_start, *at, key, tool, call)
        if claimed:
            self.send(self.do_claim, *at, key)

    @rule(at=SESSIONS, key=KEYS)
    def claim(self, at: At, key: str) -> None:
        self.send(self.do_claim, *at, key)

    @rule(at=SESSIONS, key=KEYS, attempt=ATTEMPTS, progress=st.none() | VALUES)
    def heartbeat(self, at: At, key: str, attempt: int, progress: Any) -> None:
        self.send(self.do_heartbeat, *at, key, attempt, progress)

    @rule(at=SESSIONS, key=KEYS, attempt=ATTEMPTS, result=VALUES)
    def complete(self, at: At, key: str, attempt: int, result: Any) -> None:
        self.send(self.do_complete, *at, key, attempt, result)

    @rule(at=SESSIONS, key=KEYS, attempt=ATTEMPTS, error=st.sampled_from(["e", "f"]), retry=st.booleans())
    def fail(self, at: At, key: str, attempt: int, error: str, retry: bool) -> None:
        self.send(self.do_fail, *at, key, attempt, error, retry)

    @rule(at=SESSIONS, key=KEYS)
    def cancel(self, at: At, key: str) -> None:
        self.send(self.do_cancel, *at, key)

    @rule(at=SESSIONS, key=KEYS, attempt=ATTEMPTS, prompt=st.sampled_from(["p", "q"]))
    def ask(self, at: At, key: str, attempt: int, prompt: str) -> None:
        self.send(self.do_ask, *at, key, attempt, prompt)

    @rule(at=SESSIONS, key=KEYS, given=st.sampled_from([1, 2]))
    def input(self, at: At, key: str, given: int) -> None:
        self.send(self.do_input, *at, key, given)

    @rule(at=SESSIONS)
    def jobs_now(self, at: At) -> None:
        self.do_jobs(at)
