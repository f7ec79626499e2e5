"""Jobs as commits made them: the truth that answers about them are held against (G10)."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.violations import Rule, require
from turnlog.records import jobs
from turnlog.records.keys import JOB_PREFIX, parse_generation, parse_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.history import Work
    from tests.simulation.states import Change
    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.jobs import Job
    from turnlog.records.keys import JobKey, SessionKey

# What else than the version each kind of work may change of a job that has not ended.
_MOVES = {
    "claim_job": {"state", "attempt", "lease_until", "token"},
    "heartbeat_job": {"lease_until", "progress"},
    "cancel_job": {"cancel"},
    "ask_job": {"state", "asked", "answer"},
    "answer_job": {"state", "answer"},
    "fail_job": {"state", "error", "lease_until", "asked", "answer", "token"},
    "report_job": {"state", "attempt", "lease_until", "progress"},
}
_ENDS = {"state", "result", "result_object", "error", "ended_at", "lease_until", "logged", "token", "cancel"}
ENDERS = {"complete_job", "fail_job", "cancel_job", "report_job", "get_job", "list_jobs", "sweep"}


class JobState(NamedTuple):
    """A job from this commit on; None where there is none."""

    commit: int
    job: Job | None


_NONE = JobState(0, None)


def is_of_jobs(sort_key: str) -> bool:
    """Whether an item is a job."""
    return parse_generation(sort_key)[1].startswith(JOB_PREFIX)


class JobHistory:
    """All that was committed to jobs.

    Args:
        data: gives an object's bytes, None if it is not there.

    Attributes:
        states: of each job, in order.
        hooks: the webhooks' items that are there, by partition, and the jobs that they name.
    """

    def __init__(self, data: Callable[[str], bytes | None]) -> None:
        self._data = data
        self.states: dict[JobKey, list[JobState]] = defaultdict(lambda: [_NONE])
        self.hooks: dict[str, JobKey] = {}

    def now(self, key: JobKey) -> Job | None:
        """The job as it is."""
        return self.states[key][-1].job

    def of(self, session: SessionKey, job_id: str) -> list[JobKey]:
        """The jobs of this id; the id tells generations apart, so there is one at most."""
        return [key for key in self.states if (key.session.session, key.job_id) == (session, job_id)]

    def during(self, key: JobKey, first: int, last: int) -> list[Job | None]:
        """The job at any time from the first commit to the last."""
        states = self.states.get(key) or [_NONE]
        start = bisect_right(states, first, key=lambda state: state.commit) - 1
        return [state.job for state in states[start:] if state.commit <= last]

    def hook_changed(self, partition: str, record: dict[str, Any]) -> None:
        """Note a webhook's item."""
        if "NewImage" in record:
            self.hooks[partition] = jobs.hooked(record["NewImage"])
        else:
            self.hooks.pop(partition)

    def changed(
        self,
        records: list[dict[str, Any]],
        change: Change,
        *,
        commit: int,
        work: Work,
        head: Head | None,
        now: float,
    ) -> None:
        """Note and check what one commit did to the jobs of a session.

        Args:
            records: what the table's stream tells of the commit.
            change: what it did to the session.
            commit: its number.
            work: whose it is.
            head: the session's head since.
            now: seconds, by the clock of whose it is.
        """
        logged: set[str] = set()
        for record in records:
            if not is_of_jobs(record["Keys"]["SK"]["S"]):
                continue
            key, item = parse_job(record["Keys"]), record.get("NewImage")
            before, after = self.now(key), self._read(jobs.from_item(item)) if item else None
            self._check(before, after, item, work=work, head=head, now=now)
            if after and after.ended and before:
                self._check_logged(change, after, work=work)
                logged |= {after.message_id} if after.logged else set()
            work.jobs.append(key)
            self.states[key].append(JobState(commit, after))
        if work.kind in {*ENDERS, "start_job"}:
            added = {fields["message_id"] for fields in change.added.values()}
            require(Rule.RESULT_IN_THE_LOG_WITH_THE_END, added == logged, (work, added, logged))

    def _read(self, job: Job) -> Job:
        """The job with its result, also where that is an object: it was put before the item that names it."""
        if job.result_object is None:
            return job
        data = self._data(job.result_object)
        require(Rule.RESULT_IS_THERE, data is not None, job)
        return job._replace(result=data)

    def named(self) -> set[str]:
        """The objects that jobs name."""
        now = [states[-1].job for states in self.states.values()]
        return {job.result_object for job in now if job and job.result_object}

    def _check_logged(self, change: Change, after: Job, *, work: Work) -> None:
        """The log gets the result in the same commit, unless there is no call for it any more."""
        said = [one for one in change.added.values() if one["message_id"] == after.message_id]
        require(Rule.RESULT_IN_THE_LOG_WITH_THE_END, len(said) == bool(after.logged), (work, after, said))
        for one in said:
            told = {"job_id": after.key.job_id, "state": after.state}
            fits = (one["role"], one["tool_call_id"], one["metadata"]) == ("tool", after.tool_call_id, told)
            require(Rule.RESULT_IN_THE_LOG_WITH_THE_END, fits, (after, one))
            if after.state == "completed":
                result = after.shown()["result"]
                require(Rule.RESULT_IN_THE_LOG_WITH_THE_END, one["content"] == result, (after, one))
        before = change.before.live
        assert before is not None
        taken = any(entry.newest["message_id"] == after.message_id for entry in change.before.log)
        gone = before.rewinds != after.rewinds or taken or after.tool_call_id is None
        require(Rule.LOGGED_IS_TRUE, after.logged or gone, (work, after, before))

    def _check(
        self,
        before: Job | None,
        after: Job | None,
        item: Item | None,
        *,
        work: Work,
        head: Head | None,
        now: float,
    ) -> None:
        request = work.request
        if after is None:
            purged = work.kind == "stream" or (work.kind == "ttl" and before and before.ended)
            require(Rule.JOB_KEPT, purged, (before, work))
            return
        assert item is not None
        in_index = {"GSI2PK", "due_at"} & item.keys()
        require(Rule.JOB_KEPT, bool(in_index) != after.ended, item)
        require(Rule.JOB_KEPT, ("expires_at" in item) == after.ended, item)
        if before is None:
            begins = (after.state, after.attempt, after.moves) == ("pending", 0, 1)
            require(Rule.STARTED_BY_A_START, work.kind == "start_job" and begins, (after, work))
            live = head and head.live and head.key == after.key.session
            require(Rule.STARTED_BY_A_START, live, (after, head))
            return
        require(Rule.ENDED_JOB_STAYS, not before.ended, (before, after, work))
        changed = {name for name in after._fields if getattr(before, name) != getattr(after, name)} - {
            "moves"
        }
        silent = changed <= {"lease_until"} and work.kind == "heartbeat_job"
        plus = {0, 1} if work.kind == "heartbeat_job" else {1}  # progress may be what it was
        require(Rule.JOB_VERSION_TELLS, after.moves - before.moves in plus, (before, after))
        require(Rule.JOB_VERSION_TELLS, silent or after.moves > before.moves, (before, after))
        due = before.due(_time(now))
        named = request.body.get("attempt") if request else None
        if after.ended:
            require(Rule.WHO_MOVES_A_JOB, work.kind in ENDERS and changed <= _ENDS, (work, changed))
            self._check_end(before, after, due=due, named=named, work=work)
        else:
            allowed = _MOVES.get(work.kind, set())
            require(Rule.WHO_MOVES_A_JOB, changed <= allowed, (work, changed))
            if named is not None:
                heeded = before.worked and before.attempt == named
                require(Rule.ATTEMPT_HEEDED, heeded, (before, request))
            if after.attempt != before.attempt or work.kind == "claim_job":
                free = before.state == "pending" or (
                    before.state == "running" and not before.held(_time(now))
                )
                require(Rule.CLAIMED_WHEN_FREE, free, (before, after, now))
                require(Rule.ATTEMPTS_GROW, after.attempt == before.attempt + 1, (before, after))

    def _check_end(self, before: Job, after: Job, *, due: str | None, named: int | None, work: Work) -> None:
        request = work.request
        if due or request is None or work.kind in {"get_job", "list_jobs"}:
            # A clock that was read before may have said otherwise a moment ago.
            late = {"cancelled", "expired"} if due else set()
            asked = work.kind in {"complete_job", "fail_job", "cancel_job", "report_job"}
            require(Rule.DUE_WHEN_ENDED_BY_OTHERS, after.state in late or asked, (before, after, work))
            if after.state in late:
                return
        assert request is not None
        if named is not None:
            require(Rule.ATTEMPT_HEEDED, before.worked and before.attempt == named, (before, request))
        as_asked: dict[str, set[Any]] = {
            "complete_job": {"completed"},
            "fail_job": {"failed", "cancelled"},
            "cancel_job": {"cancelled"},
            "report_job": {request.body.get("state"), "cancelled"},
        }
        require(Rule.JOB_ENDS_AS_ASKED, after.state in as_asked[work.kind], (after, request))
        if work.kind == "cancel_job":
            require(Rule.JOB_ENDS_AS_ASKED, not before.worked, (before, request))
        elif after.state == "cancelled":
            require(Rule.JOB_ENDS_AS_ASKED, before.cancel is not None, (before, request))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
