"""Random schedules of everything at once: every operation and fault, five clients, the stream, time.

`TURNLOG_SIM_SCHEDULES=n` runs another number, `TURNLOG_SIM_SECONDS=s` as many as fit into a time,
`TURNLOG_SIM_SEED=s` that one alone. For hours: `python -m tests.simulation --seconds 3600`.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.schedules import simulate
from tests.simulation.tally import Tally, seeds

_SCHEDULES = 70
# Those that found something, since mended. A case of `cases.py` or a test of `test_found.py` has each as
# well: what a seed leads to changes with the code.
_FOUND = (1_002_643,)


def test_every_promise_holds_in_every_schedule(tally: Tally) -> None:
    """G1 to G7, by the checker; a failure's note has the trace and the seed that replays it."""
    seed = os.environ.get("TURNLOG_SIM_SEED")
    seconds = float(os.environ.get("TURNLOG_SIM_SECONDS", "inf"))
    count = int(os.environ.get("TURNLOG_SIM_SCHEDULES", _SCHEDULES if seconds == float("inf") else 10**9))
    for number in [int(seed)] if seed else seeds(0, count, seconds):
        simulate(number, tally)


@pytest.mark.parametrize("seed", _FOUND)
def test_what_was_found_is_mended(seed: int, tally: Tally) -> None:
    simulate(seed, tally)


def test_a_seed_replays() -> None:
    """The same seed makes the same schedule, step for step."""
    first, second = Tally(), Tally()
    for tally in (first, second):
        for seed in range(1_000_000, 1_000_008):
            simulate(seed, tally)
    assert first == second
