"""The OpenAI Agents SDK's RedisSession: a list in Redis, and nothing behind it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agents.extensions.memory import RedisSession
from redis.asyncio import Redis

from tests.benchmark.stores import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmark.stores import Message

STEP = 500


class Session(Store):
    """One client for all sessions, as a program has it."""

    def __init__(self) -> None:
        self._client = Redis.from_url(os.environ["TURNLOG_CACHE_URL"])

    def _session(self, session: str) -> RedisSession:
        return RedisSession(session, redis_client=self._client)

    async def fill(self, session: str, messages: Sequence[Message]) -> None:
        for at in range(0, len(messages), STEP):
            await self.append(session, messages[at : at + STEP])

    async def append(self, session: str, messages: Sequence[Message]) -> None:
        items: Any = list(messages)
        await self._session(session).add_items(items)

    async def read(self, session: str, newest: int | None = None) -> list[Any]:
        found: list[Any] = await self._session(session).get_items(newest)
        return found

    def contents(self, answer: Any) -> list[str]:
        return [item["content"] for item in answer]

    async def close(self) -> None:
        await self._client.aclose()
