"""A pytest plugin for the Claude Agent SDK's own tests: Turnlog in the place of their in-memory store.

The tests look into that store with helpers that it has and a `SessionStore` has not; here they ask Turnlog.
Each store is a user of its own at the server that `TURNLOG_URL` names.
"""

from __future__ import annotations

import os
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio
import claude_agent_sdk
from claude_agent_sdk import SessionStore
from tally import Tally

from turnlog import AsyncTurnlog
from turnlog.integrations.claude import MAIN, TurnlogSessionStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

URL = os.environ["TURNLOG_URL"]
TALLY = Tally()


class Substitute(TurnlogSessionStore, SessionStore):  # type: ignore[misc]
    """The store that the tests make, subclass and look into."""

    def __init__(self) -> None:
        self._user = uuid4().hex
        self._mtimes: dict[str, int] = {}
        super().__init__(AsyncTurnlog(url=URL, token=self._user))
        TALLY.used()

    async def list_sessions(self, project_key: str) -> list[dict[str, Any]]:
        """The sessions, with the times that a test has set."""
        return [
            one | {"mtime": self._mtimes.get(f"{project_key}/{one['session_id']}", one["mtime"])}
            for one in await TurnlogSessionStore.list_sessions(self, project_key)
        ]

    def get_entries(self, key: Any) -> list[Any]:
        return self._apart(lambda turnlog: TurnlogSessionStore(turnlog).load(key)) or []

    @property
    def size(self) -> int:
        async def count(turnlog: AsyncTurnlog) -> int:
            found = 0
            async for session in turnlog.sessions():
                names = [
                    one["name"]
                    for one in (await turnlog.list_transcripts(session["session_id"]))["transcripts"]
                ]
                found += MAIN in names
            return found

        size: int = self._apart(count)
        return size

    def clear(self) -> None:
        async def delete(turnlog: AsyncTurnlog) -> None:
            for session in [one async for one in turnlog.sessions()]:
                await turnlog.delete_session(session["session_id"])

        self._apart(delete)

    def _apart(self, work: Callable[[AsyncTurnlog], Awaitable[Any]]) -> Any:
        """Do something at once, on a loop of its own: the test's is running."""
        done: list[Any] = []

        async def main() -> None:
            async with AsyncTurnlog(url=URL, token=self._user) as turnlog:
                done.append(await work(turnlog))

        thread = Thread(target=anyio.run, args=(main,))
        thread.start()
        thread.join()
        return done[0]


def pytest_configure(config: pytest.Config) -> None:
    """Before the tests import it."""
    config.pluginmanager.register(TALLY)
    claude_agent_sdk.InMemorySessionStore = Substitute
