"""A connection to a Valkey or Redis node: commands go out in pieces, replies are read until none is due.

How a piece is written and a chunk is read is the driver's: here with a socket that blocks, in `async_resp`
with the streams of an event loop.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import hiredis

if TYPE_CHECKING:
    from turnlog.cache.url import Address, CacheUrl

CHUNK = 1 << 16
"""Bytes to send or read at once: a time-out is for these, not for the megabytes that a history may be."""


class Oversized(Exception):
    """A reply is larger than it can be. The connection is of no more use."""


class Connection(ABC):
    """A connection to one node, and the reader of its replies."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._due = 0
        self._room = 0

    async def send(self, payload: bytes, replies: int, room: int = CHUNK) -> None:
        """Send commands, to which so many replies will come.

        Args:
            replies: how many there will be.
            room: bytes that they may take.

        Raises:
            OSError: no progress within the time-out, or the connection is gone.
        """
        self._due += replies
        self._room += room
        view = memoryview(payload)
        for at in range(0, len(payload), CHUNK):
            await self._write(view[at : at + CHUNK])

    async def replies(self) -> list[Any]:
        """Read all replies that are due.

        Raises:
            OSError: no progress within the time-out, or the connection is gone.
            HiredisError: these are no replies.
            Oversized: they take more bytes than they may.
        """
        result: list[Any] = []
        while len(result) < self._due:
            try:
                reply = self._reader.gets()
            except MemoryError as error:  # a list was announced for which there is no memory
                raise Oversized from error
            if reply is not False:
                result.append(reply)
                continue
            received = await self._read()
            if not received:
                raise ConnectionResetError("closed by the cache")
            self._room -= len(received)
            if self._room < 0:
                raise Oversized
            self._reader.feed(received)
        self._due = self._room = 0
        return result

    @abstractmethod
    def opened(self, timeout: float) -> None:
        """From now on a reply has to come within this."""

    @abstractmethod
    def close(self) -> None:
        """Close it."""

    @abstractmethod
    async def _write(self, piece: memoryview) -> None:
        """Hand all of it over to be sent."""

    @abstractmethod
    async def _read(self) -> bytes:
        """Up to a chunk of what has come; empty at its end."""


class SocketConnection(Connection):
    """A socket that blocks, so that no coroutine suspends."""

    def __init__(self, address: Address, url: CacheUrl) -> None:
        super().__init__()
        self._socket = socket.create_connection(address, url.patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context := url.context():
            self._socket = context.wrap_socket(self._socket, server_hostname=address[0])

    def opened(self, timeout: float) -> None:
        """See `Connection`."""
        self._socket.settimeout(timeout)

    def close(self) -> None:
        """See `Connection`."""
        self._socket.close()

    async def _write(self, piece: memoryview) -> None:
        self._socket.sendall(piece)

    async def _read(self) -> bytes:
        return self._socket.recv(CHUNK)
