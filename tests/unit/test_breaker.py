from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from turnlog.cache.breaker import OPEN_SECONDS, Breaker
from turnlog.coroutines import run
from turnlog.errors import CacheUnavailable

if TYPE_CHECKING:
    from turnlog.store.protocols import Command


class Flaky:
    """A cache that is up or down."""

    def __init__(self) -> None:
        self.up = True
        self.asked = 0

    async def run(self, *commands: Command, atomic: bool = False) -> list[Any]:
        self.asked += 1
        if not self.up:
            raise CacheUnavailable("down")
        return [commands, atomic]

    async def post(self, *commands: Command) -> None:
        await self.run(*commands)


def test_a_cache_that_failed_is_left_alone_for_a_while() -> None:
    cache, now = Flaky(), [100.0]
    breaker = Breaker(cache, lambda: now[0])
    assert run(breaker.run(("PING",), atomic=True)) == [(("PING",),), True]
    cache.up = False
    for ask in (breaker.post, breaker.run, breaker.post, breaker.run):
        with pytest.raises(CacheUnavailable):
            run(ask(("PING",)))
    assert cache.asked == 2
    cache.up = True
    now[0] += OPEN_SECONDS * 0.99
    with pytest.raises(CacheUnavailable):
        run(breaker.run(("PING",)))
    now[0] += OPEN_SECONDS * 0.02
    assert run(breaker.run(("PING",)))
    assert run(breaker.run(("PING",)))
    assert cache.asked == 4


def test_it_opens_again_when_it_still_fails() -> None:
    cache, now = Flaky(), [0.0]
    cache.up = False
    breaker = Breaker(cache, lambda: now[0])
    for second in range(5):
        now[0] = second * (OPEN_SECONDS + 0.01)
        for _ in range(3):
            with pytest.raises(CacheUnavailable):
                run(breaker.run(("PING",)))
    assert cache.asked == 5
