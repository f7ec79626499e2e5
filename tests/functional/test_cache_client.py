"""The cache clients of both drivers against real Valkeys: what they answer, and what they do in trouble."""

from __future__ import annotations

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from infra.local.ports import free_port
from tests.functional.cache_clients import ask, post, valkey
from tests.functional.tls import certificate, tls_before
from turnlog.errors import CacheUnavailable, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.cache_clients import Connect


def test_replies_come_in_order_and_a_refused_command_is_not_none(tmp_path: Path, connect: Connect) -> None:
    with valkey(tmp_path) as server:
        cache = connect(server.port)
        replies = ask(cache, ("SET", "{a}x", b"\x00\r\n"), ("RENAME", "{a}no", "{a}y"), ("GET", "{a}x"))
        assert replies == [b"OK", Refused("ERR"), b"\x00\r\n"]
        wrong = ask(cache, ("HMGET", "{a}x", 1), ("GET", "{a}no"), ("HGETALL", "{a}no"))
        assert wrong == [Refused("WRONGTYPE"), None, []]


def test_atomic_commands_are_one_transaction(tmp_path: Path, connect: Connect) -> None:
    with valkey(tmp_path) as server:
        cache = connect(server.port)
        assert ask(cache, ("HSET", "{a}h", 1, b"v"), ("RENAME", "{a}h", "{a}g"), atomic=True) == [1, b"OK"]
        assert ask(cache, ("HMGET", "{a}g", 1, 2)) == [[b"v", None]]
        # Refused when it is queued: nothing of the transaction runs.
        refused = ask(cache, ("SET", "{a}x", 1), ("NOSUCH", "{a}x"), atomic=True)
        assert refused == [Refused("EXECABORT")] * 2
        assert ask(cache, ("GET", "{a}x")) == [None]
        # Refused when it is run: the others of the transaction are done.
        refused = ask(cache, ("RENAME", "{a}no", "{a}y"), ("SET", "{a}x", 1), atomic=True)
        assert refused == [Refused("ERR"), b"OK"]


def test_a_database_of_ones_own(tmp_path: Path, connect: Connect) -> None:
    """One that there is not is no cache; in its place no other is written to."""
    with valkey(tmp_path) as server:
        ask(connect(server.port, database=1), ("SET", "x", 1))
        assert ask(connect(server.port), ("GET", "x")) == [None]
        assert ask(connect(server.port, database=1), ("GET", "x")) == [b"1"]
        with pytest.raises(CacheUnavailable):
            ask(connect(server.port, database=9_999), ("SET", "x", 2))
        assert ask(connect(server.port), ("GET", "x")) == [None]


def test_a_connection_that_was_closed_while_idle_is_made_anew(tmp_path: Path, connect: Connect) -> None:
    with valkey(tmp_path) as server:
        cache = connect(server.port)
        ask(cache, ("SET", "x", 1))
        ask(connect(server.port), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        assert ask(cache, ("GET", "x")) == [b"1"]


def test_a_slow_server_is_unavailable_and_its_late_reply_answers_nothing(
    tmp_path: Path, connect: Connect
) -> None:
    with valkey(tmp_path) as server:
        cache = connect(server.port, "?socket_timeout=0.2")
        ask(cache, ("SET", "x", "late"), ("SET", "y", "right"))
        os.kill(server._process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(CacheUnavailable):
                ask(cache, ("GET", "x"))
        finally:
            os.kill(server._process.pid, signal.SIGCONT)
        assert ask(connect(server.port), ("GET", "y")) == [b"right"]  # it is back
        assert ask(cache, ("GET", "y")) == [b"right"]


def test_what_is_posted_is_not_waited_for_and_its_replies_answer_nothing(
    tmp_path: Path, connect: Connect
) -> None:
    with valkey(tmp_path) as server:
        cache = connect(server.port)
        ask(cache, ("PING",))
        os.kill(server._process.pid, signal.SIGSTOP)
        try:
            post(cache, ("SET", "{a}x", 1), ("RENAME", "{a}no", "{a}y"), ("SET", "{a}x", 2))
        finally:
            os.kill(server._process.pid, signal.SIGCONT)
        assert ask(cache, ("GET", "{a}x"), ("GET", "{a}y")) == [b"2", None]
        assert ask(cache, ("HSET", "{a}h", 1, b"v"), atomic=True) == [1]


def test_that_what_was_posted_is_refused_is_told_later(tmp_path: Path, connect: Connect) -> None:
    with valkey(tmp_path) as server:
        cache = connect(server.port)
        ask(cache, ("REPLICAOF", "127.0.0.1", free_port()))
        for asked in (ask, post):
            post(cache, ("SET", "x", 1))
            with pytest.raises(CacheUnavailable):
                asked(cache, ("GET", "x"))
            assert ask(cache, ("GET", "x")) == [None]


def test_a_connection_that_was_closed_before_the_replies_to_what_was_posted(
    tmp_path: Path, connect: Connect
) -> None:
    with valkey(tmp_path) as server:
        cache = connect(server.port)
        post(cache, ("SET", "x", 1), ("SET", "y", 2))
        ask(connect(server.port), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        assert ask(cache, ("GET", "y")) == [b"2"]
        post(cache, ("SET", "x", 3))
        assert ask(cache, ("GET", "x")) == [b"3"]


@pytest.mark.thorough
def test_a_slow_way_to_the_server_is_no_silence(connect: Connect) -> None:
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
        assert ask(connect(listener.getsockname()[1], "?socket_timeout=1.5"), ("SET", "x", bytes(size))) == [
            b"OK"
        ]
        served.result()


def test_refusals_that_say_nothing(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(10)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"-\r\n-MOVED away\r\n+OK\r\n")

        served = pool.submit(serve)
        commands = [("GET", "x"), ("GET", "y"), ("SET", "x", 1)]
        replies = ask(connect(listener.getsockname()[1]), *commands)
        assert replies == [Refused(""), Refused("MOVED"), b"OK"]
        served.result()


def test_nothing_listens(connect: Connect) -> None:
    for asked in (ask, post):
        with pytest.raises(CacheUnavailable):
            asked(connect(free_port()), ("PING",))


def test_a_password(tmp_path: Path, connect: Connect) -> None:
    with valkey(tmp_path) as server:
        ask(connect(server.port), ("CONFIG", "SET", "requirepass", "s p/e@c"))
        assert ask(connect(server.port, login=":s%20p%2Fe%40c@"), ("PING",)) == [b"PONG"]
        assert ask(connect(server.port, login="default:s%20p%2Fe%40c@"), ("PING",)) == [b"PONG"]
        given = connect(server.port, login="default@", signed="s p/e@c")
        assert ask(given, ("PING",)) == [b"PONG"]
        with pytest.raises(CacheUnavailable):
            ask(connect(server.port, login=":wrong@"), ("PING",))


def test_tls(tmp_path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a server whose certificate is trusted, and to no other."""
    pem = certificate(tmp_path)
    with valkey(tmp_path) as server, tls_before(server.port, pem) as port:
        with pytest.raises(CacheUnavailable):
            ask(connect(port, tls="s"), ("PING",))
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        cache = connect(port, tls="s")
        assert ask(cache, ("SET", "x", 1), ("GET", "x")) == [b"OK", b"1"]
