"""Jobs: what has them worked on by one at a time, completed once, and their result in the log."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_JOBS = "tests/functional/test_jobs.py"
_WORKERS = "tests/functional/test_client_jobs.py"

JOBS = (
    Mutant(
        "a job ends twice",
        'condition = "#state = :state_was AND #attempt = :attempt_was AND #moves = :moves_was"',
        'condition = "#state <= :state_was AND #attempt = :attempt_was AND #deadline <> :moves_was"',
        "whoever is late takes the result away",
        case="job: complete & complete, no call",
    ),
    Mutant(
        "a job ends without its result",
        "new = [_message(after_job, ending)] if after_job.logged else []",
        "new = [_message(after_job, ending)] if not after_job.logged else []",
        "the job is done, and nobody is told",
        case="job: complete & append",
    ),
    Mutant(
        "a worker that was overtaken ends the job",
        "if not job.worked or job.attempt != attempt:",
        "if not job.worked or job.attempt < attempt:",
        "two workers do the work, and the slow one's result counts",
        case="job: lost & claimed",
    ),
    Mutant(
        "a job is claimed under its worker",
        "if job.state == RUNNING and job.held(now):",
        "if job.state == ASKING and job.held(now):",
        "two work on a job at a time",
        case="job: claim & claim",
    ),
    Mutant(
        "a claim is no new attempt",
        "attempt=job.attempt + 1,\n            lease_until=timestamp(now +",
        "attempt=job.attempt or 1,\n            lease_until=timestamp(now +",
        "the worker before takes itself for the one that has it",
        case="job: lost & claimed",
    ),
    Mutant(
        "a heartbeat keeps another's job",
        'condition="#attempt = :attempt AND attribute_exists(#lease_until)"',
        'condition="#deadline <> :attempt AND attribute_exists(#lease_until)"',
        "a worker that was overtaken is told that it has the job",
        case="job: lost & alive",
    ),
    Mutant(
        "any request is a repeat",
        "    if job.request != request:\n",
        "    if job.request == token:\n",
        "another job than was asked for",
        case="job: start & another with its key",
    ),
    Mutant(
        "a job of a session that is gone",
        '{"ConditionCheck": check(head.key, LIVE)}, job.put()',
        '{"ConditionCheck": check(head.key, "attribute_exists(#PK)")}, job.put()',
        "a job under a tombstone",
        case="job: start & delete",
    ),
    Mutant(
        "a webhook outlives its session",
        '        if hook := item.pop("hook", None):',
        '        if (hook := item.pop("hook", None)) and not item:',
        "what names the user stays",
        case="job: complete & delete",
    ),
    Mutant(
        "each end is the first",
        "            return Ended(job, replayed=True)\n        # Decided once",
        "            return Ended(job, replayed=False)\n        # Decided once",
        "two workers are told that they completed the job",
        case="job: complete & complete",
    ),
    Mutant(
        "a large result is named before it is there",
        "    if not results.has(name):\n        await results.put(name, job.result)\n",
        "    if results.tried:\n        await results.put(name, job.result)\n",
        "the job has ended, and its result is nowhere",
        case="job: complete & get, in objects",
    ),
    Mutant(
        "a large result that lost stays",
        "            results.judge(named=job.token == token)\n",
        "            results.judge(named=True)\n",
        "what nobody names lies in the bucket until the session goes",
        case="job: complete & complete, in objects",
    ),
    Mutant(
        "the result of a forgotten job stays",
        "        if there is None or name < there.since:",
        "        if there and name < there.since:",
        "what nobody names lies in the bucket until the session goes",
        test=f"{_JOBS}::test_a_large_result_goes_with_its_job",
    ),
    Mutant(
        "a forgotten job takes the next one's result along",
        "        if there is None or name < there.since:",
        "        if there is None or name > there.since:",
        "a job's result is lost",
        test=f"{_JOBS}::test_a_large_result_goes_with_its_job",
    ),
    Mutant(
        "a cancel ends a job under its worker",
        "if ending.idle and job.worked:",
        "if ending.idle and job.ended:",
        "the worker has no time to stop",
        case="job: claim & cancel",
    ),
    Mutant(
        "an ended job stays in the index of what is due",
        "due = {} if job.ended else",
        "due = {} if job.ended and job.cancel else",
        "the sweep looks at it for ever",
        case="job: complete & heartbeat",
    ),
    Mutant(
        "a deadline that nobody minds",
        "    state = job.due(store.clock.now())\n    if state is None:",
        "    state = job.seen(store.clock.now()).error\n    if state is None:",
        "a job goes on for ever",
        test=f"{_JOBS}::test_a_job_that_is_past_its_deadline_expires",
    ),
    Mutant(
        "the result of a call that is gone",
        "    if head.rewinds == job.rewinds:\n",
        "    if head.rewinds >= job.rewinds:\n",
        "a result of which nobody knows the question",
        test=f"{_JOBS}::test_the_result_of_a_call_that_was_rewound_away_is_not_logged",
    ),
    Mutant(
        "who stops as asked has its job back",
        "if not retry or job.cancel is not None:",
        "if not retry:",
        "a cancelled job is claimed again",
        test=f"{_JOBS}::test_who_cancels_a_job_is_heard_by_its_worker",
    ),
    Mutant(
        "an answer is asked for again",
        "        if job.asked == asked:\n",
        "        if job.asked == asked and job.answer is None:\n",
        "a repeat takes the owner's answer away",
        test=f"{_JOBS}::test_a_worker_asks_and_is_answered",
    ),
    Mutant(
        "a webhook is found by anything",
        'hook_key(token_digest(token)), "ConsistentRead": True',
        'hook_key(token_digest(token.strip("x"))), "ConsistentRead": True',
        "another token than that of the job ends it",
        test=f"{_JOBS}::test_a_webhook_ends_its_job_and_no_other",
    ),
    Mutant(
        "jobs are the oldest first",
        'jobs_partition(head.key))},\n        "ScanIndexForward": False,',
        'jobs_partition(head.key))},\n        "ScanIndexForward": True,',
        "the list is upside down",
        test=f"{_JOBS}::test_jobs_are_listed_the_newest_first",
    ),
    Mutant(
        "a worker that is stopped fails its job",
        'await _Work.fail(self, "The worker was stopped.", retry=True)',
        'await _Work.fail(self, "The worker was stopped.")',
        "a deployment fails all jobs that run",
        test=f"{_WORKERS}::test_a_worker_that_is_stopped_gives_its_job_back",
    ),
    Mutant(
        "a cancellation from outside is taken for the job's",
        "ours = self._stopping and self._task.uncancel() <= self._cancelling",
        "ours = self._stopping and self._task.uncancel() < self._cancelling",
        "a task is cancelled that was not asked to be",
        test=f"{_WORKERS}::test_a_worker_whose_job_is_cancelled_stops",
    ),
)
