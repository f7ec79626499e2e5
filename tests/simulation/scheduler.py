"""One thread, many coroutines, and one place where it is decided who runs next and what goes wrong.

The store's own coroutines suspend at every call that leaves the process: to the table, to the cache, to the
clock. Between two such points nothing else can happen, so an order of the points is an order of everything,
and a sequence of decisions is a schedule. Decisions come from a `Chooser`: random ones from a seed
(`choosers.RandomChooser`), or every sequence there is (`choosers.every`).
"""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Sequence

# Far above what a schedule of this package takes: more is a loop without an end.
MAX_STEPS = 20_000


class Crashed(BaseException):
    """The process is gone: its coroutine unwinds, and nothing in it may catch this."""


class Redundant(Exception):
    """What is left of this schedule differs from another one's in nothing that anybody can see."""


class Touch(NamedTuple):
    """What a step reads and writes."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()

    def meets(self, other: Touch) -> bool:
        """Whether the order of the two steps can matter."""
        return bool(self.writes & (other.reads | other.writes) or other.writes & self.reads)


NOTHING = Touch()


class Chooser(Protocol):
    """Whoever decides."""

    def pick(self, tasks: Sequence[Task]) -> int:
        """Which of these tasks runs next."""
        ...

    def choose(self, options: int) -> int:
        """A number under `options`."""
        ...

    def fault(self, kinds: Sequence[str], name: str) -> str | None:
        """Which of these faults strikes whoever has this name now, if any."""
        ...

    def random(self) -> float:
        """Jitter: a number in [0, 1) on which no outcome should depend."""
        ...


class Point(NamedTuple):
    """Where a task waits: what its next step touches, and when it can be picked."""

    touch: Touch = NOTHING
    ready: Callable[[], bool] | None = None


@coroutine
def suspended(point: Point) -> Generator[Point, None, None]:
    """Let others run, until this task is picked."""
    yield point


class Task:
    """A coroutine on its way."""

    def __init__(self, name: str, work: Coroutine[Any, Any, None], *, daemon: bool) -> None:
        self.name = name
        self.daemon = daemon
        self.point = Point()
        self._work = work

    def step(self) -> bool:
        """Run to the next point; whether there is one."""
        try:
            self.point = self._work.send(None)
        except StopIteration:
            return False
        return True

    def close(self) -> None:
        """Leave it where it is."""
        self._work.close()


class Scheduler:
    """Runs tasks until all that matter are done."""

    def __init__(self, chooser: Chooser) -> None:
        self.chooser = chooser
        self.steps = 0
        self._tasks: list[Task] = []

    def spawn(self, name: str, work: Coroutine[Any, Any, None], *, daemon: bool = False) -> None:
        """Start a task, which runs to its first point; a daemon is not waited for."""
        task = Task(name, work, daemon=daemon)
        if task.step():
            self._tasks.append(task)

    def run(self) -> None:
        """Run until only daemons are left, then leave these where they are."""
        while not all(task.daemon for task in self._tasks):
            ready = [task for task in self._tasks if task.point.ready is None or task.point.ready()]
            task = ready[self.chooser.pick(ready)]
            self.steps += 1
            if self.steps > MAX_STEPS:
                message = "the schedule does not end"
                raise AssertionError(message)
            if not task.step():
                self._tasks.remove(task)
        self.close()

    def close(self) -> None:
        """Leave all tasks where they are."""
        for task in self._tasks:
            task.close()
        self._tasks.clear()
