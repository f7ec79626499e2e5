"""Tasks of the cache client that are cancelled, at every place where they wait."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import hiredis
import pytest

from tests.cancelling import When, cancelled
from turnlog.cache.async_resp import CONNECTIONS, AsyncRespCache
from turnlog.cache.url import CacheUrl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from turnlog.store.protocols import Command

PARTS = 3
LARGE = 400_000
"""Bytes of a value that takes several turns to send and to read."""


class Server:
    """A cache in which each key has its own name as its value. It answers in parts, with turns between."""

    def __init__(self) -> None:
        self.open = 0
        self.waiting = 0
        self.all_there = asyncio.Event()

    async def serve(self, incoming: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        reader, queued = hiredis.Reader(), b""
        with suppress(ConnectionError):
            while received := await incoming.read(1 << 16):
                reader.feed(received)
                await asyncio.sleep(0)
                while (command := reader.gets()) is not False:
                    match command[0]:
                        case b"MULTI":
                            queued = b"*2\r\n"
                            await self._send(writer, b"+OK\r\n")
                        case b"EXEC":
                            await self._send(writer, queued)
                            queued = b""
                        case _ if queued:
                            queued += await self._reply(*command)
                            await self._send(writer, b"+QUEUED\r\n")
                        case _:
                            await self._send(writer, await self._reply(*command))
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.open -= 1

    async def _reply(self, name: bytes, key: bytes, *_: bytes) -> bytes:
        if key == b"together":
            self.waiting += 1
            if self.waiting == CONNECTIONS:
                self.all_there.set()
            await self.all_there.wait()
        if name != b"GET":
            return b"+OK\r\n"
        value = key * (LARGE // len(key)) if key.startswith(b"large") else key
        return b"$%d\r\n%b\r\n" % (len(value), value)

    async def _send(self, writer: asyncio.StreamWriter, reply: bytes) -> None:
        size = -(-len(reply) // PARTS)
        for at in range(0, len(reply), size):
            writer.write(reply[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, AsyncRespCache]]:
    server = Server()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        cache = AsyncRespCache(CacheUrl.parse(f"redis://127.0.0.1:{port}/1?socket_timeout=5"))
        yield server, cache
        await cache.aclose()
        while server.open:  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0)


def gets(*names: str) -> list[Command]:
    return [("GET", f"{name}-{at}") for at, name in enumerate(names)]


async def asks_for_its_own(cache: AsyncRespCache, number: int) -> None:
    """Whoever comes next is answered what it asked for, and nothing else."""
    for at in range(2):
        names = [f"next-{number}-{at}-{which}" for which in range(3)]
        assert await cache.run(*(("GET", name) for name in names)) == [name.encode() for name in names]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("kind", ["run", "atomic", "post", "large"])
def test_whoever_comes_after_a_cancelled_one_gets_its_own_reply(kind: str, idle: bool, late: bool) -> None:
    """And every connection is there for it: none is kept by who was cancelled, nor a place in the queue."""

    def begun(cache: AsyncRespCache) -> Coroutine[Any, Any, Any]:
        match kind:
            case "atomic":
                return cache.run(*gets("a", "b"), atomic=True)
            case "post":
                return cache.post(("SET", "large", b"x" * LARGE * 20), ("SET", "y", 1))
            case "large":
                return cache.run(("SET", "large", b"x" * LARGE * 20), *gets("large", "b", "large"))
        return cache.run(*gets("a", "b", "c"))

    async def main() -> int:
        async with serving() as (server, cache):
            times = 0
            while True:
                if idle:
                    await cache.post(("SET", "x", 1))  # the reply is still due when the connection is taken
                else:
                    cache.close()
                was_cancelled = await cancelled(begun(cache), When(times + 1, late))
                await asks_for_its_own(cache, times)
                async with asyncio.timeout(30):
                    while server.open > 1:  # noqa: ASYNC110 (nothing tells)
                        await asyncio.sleep(0)
                if not was_cancelled:
                    break
                times += 1
            together = [cache.run(("GET", "together")) for _ in range(CONNECTIONS)]
            assert await asyncio.gather(*together) == [[b"together"]] * CONNECTIONS
            return times

    assert asyncio.run(main()) >= (1 if kind == "post" else 3)


@pytest.mark.parametrize("late", [False, True])
def test_who_is_cancelled_in_the_queue_keeps_no_place(late: bool) -> None:
    async def main() -> None:
        async with serving() as (server, cache):
            before = [asyncio.create_task(cache.run(("GET", "together"))) for _ in range(CONNECTIONS - 1)]
            while server.waiting < CONNECTIONS - 1:  # noqa: ASYNC110 (nothing tells)
                await asyncio.sleep(0)
            # The last place goes to the first of these, the others wait for one.
            last = asyncio.create_task(cache.run(("GET", "together")))
            queued = [
                asyncio.create_task(cancelled(cache.run(("GET", f"q{at}")), When(1, late))) for at in range(5)
            ]
            assert await asyncio.gather(*before, last) == [[b"together"]] * CONNECTIONS
            assert all(await asyncio.gather(*queued))
            server.waiting = 0
            server.all_there.clear()
            again = [cache.run(("GET", "together")) for _ in range(CONNECTIONS)]
            assert await asyncio.gather(*again) == [[b"together"]] * CONNECTIONS

    asyncio.run(main())
