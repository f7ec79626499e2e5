"""Who decides: chance from a seed, or a list of decisions, and by it every list that there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.scheduler import Redundant, Touch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.simulation.scheduler import Task


_IN_A_BURST = 0.7


class RandomChooser:
    """Decisions from a seed.

    No two seeds have one temper: each draws which faults it knows, how often they strike, and how long a task
    keeps running. What only happens when one kind of fault is frequent and the others are away is found so
    (Groce et al., "Swarm Testing"). With some seeds faults come in bursts: whom one has struck, the next ones
    are likely to strike as well, also when the client sends the request again.

    Args:
        seed: the same one decides the same.
        kinds: all faults that there are.
    """

    def __init__(self, seed: int, kinds: Sequence[str]) -> None:
        self.rng = Random(seed)
        self.rate = self.rng.choice((0.0, 0.02, 0.05, 0.1, 0.2, 0.5))
        share = self.rng.choice((0.15, 0.4, 1.0))
        self.kinds = {kind for kind in kinds if self.rng.random() < share}
        self._patience = self.rng.choice((0.0, 0.5, 0.9))
        self._last = ""
        self._burst = self.rng.choice((0, 0, 2, 3, 4))  # how many faults are in one
        self._left: dict[str, int] = {}  # of the burst that strikes whoever has this name

    def pick(self, tasks: Sequence[Task]) -> int:
        """See `Chooser`."""
        names = [task.name for task in tasks]
        if self._last in names and self.rng.random() < self._patience:
            return names.index(self._last)
        at = self.rng.randrange(len(names))
        self._last = names[at]
        return at

    def choose(self, options: int) -> int:
        """See `Chooser`."""
        return self.rng.randrange(options)

    def fault(self, kinds: Sequence[str], name: str) -> str | None:
        """See `Chooser`."""
        # The cache's are left out: they would use up the bursts, and the table decides what is so.
        left = 0 if "cache down" in kinds else self._left.get(name, 0)
        # What can fail in more ways fails more often: the writes.
        rate = _IN_A_BURST if left else self.rate * len(kinds) / 3
        if self.rng.random() >= rate:
            return None
        known = [kind for kind in kinds if kind in self.kinds]
        if not known:
            return None
        if "cache down" not in kinds:
            self._left[name] = max(0, (left or self._burst) - 1)
        return self.rng.choice(known)

    def random(self) -> float:
        """See `Chooser`."""
        return self.rng.random()


@dataclass
class ListedChooser:
    """The decisions of a list, and behind its end always the first option.

    Two steps that touch nothing in common are put into one order only: a task that could have run here, and
    did so in a schedule before this one, sleeps until a step that its own one meets (sleep sets; Godefroid,
    "Partial-Order Methods for the Verification of Concurrent Systems").

    Attributes:
        decisions: what to decide.
        kinds: the faults that are tried.
        faults: how many may strike in one schedule.
        trail: what was decided, out of how many options.
    """

    decisions: Sequence[int] = ()
    kinds: frozenset[str] = frozenset()
    faults: int = 0
    trail: list[tuple[int, int]] = field(default_factory=list)
    _asleep: dict[str, Touch] = field(default_factory=dict)

    def pick(self, tasks: Sequence[Task]) -> int:
        """See `Chooser`.

        Raises:
            Redundant: all of them sleep.
        """
        awake = [at for at, task in enumerate(tasks) if task.name not in self._asleep]
        if not awake:
            raise Redundant
        decided = self.choose(len(awake))
        chosen = tasks[awake[decided]]
        before = {tasks[at].name: tasks[at].point.touch for at in awake[:decided]}
        self._asleep = {
            name: touch
            for name, touch in (self._asleep | before).items()
            if not touch.meets(chosen.point.touch)
        }
        return awake[decided]

    def choose(self, options: int) -> int:
        """See `Chooser`."""
        if options == 1:  # no decision
            return 0
        at = len(self.trail)
        decided = self.decisions[at] if at < len(self.decisions) else 0
        self.trail.append((decided, options))
        return decided

    def fault(self, kinds: Sequence[str], name: str) -> str | None:  # noqa: ARG002 (each fault is tried)
        """See `Chooser`."""
        known = [kind for kind in kinds if kind in self.kinds]
        if not self.faults or not known:
            return None
        if not (decided := self.choose(1 + len(known))):
            return None
        self.faults -= 1
        return known[decided - 1]

    def random(self) -> float:
        """See `Chooser`."""
        return 0.5


def every(kinds: Sequence[str] = (), faults: int = 0) -> Iterator[ListedChooser]:
    """Choosers that together decide everything that can be decided, one after the other."""
    decisions: list[int] = []
    while True:
        chooser = ListedChooser(decisions, frozenset(kinds), faults)
        yield chooser
        trail = chooser.trail
        while trail and trail[-1][0] + 1 == trail[-1][1]:
            trail.pop()
        if not trail:
            return
        decisions = [decided for decided, _ in trail]
        decisions[-1] += 1
