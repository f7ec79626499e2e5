"""Turnlog in the caller's process, on its event loop: the operations on the async driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmark.stores.turnlog import SECONDS, InProcess
from turnlog.drivers.event_loop import AsyncStores

if TYPE_CHECKING:
    from turnlog.store import store as stores


class OnLoop(InProcess):
    """The async driver: its connections are open from the first operation on."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: AsyncStores | None = None

    async def _store(self) -> stores.Store:
        if self._opened is None:
            self._opened = await AsyncStores().__aenter__()
        return self._opened.store(SECONDS)

    async def close(self) -> None:
        if self._opened:
            await self._opened.__aexit__()
