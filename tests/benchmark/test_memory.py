"""What a get holds at its peak, beside its answer."""

from __future__ import annotations

import tracemalloc

import pytest

from shared.limits import PAYLOAD_LIMIT
from shared.operations.append_messages import append_messages
from shared.operations.create_session import create_session
from shared.operations.read_session import newest
from shared.sync_driver import run
from tests.benchmark.bench import bench
from tests.benchmark.targets import targets
from tests.benchmark.units import World
from tests.benchmark.workloads import weighing

LARGE = "2026-01-01 INFO all is well\n" * 7_000
"""200 KB of a log, as tools put it out: deflate makes a hundredth of it."""


@pytest.mark.real
def test_a_get_takes_less_than_three_times_its_answer() -> None:
    """Of a fresh process, as the bench weighs it, warm and cold: what is let go before the next is made."""
    with bench(["turnlog", "handlers"]) as run_of:
        weighing(run_of)
    weighed = targets(run_of.cells)
    assert len(weighed) == 2
    assert all(one.reached for one in weighed), weighed


def test_small_messages_before_large_ones_are_no_reason_to_hold_all_of_those() -> None:
    """Of many at once, as the small ones suggest; most of what is read does not fit into the answer."""
    world = World()

    def read(*, cached: bool) -> int:
        async def reading() -> int:
            store = world.store(cached=cached)
            return (await newest(store, await store.head(world.key))).length

        tracemalloc.start()
        try:
            assert 1_000 < run(reading()) < 1_050
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    filling = world.store(cached=False)
    run(create_session(filling, world.key))
    for _ in range(300):
        run(append_messages(filling, world.key, [{"role": "tool", "content": LARGE}]))
    for _ in range(20):
        run(append_messages(filling, world.key, [{"role": "user", "content": "yes"}] * 50))
    without, cold, warm = read(cached=False), read(cached=True), read(cached=True)
    assert max(without, cold, warm) < 5 * PAYLOAD_LIMIT, (without, cold, warm)
