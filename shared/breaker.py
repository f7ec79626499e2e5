"""G6: a cache that does not answer costs one time-out a second, not one a request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from shared.errors import CacheUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.backend import Cache, Command

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
        """See `shared.backend.Cache`."""
        if self._now() < self._open_until:
            raise CacheUnavailable("left alone after a failure")
        try:
            return await self._cache.run(*commands, atomic=atomic)
        except CacheUnavailable:
            self._open_until = self._now() + OPEN_SECONDS
            raise
