"""Running coroutines that never wait: operations are written once, and a blocking driver never suspends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Generator

T = TypeVar("T")


def run(operation: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in one step, without an event loop.

    Raises:
        RuntimeError: it waited for something.
    """
    try:
        operation.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    operation.close()
    message = "a driver for run() suspended"
    raise RuntimeError(message)


def iterate(steps: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """Give what an asynchronous generator gives that never waits."""
    try:
        while True:
            try:
                yield run(anext(steps))
            except StopAsyncIteration:
                return
    finally:
        run(steps.aclose())
