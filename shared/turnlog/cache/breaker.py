"""G6: a cache that does not answer costs one time-out a second, not one a request."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from turnlog.errors import CacheUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from turnlog.store.protocols import Cache, Command

OPEN_SECONDS = 1.0


class Breaker:
    """A cache that is left alone for a second after a failure.

    Args:
        cache: the one behind it.
        now: seconds, monotonic.
    """

    def __init__(self, cache: Cache, now: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._now = now
        self._open_until = float("-inf")

    async def run(self, *commands: Command, atomic: bool = False) -> list[Any]:
        """See `turnlog.store.protocols.Cache`."""
        with self._watched():
            return await self._cache.run(*commands, atomic=atomic)

    async def post(self, *commands: Command) -> None:
        """See `turnlog.store.protocols.Cache`."""
        with self._watched():
            await self._cache.post(*commands)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        if self._now() < self._open_until:
            raise CacheUnavailable("left alone after a failure")
        try:
            yield
        except CacheUnavailable:
            self._open_until = self._now() + OPEN_SECONDS
            raise
