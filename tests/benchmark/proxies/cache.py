"""A counting proxy before Valkey: commands, bytes, round trips. For counts, never for times."""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import hiredis

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 16
# What a client says of itself on a new connection.
_GREETINGS = frozenset({"AUTH", "CLIENT", "COMMAND", "HELLO", "INFO", "PING", "SELECT"})


@dataclass
class CacheCounts:
    """What was asked of a cache.

    Attributes:
        trips: times that a client had to wait for replies.
    """

    commands: Counter[str] = field(default_factory=Counter)
    up: int = 0
    down: int = 0
    trips: int = 0


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
        self.counts = CacheCounts()
        self.server = ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"redis://127.0.0.1:{self.server.server_address[1]}{parts.path}"

    def reset(self) -> None:
        """Count from zero."""
        self.counts = CacheCounts()

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
        self._waiting = False
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def pump(self) -> None:
        replies = Thread(target=self._pump_replies, daemon=True)
        replies.start()
        with suppress(OSError):
            while data := self._client.recv(_CHUNK):
                self._count(data)
                self._server.sendall(data)
            self._server.shutdown(socket.SHUT_WR)
        replies.join()

    def _count(self, data: bytes) -> None:
        self._commands.feed(data)
        proxy = self._proxy
        with proxy._counting:
            asked = False
            while (command := self._commands.gets()) is not False:
                name = command[0].decode().upper()
                if name not in _GREETINGS:
                    proxy.counts.commands[name] += 1
                    asked = True
            proxy.counts.up += len(data)
            proxy.counts.trips += asked and not self._waiting
            self._waiting = self._waiting or asked

    def _pump_replies(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(_CHUNK):
                with self._proxy._counting:
                    self._proxy.counts.down += len(data)
                    self._waiting = False
                self._client.sendall(data)
            self._client.shutdown(socket.SHUT_WR)


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
