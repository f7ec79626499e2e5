"""An HTTP server in which each request is answered with what it asked for, in parts, late, or in part."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

PARTS = 3


class Asked(NamedTuple):
    """A request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answering:
    """A server on loopback.

    Args:
        answer: the reply to a request, with its head.

    Attributes:
        open: how many connections there are.
        asked: how many requests came.
        cut: the next reply ends after so many bytes, and with it its connection.
        whole: how long that reply would have been.
        reset: such a connection is reset, and not closed in order.
        held: this many of the next replies go out only when the next request has come.
        together: so many requests for what is called `together` are answered at once.
    """

    def __init__(self, answer: Callable[[Asked], bytes]) -> None:
        self._answer = answer
        self.url = ""
        self.open = 0
        self.asked = 0
        self.cut: int | None = None
        self.whole = 0
        self.reset = False
        self.held = 0
        self.together = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._waiting = 0
        self._all_there = asyncio.Event()
        self._next = asyncio.Event()

    def each_cut(self, step: int) -> Iterator[int]:
        """Cut a reply at each of its bytes in turn, or at every so many, and right before the last one.

        Its caller has one reply cut for each of them, of which all are as long.
        """
        self.whole = 0
        at = 0
        while not self.whole or at < self.whole:
            self.cut = at
            yield at
            at = max(at + 1, self.whole - 1) if at < self.whole - 1 < at + step else at + step

    async def serve(self, incoming: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                asked = await _read(incoming, writer)
                self.asked += 1
                late, self._next = self._next, asyncio.Event()
                late.set()
                reply = self._answer(asked)
                if self.held:
                    self.held -= 1
                    await self._next.wait()
                if b"together" in asked.path.encode() + asked.body:
                    await self._gathered()
                if self.cut is not None:
                    writer.write(reply[: self.cut])
                    await writer.drain()
                    self.cut, self.whole = None, len(reply)
                    if self.reset:
                        _reset(writer)
                    break
                size = -(-len(reply) // PARTS)
                for at in range(0, len(reply), size):
                    writer.write(reply[at : at + size])
                    await writer.drain()
                    await asyncio.sleep(0)
                if b"\r\nconnection: close\r\n" in reply:
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self._writers.remove(writer)
        self.open -= 1

    async def _gathered(self) -> None:
        self._waiting += 1
        if self._waiting == self.together:
            self._waiting = 0
            self._all_there.set()
            self._all_there = asyncio.Event()
        else:
            await self._all_there.wait()

    async def settled(self, most: int) -> None:
        """Wait until no more connections than these are open."""
        async with asyncio.timeout(10):
            while self.open > most:  # noqa: ASYNC110 (nothing tells)
                await asyncio.sleep(0)

    async def hang_up(self) -> None:
        """Close all connections."""
        for writer in self._writers:
            writer.transport.abort()
        await self.settled(0)


@asynccontextmanager
async def answering(answer: Callable[[Asked], bytes]) -> AsyncIterator[Answering]:
    """Such a server, on this loop; at the end its clients must have closed their connections."""
    server = Answering(answer)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield server
        await server.settled(0)


@contextmanager
def answering_beside(answer: Callable[[Asked], bytes]) -> Iterator[Answering]:
    """Such a server, in a thread of its own. Its clients may keep connections that errors remember."""
    loop = asyncio.new_event_loop()
    running = answering(answer)
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result()
        yield server
        asyncio.run_coroutine_threadsafe(server.hang_up(), loop).result()
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def reply(body: bytes, *, framed: str = "length", **headers: str) -> bytes:
    """A reply with this body.

    Args:
        body: its body.
        framed: how its end is known: by its `length`, by `chunks`, or by the `end` of the connection.
        headers: more of them.
    """
    content, head = body, {"length": f"content-length: {len(body)}", "end": "connection: close"}.get(framed)
    if framed == "chunks":
        content, head = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), "transfer-encoding: chunked"
    lines = [
        "HTTP/1.1 200 OK",
        head,
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*filter(None, lines), "", ""]).encode() + content


def _reset(writer: asyncio.StreamWriter) -> None:
    """Have the connection reset when it is closed."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


async def _read(incoming: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked:
    head = (await incoming.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.strip().split("\r\n")
    method, path, _ = line.split(" ")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    if "expect" in headers:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Asked(method, path, headers, await incoming.readexactly(int(headers.get("content-length", 0))))
