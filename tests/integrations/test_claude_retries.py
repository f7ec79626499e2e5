"""G2, G7: replies get lost on the way to Turnlog, and the SDK calls again; everything is there once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio
import pytest
from anyio import to_thread
from claude_agent_sdk._internal.transcript_mirror_batcher import TranscriptMirrorBatcher

from turnlog import AsyncTurnlog
from turnlog.errors import Unavailable
from turnlog.integrations.claude import TurnlogSessionStore

if TYPE_CHECKING:
    from tests.integrations.conftest import Lossy
    from tests.integrations.ways import LossyWay

pytestmark = pytest.mark.anyio

# One with a uuid, and such as the CLI writes without.
ENTRIES: list[dict[str, Any]] = [
    {"type": "user", "uuid": "u-1", "message": {"content": "hello"}},
    {"type": "mode", "mode": "plan"},
    {"type": "mode", "mode": "plan"},
]


@pytest.fixture
def store(lost: Lossy) -> TurnlogSessionStore:
    return TurnlogSessionStore(lost.turnlog)


@pytest.fixture
def key() -> dict[str, str]:
    return {"project_key": "p", "session_id": str(uuid4())}


async def test_a_lost_reply_is_not_heard_of(user: str, http_way: LossyWay, key: Any) -> None:
    async with AsyncTurnlog(url=http_way.url, token=user) as turnlog:
        store = TurnlogSessionStore(turnlog)
        await store.append(key, ENTRIES)
        http_way.lose(b"/transcripts/")
        await store.append(key, ENTRIES[1:])
        assert http_way.lost == 1
        assert await store.load(key) == ENTRIES + ENTRIES[1:]


async def test_the_same_call_after_an_error(store: TurnlogSessionStore, lost: Lossy, key: Any) -> None:
    await store.append(key, ENTRIES[:1])
    with lost.losing(lost.tries), pytest.raises(Unavailable):
        await store.append(key, ENTRIES[1:])
    await store.append(key, ENTRIES[1:])
    assert lost.way.lost == lost.tries
    assert await store.load(key) == ENTRIES
    # Said once more after that, it is meant.
    await store.append(key, ENTRIES[1:])
    assert await store.load(key) == ENTRIES + ENTRIES[1:]


async def test_another_call_after_an_error(store: TurnlogSessionStore, lost: Lossy, key: Any) -> None:
    """The SDK gave the batch up: what it says later is not taken for that one."""
    await store.append(key, ENTRIES[:1])
    with lost.losing(lost.tries), pytest.raises(Unavailable):
        await store.append(key, ENTRIES[1:])
    off = {"type": "mode", "mode": "off"}
    await store.append(key, [off])
    await store.append(key, ENTRIES[1:])
    assert await store.load(key) == [*ENTRIES, off, *ENTRIES[1:]]


async def test_the_sdks_own_retry(store: TurnlogSessionStore, lost: Lossy, key: Any, tmp_path: Any) -> None:
    """Its batcher calls again with the same entries, and nobody learns of an error."""
    errors: list[str] = []

    async def on_error(_: Any, message: str) -> None:
        errors.append(message)

    batcher = TranscriptMirrorBatcher(store=store, projects_dir=str(tmp_path), on_error=on_error)
    path = str(tmp_path / key["project_key"] / f"{key['session_id']}.jsonl")
    await store.append(key, [{"type": "x"}])
    with lost.losing(lost.tries):
        batcher.enqueue(path, ENTRIES)
        await batcher.flush()
    assert errors == []
    assert lost.way.lost == lost.tries
    assert await store.load(key) == [{"type": "x"}, *ENTRIES]


async def test_a_call_that_is_cancelled(store: TurnlogSessionStore, lost: Lossy, key: Any) -> None:
    """It may have been carried out; made again, it is stored once."""
    await store.append(key, ENTRIES[:1])

    async def append() -> None:
        with suppress(Unavailable):  # where it was faster
            await store.append(key, ENTRIES[1:])

    with lost.losing(99):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(append)
            await to_thread.run_sync(lost.way.has_lost.wait)
            tasks.cancel_scope.cancel()
    await store.append(key, ENTRIES[1:])
    assert await store.load(key) == ENTRIES


async def test_errors_come_by_themselves(user: str, http_way: LossyWay) -> None:
    """Also out of many reads at once."""
    async with AsyncTurnlog(url=http_way.url, token=user) as turnlog:
        store = TurnlogSessionStore(turnlog)
        for _ in range(3):
            await store.append({"project_key": "p", "session_id": str(uuid4())}, ENTRIES)
        http_way.lose(b"GET /sessions/", 99)
        with pytest.raises(Unavailable):
            await store.list_session_summaries("p")
        with pytest.raises(Unavailable):
            await store.list_sessions("p")
