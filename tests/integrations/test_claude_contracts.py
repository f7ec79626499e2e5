"""The SDK's own contracts for session stores, on both ways and on both event loops that it supports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio
import pytest
from claude_agent_sdk import SessionStore
from claude_agent_sdk.testing import run_session_store_conformance

from turnlog import AsyncTurnlog
from turnlog.integrations.claude import TurnlogSessionStore

if TYPE_CHECKING:
    from tests.integrations.conftest import Server


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_over_http(server: Server, loop: str) -> None:
    clients: list[AsyncTurnlog] = []

    def store() -> Any:
        clients.append(AsyncTurnlog(url=server.url, token=uuid4().hex))
        return TurnlogSessionStore(clients[-1])

    async def main() -> None:
        await run_session_store_conformance(store)
        for client in clients:
            await client.aclose()

    anyio.run(main, backend=loop)
    assert len(clients) == 1 + 14


@pytest.mark.anyio
@pytest.mark.usefixtures("server")
async def test_directly() -> None:
    async with AsyncTurnlog(user_id="nobody") as turnlog:
        await run_session_store_conformance(lambda: TurnlogSessionStore(turnlog.as_user(uuid4().hex)))


def test_every_method_of_the_protocol_is_there() -> None:
    """The SDK calls what a store overrides, and leaves out what it does not."""
    methods = {name for name in vars(SessionStore) if not name.startswith("_")}
    assert methods <= vars(TurnlogSessionStore).keys()
    assert len(methods) == 6
