"""Tasks that are cancelled where they wait, at one place after the other; and what none may leave behind."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator


class When(NamedTuple):
    """When a task is cancelled.

    Attributes:
        at: the time that it waits, counted from 1.
        late: in the turn in which what it waits for is there; or else before that.
        again: once more, when it waits for the next time, as it does to clean up.
    """

    at: int
    late: bool = False
    again: bool = False


class Cancelled:
    """A coroutine whose task is cancelled in the middle of it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], when: When) -> None:
        self._coroutine = coroutine
        self._when = when
        self._times = {when.at, when.at + when.again}

    def __await__(self) -> Generator[Any, Any, Any]:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        steps = self._coroutine.__await__()
        resume = partial(next, steps)
        time = 0
        while True:
            try:
                future = resume()
            except StopIteration as done:
                return done.value
            time += 1
            if time in self._times:
                if self._when.late and future is not None:
                    future.add_done_callback(lambda _: task.cancel())
                else:
                    loop.call_soon(task.cancel)
            try:
                yield future
            except BaseException as error:
                resume = partial(steps.throw, error)
            else:
                resume = partial(steps.send, None)


async def cancelled(coroutine: Coroutine[Any, Any, Any], when: When) -> bool:
    """Whether it waited that often, and so was cancelled; it ends as a task that is cancelled does."""

    async def main() -> None:
        await Cancelled(coroutine, when)

    task = asyncio.create_task(main())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return task.cancelled()


async def cancelled_in_turn(coroutine: Coroutine[Any, Any, Any], turn: int, *, again: bool) -> bool:
    """Whether it took so many turns of the loop, and so was cancelled, wherever its tasks waited.

    Args:
        coroutine: what is run.
        turn: in which it is cancelled, counted from 1.
        again: once more in the next turn.
    """
    task = asyncio.ensure_future(coroutine)
    for _ in range(turn):
        await asyncio.sleep(0)
    in_time = task.cancel()
    await asyncio.sleep(0)
    if again:
        task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
        assert not in_time, "it was cancelled, and went on"
    return in_time


def run_clean(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run it on a loop of its own: it leaves no task behind, and nobody has to be told of an error."""
    told: list[dict[str, Any]] = []

    async def whole() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        result = await main()
        gc.collect()  # what nobody has looked at is told of when it goes
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left
        return result

    result = asyncio.run(whole())
    gc.collect()
    assert not told, told
    return result
