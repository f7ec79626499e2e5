"""Random schedules of programs: `AsyncTurnlog` as it is, on a way on which requests and answers get lost.

`TURNLOG_SIM_SCHEDULES=n` runs another number, `TURNLOG_SIM_SEED=s` that one alone.
"""

from __future__ import annotations

import os

from tests.simulation.programs.schedules import simulate
from tests.simulation.tally import Tally

_SCHEDULES = 50


def test_a_call_is_made_once_or_not_at_all(tally: Tally) -> None:
    """G1, G2, G7, by the checker; a failure's note has the trace and the seed that replays it."""
    seed = os.environ.get("TURNLOG_SIM_SEED")
    count = int(os.environ.get("TURNLOG_SIM_SCHEDULES", _SCHEDULES))
    for number in [int(seed)] if seed else range(count):
        simulate(number, tally)


def test_a_seed_replays() -> None:
    """The same seed makes the same schedule, step for step, also what is drawn by chance in it."""
    first, second = Tally(), Tally()
    for tally in (first, second):
        for seed in range(2_000_000, 2_000_008):
            simulate(seed, tally)
    assert first == second
