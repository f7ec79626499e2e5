"""A client on stores that a test has opened itself, to look into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog import AsyncTurnlog
from turnlog.limits import OPERATION_SECONDS

if TYPE_CHECKING:
    from turnlog.drivers.event_loop import AsyncStores


class _Kept:
    def __init__(self, stores: AsyncStores) -> None:
        self._stores = stores

    async def get(self) -> AsyncStores:
        return self._stores


def on(stores: AsyncStores, user: str, *, timeout: float = OPERATION_SECONDS) -> AsyncTurnlog:
    """A user's client; who opened the stores closes them."""
    client = AsyncTurnlog(user_id=user, timeout=timeout)
    client._way._base._kept = _Kept(stores)  # type: ignore[attr-defined]
    return client
