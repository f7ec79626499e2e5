"""The cache clients of both drivers where the cache answers with an error, or with what nobody asked for."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.functional.cache_clients import ask, at_once, post, refusing, requests_on, speaking, valkey
from tests.functional.world import wait_until
from turnlog.cache.breaker import Breaker
from turnlog.errors import CacheUnavailable, Refused

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tests.functional.cache_clients import Connect

MANY = 8


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize(
    "error", ["OOM command not allowed", "MISCONF no disk", "ERR whatever", "ASK 1 h:6379"]
)
def test_an_error_about_a_command_is_a_reply(connect: Connect, error: str, atomic: bool) -> None:
    with speaking(refusing(error)) as port:
        replies = ask(connect(port), ("GET", "x"), ("GET", "x"), atomic=atomic)
        assert replies == [Refused(error.partition(" ")[0])] * 2


@pytest.mark.parametrize("error", ["BUSY a script", "LOADING", "MASTERDOWN x", "READONLY x", "NOAUTH x"])
def test_a_node_that_does_not_work_is_unavailable(connect: Connect, error: str) -> None:
    with speaking(refusing(error)) as port, pytest.raises(CacheUnavailable):
        ask(connect(port), ("GET", "x"))


@pytest.mark.parametrize("atomic", [False, True])
def test_a_server_that_takes_no_more_connections_is_unavailable(
    tmp_path: Path,
    connect: Connect,
    atomic: bool,
) -> None:
    """It says so before it is asked, and hangs up."""
    with valkey(tmp_path) as server, redis.Redis(port=server.port) as one:
        one.config_set("maxclients", 1)
        cache = connect(server.port)
        with pytest.raises(CacheUnavailable):
            ask(cache, ("GET", "x"), atomic=atomic)
        with suppress(CacheUnavailable):  # it may not see it yet
            post(cache, ("SET", "x", 1))
        with pytest.raises(CacheUnavailable):
            ask(cache, ("GET", "x"))
        one.config_set("maxclients", 100)
        assert ask(cache, ("GET", "x"), atomic=atomic) == [None]


def test_a_slot_that_moves_does_not_take_the_others_along(connect: Connect) -> None:
    def talk(connection: socket.socket) -> None:
        for _, key, *_ in requests_on(connection):
            connection.sendall(b"-ASK 1 10.0.0.1:6379\r\n" if key == b"{a}x" else b"$1\r\n1\r\n")

    with speaking(talk) as port:
        client = connect(port)
        breaker = Breaker(client.cache)
        assert client.run(breaker.run(("GET", "{a}x"))) == [Refused("ASK")]
        assert client.run(breaker.run(("GET", "{b}x"))) == [b"1"]


@pytest.mark.parametrize("announced", ["$536870912", "*2\r\n$1\r\n1\r\n$536870912", "*1\r\n*1\r\n$536870912"])
def test_no_more_is_read_than_was_asked_for(connect: Connect, announced: str) -> None:
    sent: list[int] = []

    def talk(connection: socket.socket) -> None:
        for _ in requests_on(connection):
            connection.sendall(f"{announced}\r\n".encode())
            with suppress(OSError):
                for _ in range(512):
                    connection.sendall(bytes(1 << 20))
                    sent.append(1 << 20)

    with speaking(talk) as port, pytest.raises(CacheUnavailable):
        ask(connect(port), ("GET", "x"))
    assert sum(sent) < 16 << 20  # most of which lies in the system's buffers


def test_a_list_for_which_there_is_no_memory(connect: Connect) -> None:
    def talk(connection: socket.socket) -> None:
        for _ in requests_on(connection):
            connection.sendall(b"*4294967295\r\n*4294967295\r\n*4294967295\r\n*4294967295\r\n")

    with speaking(talk) as port, pytest.raises(CacheUnavailable):
        ask(connect(port), ("GET", "x"))


@pytest.mark.thorough
def test_a_long_history_is_read_whole(tmp_path: Path, connect: Connect) -> None:
    values = [bytes([at]) * 1_000_000 for at in range(32)]
    with valkey(tmp_path) as server:
        cache = connect(server.port)
        ask(cache, ("HSET", "h", *(part for pair in enumerate(values) for part in pair)))
        assert ask(cache, ("HMGET", "h", *range(32))) == [values]


def test_when_one_connection_falls_silent_the_idle_ones_are_not_asked(connect: Connect) -> None:
    """After a failover the old node's connections all say nothing; the name leads to a new one."""
    silent: list[bool] = []
    together: list[Any] = []

    def talk(connection: socket.socket) -> None:
        old = not silent
        for command in requests_on(connection):
            if old and silent:
                continue
            if command[1] == b"together":  # so many are open at once
                together.append(connection)
                wait_until(lambda: len(together) >= MANY)
            connection.sendall(b"+OK\r\n")

    with speaking(talk) as port:
        client = connect(port, "?socket_timeout=0.5")
        assert at_once(client, *[("SET", "together", 1)] * MANY) == [[b"OK"]] * MANY
        silent.append(True)
        with pytest.raises(CacheUnavailable):
            ask(client, ("SET", "x", 1))
        assert ask(client, ("SET", "x", 1)) == [b"OK"]


FORKS = """
import os, sys
from turnlog.cache.url import CacheUrl
from turnlog.cache.resp import RespCache
from turnlog.coroutines import run

cache = RespCache(CacheUrl.parse(sys.argv[1]))
(mine,) = run(cache.run(("CLIENT", "ID")))
if child := os.fork():
    _, status = os.waitpid(child, 0)
    # The child has closed its copies, and this process still has its own.
    sys.exit(os.waitstatus_to_exitcode(status) or run(cache.run(("CLIENT", "ID"))) != [mine])
(other,) = run(cache.run(("CLIENT", "ID")))
os._exit(other == mine)
"""


def test_a_forked_process_has_connections_of_its_own(tmp_path: Path) -> None:
    with valkey(tmp_path) as server:
        url = f"redis://127.0.0.1:{server.port}?socket_timeout=5"
        subprocess.run([sys.executable, "-c", FORKS, url], check=True)
