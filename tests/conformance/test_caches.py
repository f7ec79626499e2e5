"""The simulation's cache and a real Valkey are sent the same commands and reply the same."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.embedded import valkey
from tests.simulation.memory_cache import MemoryCache
from turnlog.cache.resp import RespCache
from turnlog.cache.url import CacheUrl
from turnlog.coroutines import run
from turnlog.errors import Refused
from turnlog.store.stream_cache import APPEND, MARK, READ, RESET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.conftest import Report
    from turnlog.store.protocols import Command

KEYS = [f"turnlog:{{s}}:{name}" for name in ("head", "log:1", "log:2")]
FIELDS = (0, 1, "2", "é")
VALUES = ("", "a", b"\x00\xff", "é😀", 7)
STREAM = ("turnlog:{s}:stream:a", "turnlog:{s}:events:a")
LONG = (10_000, 50_000)
"""Times to live that are far from over when the test is; TTL is compared to within a few seconds."""


@pytest.fixture(scope="module")
def server() -> Iterator[RespCache]:
    with valkey() as url:
        cache = RespCache(CacheUrl.parse(url))
        yield cache
        cache.close()


@pytest.mark.parametrize("seed", range(20))
def test_memory_cache_and_valkey(seed: int, server: RespCache, report: Report) -> None:
    chance, ours = Random(seed), MemoryCache(lambda: 0.0)
    run(server.run(("DEL", *KEYS)))
    for at in range(60):
        commands = [_command(chance) for _ in range(chance.randint(1, 5))]
        atomic = chance.random() < 0.3
        expected, got = (_replies(cache, commands, atomic=atomic) for cache in (ours, server))
        for command, one, other in zip(commands, expected, got, strict=True):
            same = abs(one - other) < 60 if command[0] == "TTL" and one > 0 else one == other
            assert same, f"seed {seed}, round {at}: {command}\nours:   {one}\ntheirs: {other}"
            report.agreed("Valkey")


def test_an_entry_is_gone_when_its_time_is_over() -> None:
    """Valkey's clock cannot be moved; ours follows what it documents for EXPIRE, SET and TTL."""
    now = 100.0
    cache = MemoryCache(lambda: now)
    run(cache.run(("SET", "k", "v", "EX", 10), ("HSET", "h", "f", "v"), ("EXPIRE", "h", 20)))
    now = 109.9
    assert run(cache.run(("GET", "k"), ("TTL", "h"))) == [b"v", 10]
    now = 110.0
    assert run(cache.run(("GET", "k"), ("TTL", "k"), ("EXISTS", "k", "h"))) == [None, -2, 1]
    now = 120.0
    assert run(cache.run(("HGETALL", "h"), ("RENAME", "h", "k"))) == [[], Refused("ERR")]
    assert cache.data == {}


@pytest.mark.parametrize("seed", range(20))
def test_scripts_of_streams(seed: int, server: RespCache, report: Report) -> None:
    chance, ours = Random(seed), MemoryCache(lambda: 0.0)
    run(server.run(("DEL", *STREAM)))
    for at in range(150):
        command = _script(chance)
        expected, got = (run(cache.run(command))[0] for cache in (ours, server))
        assert expected == got, f"seed {seed}, round {at}: {command[4:]}\nours:   {expected}\ntheirs: {got}"
        report.agreed("Valkey")


def _script(chance: Random) -> Command:
    """A call of a script, by one of two producers; or what loses a part of what is there."""
    epoch, first = chance.choice((7, 7, 7, 8)), chance.randint(1, 12)
    seconds = chance.choice(LONG)
    events = [f"e{epoch}.{first + at}" for at in range(chance.randint(1, 4))]
    given: list[tuple[str, tuple[Any, ...]]] = [
        *([(APPEND, (epoch, first, seconds, *events))] * 6),
        *([(READ, (chance.choice(("", 0, first)), chance.choice((2, 100))))] * 3),
        (RESET, (epoch, first, "sum", 5, 0, chance.choice(("", "{}")), seconds)),
        (MARK, (epoch, "base", first, "sum", 6)),
        (MARK, (epoch, "cancel", "{}")),
        (MARK, (epoch, "ended", 1, seconds)),
    ]
    if chance.random() < 0.05:
        return ("DEL", chance.choice(STREAM))
    script, arguments = chance.choice(given)
    return ("EVAL", script, 2, *STREAM, *arguments)


def _replies(cache: MemoryCache | RespCache, commands: list[Command], *, atomic: bool) -> list[Any]:
    replies = run(cache.run(*commands, atomic=atomic))
    # A hash has no order.
    return [
        sorted(zip(reply[::2], reply[1::2], strict=True))
        if command[0] == "HGETALL" and isinstance(reply, list)
        else reply
        for command, reply in zip(commands, replies, strict=True)
    ]


def _command(chance: Random) -> Command:
    key, other = chance.choice(KEYS), chance.choice(KEYS)
    fields = chance.choices(FIELDS, k=chance.randint(1, 3))
    pairs = [part for field in fields for part in (field, chance.choice(VALUES))]
    value, seconds = chance.choice(VALUES), chance.choice((*LONG, *LONG, 0, -1))
    return chance.choice(
        (
            ("GET", key),
            ("SET", key, value),
            ("SET", key, value, "EX", seconds),
            ("DEL", key, other),
            ("UNLINK", key),
            ("EXISTS", key, other),
            ("HSET", key, *pairs),
            ("HSET", key, *pairs),
            ("HMGET", key, *fields),
            ("HGETALL", key),
            ("HLEN", key),
            ("HDEL", key, *fields),
            ("EXPIRE", key, seconds),
            ("TTL", key),
            ("RENAME", key, other),
            ("PING",),
        )
    )
