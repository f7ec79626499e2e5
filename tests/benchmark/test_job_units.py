"""What a job costs in units of DynamoDB, as infra/README.md says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmark.units import World
from turnlog.coroutines import run
from turnlog.operations.claim_job import claim_job
from turnlog.operations.complete_job import complete_job
from turnlog.operations.create_session import create_session
from turnlog.operations.heartbeat_job import heartbeat_job
from turnlog.operations.start_job import Start, start_job
from turnlog.operations.sweep_jobs import sweep_jobs

if TYPE_CHECKING:
    from tests.benchmark.units import Cost

_CHECK = 2
"""Write units of the look at the session in a transaction: the meter sees what is written alone."""


@pytest.mark.parametrize("length", [1, 300])
def test_a_job(length: int) -> None:
    world, start = World(), Start("report", {"year": 2026}, "call_0123456789")
    run(create_session(world.store(), world.key, []))
    world.fill(length)

    def units(cost: Cost) -> tuple[float, float]:
        return cost.writes, cost.reads

    started = world.cost(lambda store: start_job(store, world.key, "k", start))
    job_id = run(start_job(world.store(), world.key, "k", start))[0].key.job_id
    claimed = world.cost(lambda store: claim_job(store, world.key, job_id, lease_seconds=60))
    kept = world.cost(lambda store: heartbeat_job(store, world.key, job_id, attempt=1, lease_seconds=60))
    ended = world.cost(lambda store: complete_job(store, world.key, job_id, attempt=1, result="x" * 300))
    swept = world.cost(sweep_jobs)
    assert (started.writes + _CHECK, claimed.writes + _CHECK) == (6, 4)
    assert (units(kept), units(ended)) == ((1, 2), (9, 2))
    assert (swept.requests, *units(swept)) == (4, 0, 2)
