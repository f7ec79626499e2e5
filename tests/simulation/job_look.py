"""What is left of jobs when the faults are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.requests import Request
from tests.simulation.violations import Rule, require

if TYPE_CHECKING:
    from tests.simulation.world import World
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey


def check_jobs(world: World, key: SessionKey, live: Head | None) -> None:
    """Each job of a session that is there is shown and listed as it is; of others no webhook is left."""
    history = world.history.jobs
    for partition, hooked in history.hooks.items():
        if hooked.session.session == key:
            of_live = live and live.key == hooked.session
            require(Rule.HOOK_GOES_WITH_ITS_JOB, of_live and history.now(hooked), (partition, live))
    if live is None:
        return
    there = {job.key.job_id: job for one in [*history.states] if (job := history.now(one))}
    mine = {name: job for name, job in there.items() if job.key.session == live.key}
    for name in mine:
        reply = world.ask(Request("get_job", *key, job_id=name))
        require(Rule.JOB_WAS_SO, reply.status == 200, (name, reply))
    if mine:
        listed = world.ask(Request("list_jobs", *key, query={"limit": 100})).body["jobs"]
        require(Rule.JOBS_LISTED, {one["job_id"] for one in listed} == {*mine}, (listed, mine))


def check_jobs_ended(world: World) -> None:
    """G10: no job of a session that is there goes on for ever, though nobody looks at it."""
    for key in [*world.history.jobs.states]:
        job, live = world.history.jobs.now(key), world.history.sessions[key.session.session][-1].live
        if job and live and live.key == key.session:
            require(Rule.JOB_ENDS_AT_LAST, job.ended, job)


def check_hooks_ended(world: World) -> None:
    """Each webhook's item ends by itself, at the latest."""
    require(Rule.HOOK_GOES_WITH_ITS_JOB, not world.history.jobs.hooks, world.history.jobs.hooks)
