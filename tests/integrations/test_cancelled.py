"""Calls of the adapters that are cancelled at every place where they wait: the same call made again goes on.

A request that was under way when its call was cancelled may yet be carried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.cancelling import When, cancelled
from turnlog.integrations.claude import TurnlogSessionStore
from turnlog.integrations.openai_agents import TurnlogSession
from turnlog.limits import MAX_BATCH

if TYPE_CHECKING:
    from turnlog import AsyncTurnlog

# Before what is waited for is there, and in the moment in which it is.
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("late", [False, True])]

FIRST: list[dict[str, Any]] = [{"role": "user", "content": "first"}]
ITEMS: list[dict[str, Any]] = [{"role": "user", "content": str(at)} for at in range(MAX_BATCH + 21)]
ENTRIES = [{"type": "user", "uuid": f"u-{at}"} for at in range(3)] + [{"type": "mode"}] * 2


async def test_an_add_of_several_appends(turnlog: AsyncTurnlog, late: bool) -> None:
    """None of its items is stored, or the first append's, or all; the same call stores the others, once."""
    seen = set()
    times, was_cancelled = 0, True
    while was_cancelled:
        session = TurnlogSession(uuid4().hex, turnlog)
        await session.add_items(FIRST)
        was_cancelled = await cancelled(session.add_items(ITEMS), When(times + 1, late))
        items = await session.get_items()
        assert items[:1] == FIRST
        assert items[1:] == ITEMS[: len(items) - 1]
        seen.add(len(items) - 1)
        if was_cancelled:
            await session.add_items(ITEMS)
            assert await session.get_items() == FIRST + ITEMS
        times += was_cancelled
    assert {MAX_BATCH, len(ITEMS)} <= seen <= {0, MAX_BATCH, len(ITEMS)}


async def test_a_pop(turnlog: AsyncTurnlog, late: bool) -> None:
    """The newest item is taken, or not, and no other."""
    times, was_cancelled = 0, True
    while was_cancelled:
        session = TurnlogSession(uuid4().hex, turnlog)
        await session.add_items(ITEMS[:5])
        was_cancelled = await cancelled(session.pop_item(), When(times + 1, late))
        left = [5, 4] if was_cancelled else [4]
        assert await session.get_items() in [ITEMS[:count] for count in left]
        popped = await session.pop_item()
        assert [*await session.get_items(), popped] in [ITEMS[:count] for count in left]
        times += was_cancelled
    assert times


async def test_an_append_of_entries(turnlog: AsyncTurnlog, late: bool) -> None:
    """With uuids and without: made again, they are stored once."""
    times, was_cancelled = 0, True
    while was_cancelled:
        store, key = TurnlogSessionStore(turnlog), {"project_key": "p", "session_id": str(uuid4())}
        await store.append(key, FIRST)
        was_cancelled = await cancelled(store.append(key, ENTRIES), When(times + 1, late))
        assert await store.load(key) in ((FIRST, FIRST + ENTRIES) if was_cancelled else (FIRST + ENTRIES,))
        if was_cancelled:
            await store.append(key, ENTRIES)
            assert await store.load(key) == FIRST + ENTRIES
        times += was_cancelled
    assert times


async def test_summaries_of_many_sessions(turnlog: AsyncTurnlog, late: bool) -> None:
    """Which are looked at at once; the next list is whole."""
    store = TurnlogSessionStore(turnlog)
    keys = [{"project_key": "p", "session_id": str(uuid4())} for _ in range(3)]
    for key in keys:
        await store.append(key, ENTRIES)
    times, was_cancelled = 0, True
    while was_cancelled:
        for key in keys:
            await store.append(key, [{"type": "mode"}])  # so that there is something to fold
        was_cancelled = await cancelled(store.list_session_summaries("p"), When(times + 1, late))
        found = await store.list_session_summaries("p")
        assert {one["session_id"] for one in found} == {key["session_id"] for key in keys}
        times += was_cancelled
    assert times
