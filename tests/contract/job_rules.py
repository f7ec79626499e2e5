"""What the stateful test asks of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.contract.jobs import JobRequests
from tests.contract.words import SESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.conversation import At

KEYS = st.sampled_from(["k0", "k1"])
ATTEMPTS = st.sampled_from([1, 1, 1, 2])
VALUES = st.sampled_from(["r", 1, {"a": [None]}])


ERRORS, PROMPTS = st.sampled_from(["e", "f"]), st.sampled_from(["p", "q"])
# What becomes of a job, by the name of the request, and what that takes beside the job.
STEP = st.one_of(
    st.tuples(st.just("claim")),
    st.tuples(st.just("heartbeat"), ATTEMPTS, st.none() | VALUES),
    st.tuples(st.just("complete"), ATTEMPTS, VALUES),
    st.tuples(st.just("fail"), ATTEMPTS, ERRORS, st.booleans()),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("ask"), ATTEMPTS, PROMPTS),
    st.tuples(st.just("input"), st.sampled_from([1, 2])),
)


class JobRules(JobRequests):
    """Requests about jobs, in any order."""

    @rule(
        at=SESSIONS,
        key=KEYS,
        tool=st.sampled_from(["t", "t", "u"]),
        call=st.sampled_from(["c0", "c1", None]),
        steps=st.lists(STEP, max_size=5),
    )
    def start(self, at: At, key: str, tool: str, call: str | None, steps: list[tuple[Any, ...]]) -> None:
        self.send(self.do_start, *at, key, tool, call)
        self.send(self.do_claim, *at, key)
        for step in steps:
            self._step(at, key, step)

    @rule(at=SESSIONS, key=KEYS, steps=st.lists(STEP, min_size=1, max_size=3))
    def go_on(self, at: At, key: str, steps: list[tuple[Any, ...]]) -> None:
        for step in steps:
            self._step(at, key, step)

    @rule(at=SESSIONS)
    def jobs_now(self, at: At) -> None:
        self.do_jobs(at)

    def _step(self, at: At, key: str, step: tuple[Any, ...]) -> None:
        name, *given = step
        requests: dict[str, Callable[..., None]] = {
            "claim": self.do_claim,
            "heartbeat": self.do_heartbeat,
            "complete": self.do_complete,
            "fail": self.do_fail,
            "cancel": self.do_cancel,
            "ask": self.do_ask,
            "input": self.do_input,
        }
        self.send(requests[name], *at, key, *given)
