"""Random schedules for as long as is asked: `python -m tests.simulation --seconds 3600 --first 1000000`."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.schedules import simulate
from tests.simulation.tally import Tally, report, seeds

_MANY = 10**9


def main() -> int:
    """Run them, and stop at the first that breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--first", type=int, default=1_000_000, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one alone")
    given = parser.parse_args()
    tally = Tally()
    chosen = [given.seed] if given.seed is not None else seeds(given.first, _MANY, given.seconds)
    for seed in chosen:
        try:
            simulate(seed, tally)
        except Exception as error:
            sys.stdout.write(f"{report(tally)}\n\n{''.join(getattr(error, '__notes__', ()))}\n")
            raise
    sys.stdout.write(f"{report(tally)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
