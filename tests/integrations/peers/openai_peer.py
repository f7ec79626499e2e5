"""A pytest plugin for the OpenAI Agents SDK's own tests: Turnlog in the place of their sessions.

A database is a user at the server that `TURNLOG_URL` names; it takes a client for each event loop that a test
starts.
"""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakKeyDictionary

import agents
import agents.memory
from agents.memory import sqlite_session
from tally import Tally

from turnlog import AsyncTurnlog
from turnlog.integrations.openai_agents import TurnlogSession

if TYPE_CHECKING:
    import pytest

URL = os.environ["TURNLOG_URL"]
TALLY = Tally()


class Database(TurnlogSession):
    """In the place of `SQLiteSession`."""

    def __init__(
        self, session_id: str, db_path: Any = ":memory:", session_settings: Any = None, **_tables: str
    ) -> None:
        TALLY.used()
        named = str(db_path) != ":memory:"
        user = sha256(str(db_path).encode()).hexdigest() if named else uuid4().hex
        clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncTurnlog] = WeakKeyDictionary()

        def of(_: Any) -> AsyncTurnlog:
            loop = asyncio.get_running_loop()
            if loop not in clients:
                clients[loop] = AsyncTurnlog(url=URL, token=user)
            return clients[loop]

        super().__init__(session_id, of, session_settings=session_settings)

    def close(self) -> None:
        """There is nothing to close."""


class List(Database):
    """In the place of the tests' own `SimpleListSession`, which may begin with a history."""

    def __init__(self, session_id: str = "test", history: list[Any] | None = None) -> None:
        super().__init__(session_id)
        self._history = list(history or [])

    async def get_items(self, limit: int | None = None, *, wrapper: Any = None) -> list[Any]:
        history, self._history = self._history, []
        await self.add_items(history)
        return await super().get_items(limit, wrapper=wrapper)


def pytest_configure(config: pytest.Config) -> None:
    """Before the tests import it."""
    config.pluginmanager.register(TALLY)
    agents.SQLiteSession = agents.memory.SQLiteSession = sqlite_session.SQLiteSession = Database


def pytest_sessionstart() -> None:
    """When the tests' own package can be found."""
    import_module("tests.utils.simple_session").SimpleListSession = List  # type: ignore[attr-defined]
