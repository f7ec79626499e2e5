"""A counting proxy before Valkey: commands and bytes. For counts, never for times."""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from select import select
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import hiredis

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 16
_LOOK, _PATIENCE = 0.001, 10.0
# What a client says of itself on a new connection.
_GREETINGS = frozenset({"AUTH", "CLIENT", "COMMAND", "HELLO", "INFO", "PING", "SELECT"})


@dataclass
class CacheCounts:
    """What was asked of a cache."""

    commands: Counter[str] = field(default_factory=Counter)
    up: int = 0
    down: int = 0


class CacheProxy:
    """The proxy, while it runs.

    Attributes:
        url: where a client finds it.
        counts: since the last `reset`.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 6379)
        self._counting = Lock()
        self._open: set[_Connection] = set()
        self.counts = CacheCounts()
        self.server = ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = parts._replace(netloc=f"127.0.0.1:{self.server.server_address[1]}").geturl()

    def reset(self) -> None:
        """Count from zero."""
        self.counts = CacheCounts()

    def settle(self) -> None:
        """Wait until all that clients have sent is answered: they may not wait for it themselves.

        Raises:
            TimeoutError: it is not.
        """
        deadline = monotonic() + _PATIENCE
        while not self._settled():
            if monotonic() > deadline:
                raise TimeoutError
            sleep(_LOOK)

    def _settled(self) -> bool:
        with self._counting:
            return all(connection.settled for connection in self._open)

    def _handler(self) -> type[BaseRequestHandler]:
        proxy = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(proxy._upstream) as server:
                    _Connection(proxy, self.request, server).pump()

        return Handler


class _Connection:
    def __init__(self, proxy: CacheProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._commands = hiredis.Reader()  # a command has the form of a reply
        self._replies = hiredis.Reader()
        self._due = 0
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def pump(self) -> None:
        replies = Thread(target=self._pump_replies, daemon=True)
        replies.start()
        with self._proxy._counting:
            self._proxy._open.add(self)
        with suppress(OSError):
            while data := self._asked():
                self._server.sendall(data)
        with suppress(OSError):  # also when the client has gone before it had all replies
            self._server.shutdown(socket.SHUT_WR)
        replies.join()
        with self._proxy._counting:
            self._proxy._open.remove(self)

    @property
    def settled(self) -> bool:
        """Nothing lies unread, and nothing that was read is unanswered; to ask, hold the lock."""
        return not (self._due or self._commands.has_data() or _readable(self._client, 0))

    def _asked(self) -> bytes:
        _readable(self._client, None)
        with self._proxy._counting:  # nobody finds it read and not yet counted
            data = self._client.recv(_CHUNK)
            self._commands.feed(data)
            while (command := self._commands.gets()) is not False:
                self._due += 1
                name = command[0].decode().upper()
                self._proxy.counts.commands[name] += name not in _GREETINGS
            self._proxy.counts.up += len(data)
        return data

    def _pump_replies(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(_CHUNK):
                self._replies.feed(data)
                with self._proxy._counting:
                    while self._replies.gets() is not False:
                        self._due -= 1
                    self._proxy.counts.down += len(data)
                self._client.sendall(data)
            self._client.shutdown(socket.SHUT_WR)


def _readable(one: socket.socket, seconds: float | None) -> bool:
    """Wait until there is something to read."""
    return bool(select([one], [], [], seconds)[0])


@contextmanager
def cache_proxy(upstream: str) -> Iterator[CacheProxy]:
    """A proxy before the cache at this URL, on a free port."""
    proxy = CacheProxy(upstream)
    thread = Thread(target=proxy.server.serve_forever, args=(0.05,), name="cache proxy", daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()
