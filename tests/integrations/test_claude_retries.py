"""G2, G7: replies get lost on the way to Turnlog, and the SDK calls again; everything is there once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio
import pytest
from anyio import to_thread
from claude_agent_sdk._internal.transcript_mirror_batcher import TranscriptMirrorBatcher

from shared import client
from shared.async_driver import AsyncStores
from shared.client import TRIES, TurnlogClient
from shared.direct import TurnlogDirect
from shared.errors import Unavailable
from shared.integrations.claude import TurnlogSessionStore
from tests.integrations.ways import LossyWay, lossy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.integrations.conftest import Server

pytestmark = pytest.mark.anyio

# One with a uuid, and such as the CLI writes without.
ENTRIES: list[dict[str, Any]] = [
    {"type": "user", "uuid": "u-1", "message": {"content": "hello"}},
    {"type": "mode", "mode": "plan"},
    {"type": "mode", "mode": "plan"},
]


class Lossy:
    """A store on a lossy way.

    Args:
        store: what is tried.
        way: to what it stands on.
        mark: of the requests whose replies are lost.
        tries: after so many it gives up.
    """

    def __init__(self, store: TurnlogSessionStore, way: LossyWay, mark: bytes, tries: int) -> None:
        self.store = store
        self.way = way
        self.mark = mark
        self.tries = tries

    def lose(self, times: int) -> None:
        self.way.lose(self.mark, times)


@pytest.fixture
def http_way(server: Server) -> Iterator[LossyWay]:
    with lossy(server.url) as way:
        yield way


@pytest.fixture
def table_way(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[LossyWay]:
    with lossy(server.environment["AWS_ENDPOINT_URL_DYNAMODB"]) as way:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", way.url)
        yield way


@pytest.fixture(params=["direct", "http"])
async def lost(
    request: pytest.FixtureRequest,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
    anyio_backend: Any,  # noqa: ARG001 (which makes it run on the test's loop)
) -> AsyncIterator[Lossy]:
    if request.param == "http":
        monkeypatch.setattr(client, "_FIRST_WAIT", 0.001)
        way = request.getfixturevalue("http_way")
        async with TurnlogClient(way.url, user) as http:
            yield Lossy(TurnlogSessionStore(http), way, b"/transcripts/", TRIES)
    else:
        way = request.getfixturevalue("table_way")
        async with AsyncStores() as stores:
            # So long that there is time for one try: the store's own repeats have tests of their own.
            direct = TurnlogDirect(user, stores, seconds=4.5)
            yield Lossy(TurnlogSessionStore(direct), way, b".TransactWriteItems", 1)


@pytest.fixture
def key() -> dict[str, str]:
    return {"project_key": "p", "session_id": str(uuid4())}


async def test_a_lost_reply_is_not_heard_of(user: str, http_way: LossyWay, key: Any) -> None:
    async with TurnlogClient(http_way.url, user) as turnlog:
        store = TurnlogSessionStore(turnlog)
        await store.append(key, ENTRIES)
        http_way.lose(b"/transcripts/")
        await store.append(key, ENTRIES[1:])
        assert http_way.lost == 1
        assert await store.load(key) == ENTRIES + ENTRIES[1:]


async def test_the_same_call_after_an_error(lost: Lossy, key: Any) -> None:
    await lost.store.append(key, ENTRIES[:1])
    lost.lose(lost.tries)
    with pytest.raises(Unavailable):
        await lost.store.append(key, ENTRIES[1:])
    await lost.store.append(key, ENTRIES[1:])
    assert lost.way.lost == lost.tries
    assert await lost.store.load(key) == ENTRIES
    # Said once more after that, it is meant.
    await lost.store.append(key, ENTRIES[1:])
    assert await lost.store.load(key) == ENTRIES + ENTRIES[1:]


async def test_another_call_after_an_error(lost: Lossy, key: Any) -> None:
    """The SDK gave the batch up: what it says later is not taken for that one."""
    await lost.store.append(key, ENTRIES[:1])
    lost.lose(lost.tries)
    with pytest.raises(Unavailable):
        await lost.store.append(key, ENTRIES[1:])
    off = {"type": "mode", "mode": "off"}
    await lost.store.append(key, [off])
    await lost.store.append(key, ENTRIES[1:])
    assert await lost.store.load(key) == [*ENTRIES, off, *ENTRIES[1:]]


async def test_the_sdks_own_retry(lost: Lossy, key: Any, tmp_path: Any) -> None:
    """Its batcher calls again with the same entries, and nobody learns of an error."""
    errors: list[str] = []

    async def on_error(_: Any, message: str) -> None:
        errors.append(message)

    batcher = TranscriptMirrorBatcher(store=lost.store, projects_dir=str(tmp_path), on_error=on_error)
    path = str(tmp_path / key["project_key"] / f"{key['session_id']}.jsonl")
    await lost.store.append(key, [{"type": "x"}])
    lost.lose(lost.tries)
    batcher.enqueue(path, ENTRIES)
    await batcher.flush()
    assert errors == []
    assert lost.way.lost == lost.tries
    assert await lost.store.load(key) == [{"type": "x"}, *ENTRIES]


async def test_a_call_that_is_cancelled(lost: Lossy, key: Any) -> None:
    """It may have been carried out; made again, it is stored once."""
    await lost.store.append(key, ENTRIES[:1])
    lost.lose(99)

    async def append() -> None:
        with suppress(Unavailable):  # where it was faster
            await lost.store.append(key, ENTRIES[1:])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(append)
        await to_thread.run_sync(lost.way.has_lost.wait)
        tasks.cancel_scope.cancel()
    lost.lose(0)
    await lost.store.append(key, ENTRIES[1:])
    assert await lost.store.load(key) == ENTRIES


async def test_errors_come_by_themselves(user: str, http_way: LossyWay) -> None:
    """Also out of many reads at once."""
    async with TurnlogClient(http_way.url, user) as turnlog:
        store = TurnlogSessionStore(turnlog)
        for _ in range(3):
            await store.append({"project_key": "p", "session_id": str(uuid4())}, ENTRIES)
        http_way.lose(b"GET /sessions/", 99)
        with pytest.raises(Unavailable):
            await store.list_session_summaries("p")
        with pytest.raises(Unavailable):
            await store.list_sessions("p")
