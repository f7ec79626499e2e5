"""G8: what operations move and keep, in requests, commands and bytes, at any length. Counts, never times."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.benchmark.bench import bench
from tests.benchmark.conversation import conversation
from tests.benchmark.texts import message
from tests.benchmark.units import MeteredTable, World
from tests.simulation.dynamodb.attribute_values import item_size
from tests.simulation.memory_cache import MemoryCache
from turnlog.coroutines import run
from turnlog.operations.append_messages import append_messages
from turnlog.operations.create_session import create_session
from turnlog.operations.read_session import newest
from turnlog.records.ring import CAPACITY, fingerprint
from turnlog.store.session_cache import SessionCache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnlog.store.protocols import Command
    from turnlog.store.store import Store

LENGTHS = (1, 10, 100, 1_000, 10_000)
DIGITS = 64
"""Bytes by which requests differ for the digits of their numbers, and for how their ids pack."""
RING = -(-CAPACITY * len(fingerprint("")) * 4 // 3)
"""Bytes of a full ring in base64; until it is full it grows."""


class WeighedTable(MeteredTable):
    """The simulation's table, with the bytes of what goes to it and what its items grow by."""

    sent = stored = 0

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.sent += len(json.dumps(parameters, default=lambda data: b64encode(data).decode()))
        seen = len(self._table.stream)
        answer = await super().request(operation, parameters)
        for record in self._table.stream[seen:]:
            self.stored += item_size(record.get("NewImage", {})) - item_size(record.get("OldImage", {}))
        return answer


class WeighedCache(MemoryCache):
    """The simulation's cache, with the bytes of what goes to it, and how often somebody waits for replies."""

    trips = posts = sent = 0

    async def run(self, *commands: Command, atomic: bool = False) -> list[Any]:
        self.trips += 1
        return await super().run(*self._weighed(commands), atomic=atomic)

    async def post(self, *commands: Command) -> None:
        self.posts += 1
        await super().run(*self._weighed(commands))

    def _weighed(self, commands: tuple[Command, ...]) -> tuple[Command, ...]:
        self.sent += sum(
            len(part) if isinstance(part, bytes) else len(str(part))
            for command in commands
            for part in command
        )
        return commands


class Weighed(World):
    """A session on both."""

    def __init__(self) -> None:
        self.weighed = WeighedTable()
        super().__init__(self.weighed)
        self.cache = WeighedCache(time.time)

    def store(self, *, cached: bool = True) -> Store:
        store = super().store()
        cache = self.cache if cached else None
        return store._replace(cache=SessionCache(cache, 43_200, store.counts))

    def append(self, *new: dict[str, Any]) -> dict[str, int]:
        """What an append takes."""
        return self._counted(lambda: run(append_messages(self.store(), self.key, new)))

    def read(self, limit: int | None) -> dict[str, int]:
        """What a read takes."""

        async def reading(store: Store) -> None:
            await newest(store, await store.head(self.key), limit=limit)

        return self._counted(lambda: run(reading(self.store())))

    def _counted(self, operation: Any) -> dict[str, int]:
        before = self._counts()
        operation()
        return {name: value - before[name] for name, value in self._counts().items()}

    def _counts(self) -> Counter[str]:
        table, cache = self.weighed, self.cache
        counts = {"requests": table.requests.total(), "trips": cache.trips, "posts": cache.posts}
        return Counter(counts | {"sent": table.sent, "cached": cache.sent, "stored": table.stored})


def test_an_append_moves_as_much_at_any_length() -> None:
    world = Weighed()
    run(create_session(world.store(), world.key))
    costs = {}
    for length in LENGTHS:
        world.fill(length)
        costs[length] = world.append(message("same"))
    assert {(cost["requests"], cost["trips"], cost["posts"]) for cost in costs.values()} == {(1, 1, 1)}
    for name in ("sent", "cached"):
        sizes = [cost[name] for cost in costs.values()]
        assert max(sizes) - min(sizes) < RING + DIGITS, (name, sizes)
        assert abs(sizes[-1] - sizes[-2]) < DIGITS, (name, sizes)
    assert max(sizes) < 5_000


def test_a_warm_read_is_one_request_and_one_trip() -> None:
    world = Weighed()
    run(create_session(world.store(), world.key))
    for length in LENGTHS[:-1]:
        world.fill(length)
        for limit in (None, 50):
            cost = world.read(limit)
            assert (cost["requests"], cost["trips"]) == (1, 1), (length, limit, cost)
            assert cost["sent"] < 300


def test_a_conversation_takes_half_of_its_json_at_most() -> None:
    world = Weighed()
    run(create_session(world.store(), world.key))
    turns = conversation()
    stored = sum(world.append(*turn)["stored"] for turn in turns)
    assert stored <= 0.5 * sum(len(json.dumps(one)) for turn in turns for one in turn)


@pytest.mark.real
def test_on_the_wire_too() -> None:
    """By way of the proxies, before DynamoDB Local and Valkey, with the worker of a run."""
    with bench(["turnlog"]) as run_of:

        def counts(do: str, **asked: Any) -> dict[str, int]:
            found: dict[str, int] = run_of.measured("turnlog", lambda remote: remote.ask(do, **asked))[
                "counts"
            ]
            return found

        costs = []
        for length in LENGTHS:
            session = f"of-{length}"
            assert not any(run_of.fill(lambda _: [session], length).values())  # noqa: B023 (called at once)
            counts("append", sessions=[session], tag="opens-the-connections")
            costs.append(counts("append", sessions=[session], tag="same"))
            reading = counts("read", session=session, runs=1, newest=50)
            assert (reading["requests"], reading["reads"]) == (1, 1)
        assert {(cost["requests"], cost["writes"], cost["reads"]) for cost in costs} == {(1, 6, 0)}
        sizes = [cost["up"] + cost["down"] + cost["cache_up"] + cost["cache_down"] for cost in costs]
        assert max(sizes) - min(sizes) < 4 * RING
        assert abs(sizes[-1] - sizes[-2]) < DIGITS, sizes
