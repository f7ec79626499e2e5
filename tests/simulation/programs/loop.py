"""The event loop of all programs of a schedule: asyncio's own, whose clock is the simulation's.

A program runs as it runs anywhere: on asyncio, with httpx and anyio. It waits for two things only: for an
answer over HTTP, which a task of the scheduler brings, and for time. So the loop never waits. It runs until
each program waits for one of the two, then the scheduler decides what comes next.
"""

from __future__ import annotations

import asyncio
from selectors import SelectSelector
from typing import TYPE_CHECKING, Any

from tests.simulation.scheduler import Point, suspended

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.simulation.world import World

_LEAST = 1e-6  # seconds: less is lost in the sum with the time of day


class _NoWait(SelectSelector):
    """Stops its loop where a loop would wait for something from outside, or for time."""

    loop: asyncio.AbstractEventLoop
    wait: float | None = None

    def select(self, timeout: float | None = None) -> list[Any]:
        """See `selectors`: nothing ever comes from outside."""
        if timeout != 0:
            self.wait = timeout
            self.loop.stop()
        return []


class ProgramLoop(asyncio.SelectorEventLoop):
    """The loop.

    Args:
        world: whose time it has.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._no_wait = _NoWait()
        self._programs: list[asyncio.Task[None]] = []
        super().__init__(self._no_wait)
        self._no_wait.loop = self

    def time(self) -> float:
        """See `asyncio`."""
        return self._world.seconds

    def start(self, name: str, program: Coroutine[Any, Any, None]) -> None:
        """Start a program; the scheduler runs until it is done."""
        if not self._programs:
            self._world.scheduler.spawn("time of the programs", self._wake(), daemon=True)
        task = self.create_task(program)
        self._programs.append(task)

        async def done() -> None:
            await suspended(Point(ready=task.done))

        self._world.scheduler.spawn(name, done())
        self.settle()

    def settle(self) -> None:
        """Run until every program waits.

        Raises:
            Exception: one that ended a program.
        """
        self.run_forever()
        for task in [task for task in self._programs if task.done()]:
            self._programs.remove(task)
            task.result()

    def abandon(self) -> None:
        """Leave the programs where they are, and close."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.run_forever()
        self.close()

    async def _wake(self) -> None:
        """Let time go on to where the next program wants to wake."""
        while True:
            await suspended(Point(ready=lambda: self._no_wait.wait is not None))
            assert self._no_wait.wait is not None
            self._world.seconds += self._no_wait.wait + _LEAST
            self.settle()
