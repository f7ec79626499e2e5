"""One `AsyncStores` for many tasks: at once, cancelled, without a table or a cache, and closed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from infra.local.ports import free_port
from tests.functional.cache_clients import valkey as valkey_in
from tests.functional.world import wait_until
from tests.on_stores import on
from turnlog.cache.async_resp import CONNECTIONS, AsyncRespCache
from turnlog.cache.url import CacheUrl
from turnlog.drivers import event_loop
from turnlog.drivers.event_loop import AsyncStores
from turnlog.errors import Unanswered, Unavailable
from turnlog.operations.append_messages import append_messages
from turnlog.operations.create_session import create_session
from turnlog.records.keys import session_key
from turnlog.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.world import TableView
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store

pytestmark = pytest.mark.usefixtures("server")


async def new_session(store: Store) -> SessionKey:
    key = session_key(f"user-{uuid4().hex}", "s")
    await create_session(store, key, [], usage={}, title=None, fields={})
    return key


def text(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content, "message_id": content}


@pytest.mark.thorough
def test_many_tasks_append_on_one_client(valkey: Any) -> None:
    """To a session each and to one of all: none is lost, and the cache is used by all of them."""

    async def main() -> int:
        async with AsyncStores(settings()) as stores:
            common = await new_session(stores.store())

            async def write(number: int) -> int:
                store = stores.store()
                own = await new_session(store)
                for at in range(2):
                    await append_messages(store, own, [text(str(at))])
                assert (store.counts["appends"], store.counts["cache_head_hits"]) == (2, 2)
                appended = await append_messages(stores.store(), common, [text(str(number))])
                return appended.sequences[0]

            sequences = await asyncio.gather(*map(write, range(20)))
            assert sorted(sequences) == list(range(20))
            store = stores.store()
            stored = await store.messages(await store.head(common), 0, 20)
            assert [stored[at].fields()["content"] for at in sequences] == [str(at) for at in range(20)]
            return len(valkey.client_list())

    before = len(valkey.client_list())
    assert asyncio.run(main()) > before
    # They are closed with it; the server may take a moment to see that.
    wait_until(lambda: len(valkey.client_list()) <= before)


def test_tasks_share_a_bounded_number_of_connections(valkey: Any) -> None:
    async def main() -> int:
        cache = AsyncRespCache(CacheUrl.parse(settings().cache_url))
        await asyncio.gather(*[cache.run(("PING",)) for _ in range(4 * CONNECTIONS)])
        connected = len(valkey.client_list())
        await cache.aclose()
        return connected

    before = len(valkey.client_list())
    assert asyncio.run(main()) <= before + CONNECTIONS


@pytest.mark.parametrize("step", ["before-send", "after-call"])
@pytest.mark.parametrize("request_", ["GetItem", "TransactWriteItems"])
def test_an_append_that_is_cancelled_is_stored_once_when_it_is_sent_again(
    table: TableView, step: str, request_: str
) -> None:
    """As when a user goes away: before a request goes out, and when it was carried out."""

    async def main() -> None:
        async with AsyncStores(settings()._replace(cache_url="")) as stores:
            key = await new_session(stores.store())
            append = asyncio.create_task(append_messages(stores.store(), key, [text("m")]))
            events = stores._table._client.meta.events

            async def cancel(**_: object) -> None:
                append.cancel()
                await asyncio.sleep(0)

            events.register(f"{step}.dynamodb.{request_}", cancel)
            await asyncio.wait({append})
            events.unregister(f"{step}.dynamodb.{request_}", cancel)
            assert append.cancelled()
            applied = (step, request_) == ("after-call", "TransactWriteItems")
            assert len(table.session(*key)) == 1 + applied
            again = await append_messages(stores.store(), key, [text("m")])
            assert (again.sequences, again.replayed) == ([0], applied)
            assert len(table.session(*key)) == 2

    asyncio.run(main())


def test_a_late_reply_to_a_task_that_was_cancelled_answers_no_other(tmp_path: Path) -> None:
    async def main(port: int, process: int) -> None:
        cache = AsyncRespCache(CacheUrl.parse(f"redis://127.0.0.1:{port}?socket_timeout=60"))
        await cache.run(("SET", "x", "late"), ("SET", "y", "right"))
        os.kill(process, signal.SIGSTOP)
        asked = asyncio.create_task(cache.run(("GET", "x")))
        for _ in range(10):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait({asked})
        os.kill(process, signal.SIGCONT)
        assert asked.cancelled()
        assert await cache.run(("GET", "y")) == [b"right"]
        await cache.aclose()

    with valkey_in(tmp_path) as server:
        asyncio.run(main(server.port, server._process.pid))


def test_what_is_not_open_is_not_worked_on() -> None:
    async def main() -> None:
        stores = AsyncStores()
        with pytest.raises(RuntimeError, match="not open"):
            stores.store()
        async with stores:
            await new_session(stores.store())
        with pytest.raises(RuntimeError, match="not open"):
            await on(stores, "u").get_session("s")
        async with stores:  # as often as one likes
            await new_session(stores.store())

    asyncio.run(main())


@contextmanager
def mute() -> Iterator[int]:
    """A port that accepts connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


@contextmanager
def hanging_up() -> Iterator[tuple[int, list[bytes]]]:
    """A port that hangs up on whoever has sent something, and what was sent."""
    heard: list[bytes] = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)

        def hang_up() -> None:
            with suppress(OSError):  # it is closed
                while True:
                    with listening.accept()[0] as connection:
                        heard.append(connection.recv(1))

        thread = Thread(target=hang_up)
        thread.start()
        yield listening.getsockname()[1], heard
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_table_that_does_not_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_loop, "REQUEST_SECONDS", 0.2)
    with mute() as port:
        _unanswered(monkeypatch, port)


def test_an_operation_ends_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though a request might take longer yet."""

    async def main() -> None:
        async with AsyncStores(settings()._replace(cache_url="")) as stores:
            with pytest.raises(Unanswered, match="time is over"):
                await on(stores, "u", timeout=0.2).get_session("s")

    with mute() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{port}")
        asyncio.run(main())


def test_a_table_that_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with hanging_up() as (port, heard):
        _unanswered(monkeypatch, port)
    assert len(heard) == 2  # each request once: whether to repeat it is the operation's to say


def test_no_table_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    _unanswered(monkeypatch, free_port())


def _unanswered(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """A request may have been applied; and no operation tries again when its time is over."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{port}")

    async def main() -> None:
        async with AsyncStores(settings()._replace(cache_url="")) as stores:
            store = stores.store(0)
            with pytest.raises(Unanswered):
                await store.table.request("GetItem", {"TableName": "t", "Key": {"PK": {"S": "x"}}})
            with pytest.raises(Unavailable):
                await append_messages(store, session_key("u", "s"), [text("a")])
            assert store.counts["retries"] == 1

    asyncio.run(main())
