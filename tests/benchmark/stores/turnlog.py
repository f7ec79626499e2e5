"""Turnlog in the caller's process: the operations on the Lambda driver, without handlers and HTTP."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from infra.local.table import ensure_table
from tests.benchmark.stores import USER, Store
from turnlog.drivers.blocking import clients, lambda_store
from turnlog.limits import MAX_BATCH
from turnlog.operations.append_messages import append_messages
from turnlog.operations.create_session import create_session
from turnlog.operations.list_sessions import list_sessions
from turnlog.operations.read_session import newest as newest_messages
from turnlog.records.keys import session_key
from turnlog.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmark.stores import Message
    from turnlog.store import store as stores

SECONDS = 29.0
PAGE = 100


class InProcess(Store):
    """The sync driver. The coroutines never suspend, so that they can be awaited here as well."""

    def __init__(self) -> None:
        self._retries = 0

    async def _store(self) -> stores.Store:
        return lambda_store(time.monotonic() + SECONDS)

    async def set_up(self) -> None:
        ensure_table(clients()[0]._client, settings().table)

    async def fill(self, session: str, messages: Sequence[Message]) -> None:
        key = session_key(USER, session)
        await create_session(await self._store(), key)
        for at in range(0, len(messages), MAX_BATCH):
            await append_messages(await self._store(), key, messages[at : at + MAX_BATCH])

    async def append(self, session: str, messages: Sequence[Message]) -> None:
        store = await self._store()
        await append_messages(store, session_key(USER, session), messages)
        self._retries += store.counts["retries"]

    def retries(self) -> int | None:
        return self._retries

    async def read(self, session: str, newest: int | None = None) -> Any:
        """All pages, each of which holds 5 MB at most, as Python objects."""
        store = await self._store()
        head = await store.head(session_key(USER, session))
        pages: list[list[dict[str, Any]]] = []
        before: int | None = None
        while before != 0:
            page = await newest_messages(store, head, before=before, limit=newest)
            pages.append(json.loads(b"[%b]" % page.messages))
            before = page.first if page.has_more and newest is None else 0
        return [message for page in reversed(pages) for message in page]

    async def unchanged(self, session: str) -> None:
        await (await self._store()).head(session_key(USER, session))

    async def forget(self, session: str) -> None:
        store = await self._store()
        head = await store.head(session_key(USER, session))
        await store.cache.drop(head.key, head)

    async def begin(self, user: str, session: str) -> None:
        await create_session(await self._store(), session_key(user, session))

    async def sessions(self, user: str) -> int:
        found, cursor = 0, None
        while True:
            page = await list_sessions(await self._store(), user, limit=PAGE, cursor=cursor)
            found += len(page.sessions)
            cursor = page.next_cursor
            if cursor is None:
                return found

    def contents(self, answer: Any) -> list[str]:
        return [message["content"] for message in answer]
