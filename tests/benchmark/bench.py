"""Two workers for each store: one straight at the servers, for times, one behind the proxies, for counts.

The runs of the stores are interleaved, so that what the machine does meanwhile meets all of them alike.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any

from tests.benchmark.remote import Remote, world
from tests.benchmark.stores import STORES, TURNLOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tests.benchmark.remote import World

    Ask = Callable[[Remote, int], dict[str, Any]]

CELL_SECONDS = 2.5
"""A store's runs of one workload stop after so many seconds in all, and after one run at least."""


@dataclass
class Cell:
    """What one store did in one workload.

    Attributes:
        at: the workload's variable: messages of history, writers.
        seconds: of each run, in the order of the rounds.
        counts: of one operation, from the proxies.
        more: what else the workload tells.
        failed: what the store could not do, in its own words.
    """

    workload: str
    at: int
    store: str
    seconds: list[float] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    failed: str = ""

    @property
    def median(self) -> float:
        """Seconds."""
        return median(self.seconds)

    @property
    def p99(self) -> float:
        """Seconds; the slowest of less than a hundred runs."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


class Bench:
    """The workers, and the cells that they fill.

    Attributes:
        names: of the stores that take part.
        cells: so far.
    """

    def __init__(self, around: World, names: list[str], stack: ExitStack) -> None:
        self.names = names
        self.cells: list[Cell] = []
        self._world = around
        self._began = monotonic()
        self._filled: dict[tuple[str, str], str] = {}
        self.direct, self._counted = (
            {name: stack.enter_context(self.started(name, counted=counted)) for name in names}
            for counted in (False, True)
        )
        for remote in (*self.direct.values(), *self._counted.values()):
            remote.ready()
        for remote in self.direct.values():
            remote.ask("set_up")

    @property
    def cached(self) -> list[str]:
        """The stores that read faster a second time."""
        return [name for name in self.names if STORES[name].cached]

    def started(self, name: str, *, counted: bool = False) -> Remote:
        """A worker more."""
        return Remote(name, self._world.environment(counted=counted))

    def say(self, text: str) -> None:
        """Tell how far it is."""
        sys.stderr.write(f"{monotonic() - self._began:5.0f} s  {text}\n")

    def fill(
        self, sessions: Callable[[str], list[str]], count: int, names: Iterable[str] = ()
    ) -> dict[str, str]:
        """Bring sessions to so many messages, each once; the stores that cannot hold them, and why.

        Args:
            sessions: of each store. Turnlog's stores are one: they share those of one name.
            count: messages in each.
            names: of the stores; all of them, if not given.
        """
        failed = {}
        for name in names or self.names:
            owner = "turnlog" if name in TURNLOG else name
            for session in sessions(name):
                if (owner, session) not in self._filled:
                    answer = self.direct[owner].ask("fill", session=session, count=count)
                    self._filled[owner, session] = answer.get("error", "")
                if error := self._filled[owner, session]:
                    failed[name] = error
                    break
        return failed

    def timed(
        self,
        workload: str,
        at: int,
        ask: Ask,
        *,
        names: Iterable[str],
        rounds: int,
        failed: Mapping[str, str] = {},
    ) -> None:
        """Run a workload in rounds, each store once a round; then count, by way of the proxies.

        Args:
            workload: its name.
            at: its variable.
            ask: has a worker do the round of this number, and returns its answer.
            names: of the stores.
            rounds: at most so many.
            failed: those that could not even be filled.
        """
        cells = {name: Cell(workload, at, name, failed=failed.get(name, "")) for name in names}
        open_cells = {name: cell for name, cell in cells.items() if not cell.failed}
        for number in range(rounds):
            # In another order each time: what a store leaves behind it (a heap to tidy) meets another one.
            for name in Random(number).sample(list(open_cells), len(open_cells)):
                cell = open_cells[name]
                self._note(cell, ask(self.direct[name], number))
                if cell.failed or cell.more.get("unsupported"):
                    del open_cells[name]
            # A slow store stops early.
            open_cells = {name: cell for name, cell in open_cells.items() if sum(cell.seconds) < CELL_SECONDS}
        for cell in cells.values():
            if cell.seconds and not cell.failed:
                ask(self._counted[cell.store], rounds)  # opens its connections
                cell.counts = self.measured(cell.store, lambda remote: ask(remote, rounds))["counts"]
        self.cells += [cell for cell in cells.values() if not cell.more.get("unsupported")]

    def measured(self, name: str, ask: Callable[[Remote], dict[str, Any]]) -> dict[str, Any]:
        """The worker's answer, and as `counts` what it took, by way of the proxies."""
        self._world.cache.settle()
        self._world.table.reset()
        self._world.cache.reset()
        answer = ask(self._counted[name])
        self._world.cache.settle()
        table, cache = self._world.table.counts, self._world.cache.counts
        counts = {
            "requests": table.requests.total(),
            "up": table.up,
            "down": table.down,
            "writes": table.writes,
            "reads": table.reads,
            "stored": table.stored,
            "commands": cache.commands.total(),
            "cache_up": cache.up,
            "cache_down": cache.down,
        }
        return answer | {"counts": counts}

    @staticmethod
    def _note(cell: Cell, answer: dict[str, Any]) -> None:
        if "error" in answer:
            cell.failed = answer["error"]
            return
        cell.seconds += answer.pop("seconds", [])
        cell.more |= answer


@contextmanager
def bench(names: list[str]) -> Iterator[Bench]:
    """A bench on servers of its own.

    Raises:
        RuntimeError: a server or a worker does not start.
    """
    unknown = set(names) - STORES.keys()
    if unknown:
        message = f"there is no store {', '.join(sorted(unknown))}"
        raise RuntimeError(message)
    with world() as around, ExitStack() as stack:
        yield Bench(around, names, stack)
