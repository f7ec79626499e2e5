"""Looks for a schedule that breaks a promise, and prints which rule it broke and where, if there is one."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.every_case import EVERY_CASE
from tests.simulation.exhaustive import exhaust
from tests.simulation.programs import schedules as programs
from tests.simulation.schedules import simulate
from tests.simulation.tally import Tally, seeds
from tests.simulation.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FEW, _SOME, _MANY = 20, 200, 10**9
_FIRST, _MOST = 100, 700
PROGRAMS = "programs"
"""The case of a sabotage that only a program can see, which asks the functions through the HTTP client."""

# A sabotage that cannot run at all proves nothing.
_BROKEN = (SyntaxError, NameError, ImportError)


def hunt(seconds: float, first: str) -> str | None:
    """The promise and the rule that are broken first, and where; the cases of this name come first."""
    for where, attempt in _attempts(seconds, first):
        try:
            attempt()
        except _BROKEN:
            raise
        except Exception as error:
            if isinstance(error, Violation):
                return f"{error.rule.promise}\t{error.rule.text}\t{where}"
            # What fails with another error could not even answer.
            return f"crash\t{type(error).__name__}\t{where}"
    return None


def _attempts(seconds: float, first: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is fast first."""
    tally = Tally()
    if first == PROGRAMS:
        for seed in seeds(0, _MANY, seconds):
            yield f"programs, seed {seed}", partial(programs.simulate, seed, tally)
        return
    if first:
        yield from _cases(tally, faulty=False, most=_FIRST, name=first)
        yield from _cases(tally, faulty=True, most=_MOST, name=first)
    yield from _seeds(range(_FEW), tally)
    yield from _cases(tally, faulty=False, most=_FIRST)
    yield from _cases(tally, faulty=True, most=_FIRST)
    yield from _seeds(range(_FEW, _SOME), tally)
    yield from _cases(tally, faulty=False, most=_MOST)
    yield from _cases(tally, faulty=True, most=_MOST)
    yield from _seeds(seeds(_SOME, _MANY, seconds), tally)


def _seeds(numbers: Iterable[int], tally: Tally) -> Iterator[tuple[str, Callable[[], object]]]:
    for seed in numbers:
        yield f"seed {seed}", partial(simulate, seed, tally)


def _cases(
    tally: Tally, *, faulty: bool, most: int, name: str = ""
) -> Iterator[tuple[str, Callable[[], object]]]:
    for case in EVERY_CASE:
        if name not in ("", case.name):
            continue
        faults = case.faults if faulty else 0
        yield f"{case.name}, {faults or 'no'} fault", partial(exhaust, case, tally, faults=faults, most=most)


if __name__ == "__main__":
    sys.stdout.write(hunt(float(sys.argv[1]), sys.argv[2]) or "")
