"""G6 on an event loop: the cache client of `resp`, over asyncio's streams.

It differs in how it waits, and in nothing else: following a cluster, logging in, and what counts as down are
the same. redis-py would add retries, which the cache policy must not have.

A time-out has to tell a slow cache from a busy loop. While a hundred operations are under way, a reply may
lie unread for longer than the time-out. So the time is counted in ticks, at most one in a turn of the loop,
and each turn looks at the sockets before it looks at the clock.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from turnlog.cache.resp import RespCache
from turnlog.cache.resp_connection import CHUNK, Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from turnlog.cache.url import Address, CacheUrl
    from turnlog.store.protocols import Command

CONNECTIONS = 50
"""At once. A task beyond these waits for one of the others, each of which has a time-out."""

_TICKS = 10


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """A time-out in which a turn of the loop counts as a tenth of it, however long it took.

    Raises:
        TimeoutError: the time is over.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        pending: asyncio.TimerHandle

        def tick(left: int) -> None:
            nonlocal pending
            if left:
                pending = loop.call_later(seconds / _TICKS, tick, left - 1)
            else:
                limit.reschedule(loop.time())

        pending = loop.call_later(seconds / _TICKS, tick, _TICKS - 1)
        try:
            yield
        finally:
            pending.cancel()


class AsyncRespCache(RespCache):
    """A Valkey or Redis, standalone or cluster, for the tasks of one event loop.

    Args:
        url: of the cache.
        password: gives the password for a new connection, where it is not the one in the URL.
    """

    def __init__(self, url: CacheUrl, password: Callable[[], Awaitable[str]] | None = None) -> None:
        super().__init__(url)
        self._sign = password
        self._context = url.context()
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._open: WeakSet[_StreamConnection] = WeakSet()

    async def aclose(self) -> None:
        """Close all connections; what is under way finds its own lost."""
        for connection in list(self._open):
            connection.close()
        await asyncio.sleep(0)  # they are closed in the loop's next turn

    async def _asked(self, slot: int, commands: Sequence[Command], *, wait: bool) -> list[Any]:
        async with self._room:
            return await super()._asked(slot, commands, wait=wait)

    async def _opened(self, address: Address) -> _StreamConnection:
        async with within(self._url.patience):
            streams = await asyncio.open_connection(*address, ssl=self._context)
        connection = _StreamConnection(*streams, self._url.patience)
        self._open.add(connection)
        return connection

    async def _secret(self) -> str | None:
        return await self._sign() if self._sign else self._url.password


class _StreamConnection(Connection):
    """A pair of streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float) -> None:
        super().__init__()
        self._incoming = reader
        self._writer = writer
        self._timeout = timeout

    def opened(self, timeout: float) -> None:
        """See `Connection`."""
        self._timeout = timeout

    def close(self) -> None:
        """Close it, also while it is used: a task that waits for it finds it lost."""
        self._writer.transport.abort()

    async def _write(self, piece: memoryview) -> None:
        self._writer.write(piece)
        async with within(self._timeout):
            await self._writer.drain()

    async def _read(self) -> bytes:
        async with within(self._timeout):
            return await self._incoming.read(CHUNK)
