from __future__ import annotations

import asyncio
import socket
import time

import pytest

from turnlog.cache.async_resp import AsyncRespCache, within
from turnlog.cache.url import CacheUrl
from turnlog.errors import CacheUnavailable


def test_a_time_out() -> None:
    async def main() -> None:
        async with within(0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_a_busy_loop_is_not_a_slow_cache() -> None:
    """The reply is there in time; the loop looks at it long after."""

    async def main() -> bytes:
        here, there = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=here)
        with there:
            async with within(0.02):
                reading = asyncio.ensure_future(reader.read(5))
                await asyncio.sleep(0)
                there.send(b"reply")
                time.sleep(0.2)  # noqa: ASYNC251 (another task, at work)
                received = await reading
        writer.close()
        return received

    assert asyncio.run(main()) == b"reply"


def test_who_is_cancelled_is_not_told_of_a_time_out() -> None:
    async def main() -> None:
        async with within(60):
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


def test_a_cache_that_is_not_there_or_says_nothing_is_away() -> None:
    async def main() -> None:
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            port = mute.getsockname()[1]
            cache = AsyncRespCache(CacheUrl.parse(f"redis://127.0.0.1:{port}"))
            with pytest.raises(CacheUnavailable, match="TimeoutError"):
                await cache.run(("PING",))
        with pytest.raises(CacheUnavailable, match="ConnectionRefusedError"):
            await cache.run(("PING",))
        await cache.aclose()

    asyncio.run(main())


def test_what_is_under_way_when_it_is_closed_finds_its_connection_lost() -> None:
    async def main() -> None:
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            cache = AsyncRespCache(
                CacheUrl.parse(f"redis://127.0.0.1:{mute.getsockname()[1]}?socket_timeout=60")
            )
            asked = asyncio.create_task(cache.run(("PING",)))
            while not cache._open:  # noqa: ASYNC110 (nothing tells)
                await asyncio.sleep(0)
            await cache.aclose()
            with pytest.raises(CacheUnavailable, match="Connection"):
                await asked

    asyncio.run(main())
