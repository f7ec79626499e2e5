"""What schedules went through, counted."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.world import World


_NAMED = 12
_BURSTS = (2, 3, 4, 6)


@dataclass
class Tally:
    """What schedules did, in sum; and which cases had more of them than were run.

    Attributes:
        faults: how often each struck; `met`: in how many schedules.
        bursts: how many schedules had a request that met so many faults, with all its sendings, at the most.
    """

    schedules: int = 0
    steps: int = 0
    requests: int = 0
    calls: int = 0
    commits: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    bursts: Counter[int] = field(default_factory=Counter)
    shapes: set[int] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)

    def add(self, world: World) -> None:
        """Count a schedule that is over."""
        self.schedules += 1
        self.steps += world.scheduler.steps
        self.requests += world.requests
        self.calls += world.calls
        self.commits += world.history.commits
        self.faults.update(world.faults)
        self.met.update(world.faults.keys())
        self.bursts[max(map(len, world.struck), default=0)] += 1
        self.shapes |= world.history.shapes

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.schedules + other.schedules,
            self.steps + other.steps,
            self.requests + other.requests,
            self.calls + other.calls,
            self.commits + other.commits,
            self.faults + other.faults,
            self.met + other.met,
            self.bursts + other.bursts,
            self.shapes | other.shapes,
            self.cut | other.cut,
        )


def seeds(first: int, count: int, seconds: float, *, step: int = 1) -> Iterator[int]:
    """So many seeds, each `step` behind the one before, or as many as there is time for."""
    end = time.monotonic() + seconds
    for seed in range(first, first + count * step, step):
        if time.monotonic() > end:
            return
        yield seed


def report(tally: Tally) -> str:
    """What schedules did, in a few lines."""
    lines = [
        f"{tally.schedules:,} schedules: {tally.steps:,} steps, {tally.requests:,} requests",
        f"{tally.commits:>11,} commits, {len(tally.shapes):,} different states of the table",
        f"{tally.faults.total():>11,} faults:",
    ]
    if tally.calls:
        lines.insert(1, f"{tally.calls:>11,} calls of programs")
    lines += [
        f"  {count:>9,} times {kind}, in {tally.met[kind]:,} schedules"
        for kind, count in sorted(tally.faults.items())
    ]
    lines.append(f"{_with_bursts(tally, 1):>11,} schedules in which a fault struck a client's request:")
    lines += [
        f"  {_with_bursts(tally, faults):>9,} in which {faults} or more struck one, as often as it was sent"
        for faults in _BURSTS
    ]
    if tally.cut:
        named = sorted(tally.cut)[:_NAMED]
        lines.append(f"{len(tally.cut):>11,} cases not to their end: {'; '.join(named)}")
    return "\n".join(lines)


def _with_bursts(tally: Tally, faults: int) -> int:
    """How many schedules had a request that met so many faults or more."""
    return sum(count for met, count in tally.bursts.items() if met >= faults)
