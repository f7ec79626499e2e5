"""The cache clients of both drivers where there are several nodes, or one takes the place of another."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.ports import free_port
from tests.functional.cache_clients import PATIENT, ask, post, valkey
from tests.functional.world import wait_until
from turnlog.cache.async_resp import AsyncRespCache
from turnlog.cache.url import CacheUrl
from turnlog.errors import CacheUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.cache_clients import Client, Connect


def test_after_a_failover_the_new_primary_is_asked(tmp_path: Path, connect: Connect) -> None:
    """The old one is a replica now, and does not close what is connected to it."""
    with valkey(tmp_path) as old:
        cache = connect(old.port)
        ask(cache, ("REPLICAOF", "127.0.0.1", free_port()), ("CONFIG", "SET", "port", free_port()))
        with valkey(tmp_path / "new", old.port):
            with pytest.raises(CacheUnavailable):
                ask(cache, ("SET", "x", 1))
            assert ask(cache, ("SET", "x", 1)) == [b"OK"]


def test_after_a_failover_none_of_many_connections_is_used_again(tmp_path: Path) -> None:
    async def ask_at_once(cache: AsyncRespCache) -> list[list[Any]]:
        return await asyncio.gather(*(cache.run(("SET", f"x{number}", 1)) for number in range(3)))

    async def main() -> None:
        with valkey(tmp_path) as old:
            cache = AsyncRespCache(CacheUrl.parse(f"redis://127.0.0.1:{old.port}{PATIENT}"))
            await ask_at_once(cache)
            await cache.run(("REPLICAOF", "127.0.0.1", free_port()), ("CONFIG", "SET", "port", free_port()))
            with valkey(tmp_path / "new", old.port):
                with pytest.raises(CacheUnavailable):
                    await cache.run(("SET", "x", 1))
                assert await ask_at_once(cache) == [[b"OK"]] * 3
            await cache.aclose()

    asyncio.run(main())


def _is_up(cache: Client) -> bool:
    return b"cluster_state:ok" in ask(cache, ("CLUSTER", "INFO"))[0]


@pytest.mark.thorough
def test_a_cluster_is_followed_to_the_node_that_holds_the_session(tmp_path: Path, connect: Connect) -> None:
    with ExitStack() as stack:
        config: dict[str, Any] = {"cluster-enabled": "yes", "cluster-config-file": "nodes.conf"}
        ports = [free_port(), free_port()]  # of the bus, which would else be a node's own and 10,000
        nodes = [stack.enter_context(valkey(tmp_path, **{**config, "cluster-port": port})) for port in ports]
        caches = [connect(node.port) for node in nodes]
        for at, cache in enumerate(caches):
            ask(cache, ("CLUSTER", "ADDSLOTSRANGE", at * 8192, at * 8192 + 8191))
        ask(caches[0], ("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, ports[1]))
        for cache in caches:
            wait_until(partial(_is_up, cache))
        cache = connect(nodes[0].port)
        keys = [f"turnlog:{{USER#u#SESSION#{number}}}:head" for number in range(20)]
        for key in keys:
            place = key.replace("head", "log")
            assert ask(cache, ("SET", key, key), ("HSET", place, 0, key), atomic=True) == [b"OK", 1]
            assert ask(cache, ("GET", key), ("HMGET", place, 0)) == [key.encode(), [key.encode()]]
        for key in keys:
            draft = key.replace("head", "draft")
            post(cache, ("SET", draft, key))
            assert ask(cache, ("GET", draft)) == [key.encode()]
        held = [int(ask(one, ("DBSIZE",))[0]) for one in caches]
        assert sum(held) == 3 * len(keys)
        assert all(held)
        # A node leaves. It still answers, and has nothing to say; the first one has all slots.
        ask(caches[1], ("FLUSHALL",), ("CLUSTER", "RESET", "HARD"))
        leaving = ask(
            caches[0], ("CLUSTER", "DELSLOTSRANGE", 8192, 16383), ("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        )
        assert leaving == [b"OK", b"OK"]
        wait_until(partial(_is_up, caches[0]))
        refused = 0
        for key in keys:
            try:
                ask(cache, ("SET", key, "new"))
            except CacheUnavailable:
                refused += 1
            assert ask(cache, ("SET", key, "newer"), ("GET", key)) == [b"OK", b"newer"]
        assert refused == 1
