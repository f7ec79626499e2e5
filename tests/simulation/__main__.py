"""Random schedules, as many as are asked for, in as many processes as there are processors.

Each seed is run twice: by clients that ask the functions, and by programs that use the HTTP client.

    python -m tests.simulation [--schedules 20000] [--seconds 3600] [--first 1000000] [--seed N]

It stops at the first that breaks a promise, and prints what led to it and the seed that replays it.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from tests.simulation import schedules
from tests.simulation.programs import schedules as programs
from tests.simulation.tally import Tally, report, seeds

_MANY = 10**9


class Share(NamedTuple):
    """What one process runs: every `step`-th seed from `first` on."""

    first: int
    step: int
    schedules: int
    seconds: float


class Outcome(NamedTuple):
    """What a process went through, and the first broken promise, told."""

    tally: Tally
    broken: str


def search(share: Share) -> Outcome:
    """Run the schedules of a share."""
    tally = Tally()
    for seed in seeds(share.first, share.schedules, share.seconds, step=share.step):
        try:
            schedules.simulate(seed, tally)
            programs.simulate(seed, tally)
        except Exception as error:
            told = "\n".join(getattr(error, "__notes__", ()))
            return Outcome(tally, f"{told}\n{type(error).__name__}: {error}")
    return Outcome(tally, "")


def main() -> int:
    """Run them."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--schedules", type=int, default=_MANY, help="stop after so many")
    parser.add_argument("--first", type=int, default=1_000_000, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    given = parser.parse_args()
    if given.seed is not None:
        shares = [Share(given.seed, 1, 1, float("inf"))]
    else:
        shares = [
            Share(given.first + job, given.jobs, -(-(given.schedules - job) // given.jobs), given.seconds)
            for job in range(given.jobs)
        ]
    with ProcessPoolExecutor(len(shares)) as pool:
        outcomes = list(pool.map(search, shares))
    tally = sum((outcome.tally for outcome in outcomes), Tally())
    broken = [outcome.broken for outcome in outcomes if outcome.broken]
    sys.stdout.write("\n\n".join([*broken, f"simulation, random: {report(tally)}"]) + "\n")
    return len(broken)


if __name__ == "__main__":
    sys.exit(main())
