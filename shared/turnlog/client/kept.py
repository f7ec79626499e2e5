"""The connections that a client keeps open, and for whom.

Connections belong to an event loop, or to a process. A client that is used on another loop, or in a process
that was forked, opens others there: on its parent's connections the two would read each other's answers.
"""

from __future__ import annotations

import os
from threading import Lock as ThreadLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from anyio import Lock
from anyio.lowlevel import current_token

from turnlog.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_CLOSED = "This client is closed. Make a new one."


class PerProcess(Generic[T]):
    """What the threads of a process share, made when it is first used.

    Args:
        make: makes it.
        close: closes it.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], None]) -> None:
        self._make = make
        self._close = close
        self._made: dict[int, T] = {}
        self._locks: dict[int, ThreadLock] = {}
        self._closed = False

    def get(self) -> T:
        """What this process has.

        Raises:
            UsageError: the client is closed.
        """
        if self._closed:
            raise UsageError(_CLOSED)
        process = os.getpid()
        kept = self._made.get(process)
        if kept is None:
            # A lock of this process's own: one that another thread holds at a fork stays locked in the child.
            with self._locks.setdefault(process, ThreadLock()):
                kept = self._made.get(process)
                if kept is None:
                    kept = self._made[process] = self._make()
                if self._closed:  # meanwhile
                    self.close()
                    raise UsageError(_CLOSED)
        return kept

    def close(self) -> None:
        """Close it."""
        self._closed = True
        kept = self._made.pop(os.getpid(), None)
        if kept is not None:
            self._close(kept)


class PerLoop(Generic[T]):
    """What the tasks of an event loop share, made when it is first used there.

    Args:
        make: makes it, on the loop that runs.
        close: closes it there.
    """

    def __init__(self, make: Callable[[], Awaitable[T]], close: Callable[[T], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._made: dict[Any, T] = {}
        self._making: dict[Any, Lock] = {}
        self._closed = False

    async def get(self) -> T:
        """What this loop has.

        Raises:
            UsageError: the client is closed, or in use on the loop of another thread.
        """
        if self._closed:
            raise UsageError(_CLOSED)
        loop = current_token().native_token
        if loop not in self._made:
            async with self._lock(loop):
                if loop not in self._made:
                    made = await self._make()
                    if self._closed:  # meanwhile
                        await self._close(made)
                        raise UsageError(_CLOSED)
                    self._made[loop] = made
        return self._made[loop]

    def _lock(self, loop: Any) -> Lock:
        for other in [*self._making]:
            if other is loop:
                continue
            if _runs(other):
                raise UsageError(
                    "This client is in use on the event loop of another thread. "
                    "Make an AsyncTurnlog for each loop, or use Turnlog, which threads may share."
                )
            if _over(other):  # its connections ended with it
                self._making.pop(other)
                self._made.pop(other, None)
        return self._making.setdefault(loop, Lock())

    async def aclose(self) -> None:
        """Close what this loop has; what other loops had ends with them."""
        self._closed = True
        kept = self._made.pop(current_token().native_token, None)
        self._made.clear()
        if kept is not None:
            await self._close(kept)


def _runs(loop: Any) -> bool:
    """Whether a loop is running; asked about a loop other than this one, it runs in another thread."""
    return bool(loop.is_running()) if hasattr(loop, "is_running") else not _over(loop)


def _over(loop: Any) -> bool:
    """Whether a loop has ended. Trio's refuses work then."""
    if hasattr(loop, "is_closed"):
        return bool(loop.is_closed())
    try:
        loop.run_sync_soon(_nothing)
    except RuntimeError:
        return True
    return False


def _nothing() -> None:
    pass
