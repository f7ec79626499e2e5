"""The functions on either driver: the Lambda driver, or, for a test that asks, the one for an event loop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any

from infra.local.lambdas import load_handler
from turnlog.drivers.blocking import brief_table, clients, forget, objects
from turnlog.drivers.event_loop import AsyncStores
from turnlog.http.endpoint import Endpoint
from turnlog.http.streaming import StreamingEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from infra.local.lambdas import Handler


class Loop:
    """An event loop in a thread of its own, and the stores that are open on it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="loop")
        self._thread.start()
        self.open()

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def open(self) -> None:
        """Open stores as the settings say now."""
        self.stores = AsyncStores()
        self.call(self.stores.__aenter__())

    def close(self) -> None:
        self.call(self.stores.__aexit__())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Drivers:
    """Which driver the functions are on: of one for the loop, if it was used, there is one for all tests."""

    loop: Loop | None = None
    on_loop = False
    seconds: float | None = None

    def use(self, *, on_loop: bool) -> None:
        if on_loop and self.loop is None:
            self.loop = Loop()
        self.on_loop = on_loop

    def clients(self) -> list[Any]:
        """The clients of DynamoDB that the functions use."""
        if self.on_loop:
            assert self.loop
            return [self.loop.stores._table._client]
        return [clients()[0]._client, brief_table()._client]

    def bucket(self) -> Any:
        """The client of S3 that the functions use."""
        if self.on_loop:
            assert self.loop
            return self.loop.stores._bucket._client()  # type: ignore[union-attr]
        return objects()._client()  # type: ignore[union-attr]

    def hooked(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A botocore event handler for that client: one on the loop must not keep the loop from working."""

        async def aside(**event: Any) -> Any:
            return await asyncio.to_thread(handler, **event)

        return aside if self.on_loop else handler

    def close(self) -> None:
        """Close the connections of the functions' clients."""
        table, cache = clients()
        table._client.close()
        if brief_table.cache_info().currsize:
            brief_table()._client.close()
        if cache:
            cache._cache.close()  # type: ignore[attr-defined]
        if bucket := objects():
            bucket._client().close()
        if self.loop:
            self.loop.close()

    def reopen(self) -> None:
        forget()
        clients()
        if self.loop:
            self.loop.open()

    def stop(self) -> None:
        self.use(on_loop=False)
        self.close()
        if self.loop:
            self.loop.stop()
            self.loop = None


DRIVERS = Drivers()


def load_driven(path: str) -> Handler:
    """The handler at a path, on the driver that is used when it is called; the purge has its own."""
    handler = load_handler(path)
    if not isinstance(handler, Endpoint | StreamingEndpoint):
        return handler

    def driven(event: Any, context: Any) -> Any:
        if DRIVERS.seconds:
            context = replace(context, deadline=min(context.deadline, time.monotonic() + DRIVERS.seconds))
        if not DRIVERS.on_loop or isinstance(handler, StreamingEndpoint):
            return handler(event, context)
        assert DRIVERS.loop
        store = DRIVERS.loop.stores.store(context.get_remaining_time_in_millis() / 1000)
        return DRIVERS.loop.call(handler.respond(store, event, context.aws_request_id))

    return driven
