"""What the SDK's contracts leave out: uuids, sizes, many writers, bad input, other tenants."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio
import pytest
from claude_agent_sdk import fold_session_summary

from tests.on_stores import on
from turnlog import AsyncTurnlog
from turnlog.drivers.event_loop import AsyncStores
from turnlog.errors import Gone, Invalid
from turnlog.integrations.claude import TurnlogSessionStore, session_id_of
from turnlog.settings import settings

if TYPE_CHECKING:
    from tests.integrations.conftest import Server

pytestmark = pytest.mark.anyio

Entry = dict[str, Any]


def entry(number: int, **more: Any) -> Entry:
    return {"type": "user", "uuid": f"u-{number}", "n": number, **more}


def a_key(project: str = "-home-me-project") -> dict[str, str]:
    return {"project_key": project, "session_id": str(uuid4())}


@pytest.fixture
def store(turnlog: AsyncTurnlog) -> TurnlogSessionStore:
    return TurnlogSessionStore(turnlog)


async def test_a_uuid_is_stored_and_given_once(store: TurnlogSessionStore) -> None:
    key = a_key()
    await store.append(key, [entry(1), entry(2), entry(1)])
    await store.append(key, [entry(2), entry(3)])
    await store.append(key, [entry(1), entry(2), entry(3)])
    assert await store.load(key) == [entry(1), entry(2), entry(3)]
    other = {**key, "subpath": "subagents/agent-1"}
    await store.append(other, [entry(1)])
    assert await store.load(other) == [entry(1)]


async def test_the_first_of_a_uuid_stands_and_what_comes_behind_is_not_lost(
    store: TurnlogSessionStore,
) -> None:
    key = a_key()
    await store.append(key, [entry(1), entry(2)])
    await store.append(key, [entry(0), entry(1, other=True), {"type": "mode"}, entry(2, n=9), entry(3)])
    assert await store.load(key) == [entry(1), entry(2), entry(0), {"type": "mode"}, entry(3)]


async def test_without_a_uuid_each_is_kept(store: TurnlogSessionStore) -> None:
    key = a_key()
    mode = {"type": "mode", "mode": "plan"}
    for _ in range(2):
        await store.append(key, [mode, mode])
    assert await store.load(key) == [mode] * 4


async def test_an_import_of_a_whole_transcript_once_more(store: TurnlogSessionStore) -> None:
    """More than Turnlog knows again by their uuids: they are yet given once."""
    key, entries = a_key(), [entry(number) for number in range(1_300)]
    for _ in range(2):
        for at in range(0, 1_300, 500):
            await store.append(key, entries[at : at + 500])
    assert await store.load(key) == entries


async def test_what_comes_back_is_deep_equal(store: TurnlogSessionStore) -> None:
    key = a_key()
    entries: list[Entry] = [
        {"type": "cost", "usd": 0.00011200000000000001, "big": 2**70, "zero": -0.0, "one": 1.0, "yes": True},
        {"type": "user", "uuid": "a", "text": "ä\u2028😀\x00", "nested": [{"deep": [None, [], {}]}]},
        {"type": "user", "uuid": "b", "text": "half of a pair: \ud83d"},
        {"type": "user", "uuid": "\ud83d", "text": "an odd uuid"},
        {"type": "user", "uuid": "x" * 200},
        {"type": "user", "uuid": None, "parentUuid": None},
        {"type": "system", "$json": "{}"},
        {"type": "system", "uuid": "c", "number": float("inf")},
        {},
    ]
    await store.append(key, entries)
    loaded = await store.load(key)
    assert json.dumps(loaded, sort_keys=True) == json.dumps(entries, sort_keys=True)


async def test_entries_of_2_mb(store: TurnlogSessionStore) -> None:
    key = a_key()
    entries = [entry(number, text=f"{number}" * 2_000_000) for number in range(3)]
    await store.append(key, entries)
    assert await store.load(key) == entries


@pytest.mark.usefixtures("server")
async def test_what_no_item_holds_where_there_is_no_bucket(user: str) -> None:
    """It is stored in smaller batches."""
    async with AsyncStores(settings()._replace(bucket="")) as stores:
        store = TurnlogSessionStore(on(stores, user))
        key, entries = a_key(), [entry(number, text=os.urandom(50_000).hex()) for number in range(10)]
        await store.append(key, [*entries, {"type": "mode"}])
        assert await store.load(key) == [*entries, {"type": "mode"}]


async def test_10_000_entries(store: TurnlogSessionStore) -> None:
    """In one call, as a fork of a long session makes it."""
    key, entries = a_key(), [entry(number, text="x" * 100) for number in range(10_000)]
    await store.append(key, entries)
    assert await store.load(key) == entries


async def test_20_who_append_at_once(store: TurnlogSessionStore, turnlog: AsyncTurnlog) -> None:
    """Each in a store of its own, as in processes of their own; the first of them create the session."""
    key = a_key()

    async def work(writer: int) -> None:
        own = TurnlogSessionStore(turnlog)
        for turn in range(3):
            number = writer * 100 + turn * 10
            await own.append(key, [entry(number), entry(number + 1), {"type": "mode", "n": number}])

    async with anyio.create_task_group() as tasks:
        for writer in range(20):
            tasks.start_soon(work, writer)
    loaded = await store.load(key)
    assert loaded is not None
    assert len(loaded) == 20 * 3 * 3
    for at in range(0, len(loaded), 3):
        number = loaded[at]["n"]
        assert loaded[at : at + 3] == [entry(number), entry(number + 1), {"type": "mode", "n": number}]
    for writer in range(20):
        turns = [one["n"] for one in loaded[::3] if one["n"] // 100 == writer]
        assert turns == sorted(turns)
        assert len(turns) == 3
    (summary,) = await store.list_session_summaries(key["project_key"])
    assert summary["data"] == fold_session_summary(None, key, loaded)["data"]


async def test_a_deleted_session_does_not_come_back(store: TurnlogSessionStore) -> None:
    key, sub = a_key(), "subagents/agent-1"
    await store.append(key, [entry(1)])
    await store.append({**key, "subpath": sub}, [entry(1)])
    await store.delete(key)
    for late in (key, {**key, "subpath": sub}):
        with pytest.raises(Gone):
            await store.append(late, [entry(2)])
        assert await store.load(late) is None
    await store.delete(key)
    assert await store.list_sessions(key["project_key"]) == []
    assert await store.list_subkeys(key) == []


async def test_a_deleted_subpath_may_begin_again(store: TurnlogSessionStore) -> None:
    key = {**a_key(), "subpath": "subagents/agent-1"}
    await store.append(key, [entry(1)])
    await store.delete(key)
    assert await store.load(key) is None
    await store.append(key, [entry(2)])
    assert await store.load(key) == [entry(2)]


@pytest.mark.parametrize(
    "subpath", ["..", "../main", "a/../../b", "", "main", "a" * 300, "/etc/passwd", "a//b", "a b", "a\x00b"]
)
async def test_what_is_no_subpath(store: TurnlogSessionStore, turnlog: AsyncTurnlog, subpath: str) -> None:
    key = a_key()
    await store.append(key, [entry(1)])
    for call in (
        store.append({**key, "subpath": subpath}, [entry(2)]),
        store.load({**key, "subpath": subpath}),
    ):
        with pytest.raises(Invalid):
            await call
    assert await store.load(key) == [entry(1)]
    assert [one["name"] for one in (await turnlog.list_transcripts(session_id_of(key)))["transcripts"]] == [
        "main"
    ]


async def test_an_entry_of_10_mb(store: TurnlogSessionStore) -> None:
    """Over HTTP it goes as a file, and comes from the bucket."""
    key, large = a_key(), entry(1, text="x" * 10_000_000)
    await store.append(key, [large])
    assert await store.load(key) == [large]


async def test_what_is_no_entry(store: TurnlogSessionStore) -> None:
    """All of a batch or none of it."""
    key = a_key()
    with pytest.raises(Invalid, match=r"entries\.1: must be an object"):
        await store.append(key, [entry(1), "no entry"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="set"):
        await store.append(key, [entry(1), entry(2, odd={1})])
    assert await store.load(key) is None


async def test_another_tenant(store: TurnlogSessionStore, server: Server) -> None:
    """G5: with the same keys, another user's token finds nothing, and stores apart."""
    key = a_key()
    await store.append(key, [entry(1)])
    async with AsyncTurnlog(url=server.url, token=uuid4().hex) as client:
        mallory = TurnlogSessionStore(client)
        assert await mallory.load(key) is None
        assert await mallory.list_sessions(key["project_key"]) == []
        assert await mallory.list_subkeys(key) == []
        await mallory.delete(key)
        await mallory.append(key, [entry(2)])
    assert await store.load(key) == [entry(1)]


@pytest.mark.parametrize(
    "own", ["s", "a" * 41, "a" * 42, "a" * 300, "with space", "ü", str(uuid4()), "-", "a/b"]
)
async def test_ids_of_every_kind(own: str) -> None:
    """Two keys never share a session, and an id can be read in Turnlog's where it can be one."""
    ids = {session_id_of({"project_key": project, "session_id": own}) for project in ("p", "q", "", "ü")}
    assert len(ids) == 4
    assert all(len(one) <= 64 and one.replace("-", "").replace("_", "").isalnum() for one in ids)
    if len(own) < 42 and own.isascii() and own not in {"with space", "a/b"}:
        assert all(one.startswith(f"{own}-") for one in ids)
