"""Requests of the driver for an event loop that are cancelled at every place where they wait."""

from __future__ import annotations

import asyncio
import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tests.answering import answering, reply
from tests.cancelling import When, cancelled, run_clean
from turnlog.drivers.blocking import TABLE_CONFIG
from turnlog.drivers.event_loop import AsyncStores
from turnlog.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.answering import Answering, Asked
    from turnlog.store.protocols import Objects
    from turnlog.store.store import Store

    Call = Callable[[Store, str], Coroutine[Any, Any, Any]]

pytestmark = pytest.mark.usefixtures("models")

LARGE = 400_000
"""Bytes that take several turns to send and to read; the driver sends so many by way of a file."""
CONNECTIONS = TABLE_CONFIG.max_pool_connections


def own(asked: Asked, **headers: str) -> bytes:
    """The table's item, or the bucket's object, is the key that was asked for."""
    if "x-amz-target" in asked.headers:
        body = json.loads(asked.body)
        item = {"Item": body.get("Key", {})} | ({"more": "x" * LARGE} if b"large" in asked.body else {})
        return reply(json.dumps(item).encode(), x_amzn_requestid="r", **headers)
    if asked.path == "/credentials":
        given = {
            "AccessKeyId": "x",
            "SecretAccessKey": "x",
            "Token": "x",
            "Expiration": "2999-01-01T00:00:00Z",
        }
        return reply(json.dumps(given).encode(), **headers)
    key = asked.path.partition("?")[0].rpartition("/")[2].encode()
    if asked.method == "GET":
        return reply(
            key * (LARGE // len(key)) if key.startswith(b"large") else key, x_amz_request_id="r", **headers
        )
    return reply(b"", x_amz_request_id="r", **headers)


async def read(store: Store, name: str) -> Any:
    key = {"PK": {"S": name}, "SK": {"S": "HEAD"}}
    return (await store.table.request("GetItem", {"TableName": "t", "Key": key}))["Item"]["PK"]["S"]


async def write(store: Store, name: str) -> Any:
    put = {"Put": {"TableName": "t", "Item": {"PK": {"S": name}, "x": {"S": "x" * LARGE}}}}
    await store.table.request("TransactWriteItems", {"TransactItems": [put]})


def _bucket(store: Store) -> Objects:
    bucket = store.bucket()
    assert bucket
    return bucket


async def get(store: Store, name: str) -> Any:
    return (await _bucket(store).get(name)).decode()


async def put(store: Store, name: str) -> Any:
    await _bucket(store).put(name, b"x" * LARGE)


async def delete(store: Store, name: str) -> Any:
    await _bucket(store).delete(name)


def opened(server: Answering, store_at: Callable[[str], None]) -> AsyncStores:
    store_at(server.url)
    return AsyncStores(settings())


async def asks_for_their_own(stores: AsyncStores, number: int) -> None:
    """Whoever comes next, several at once, is answered what it asked for, and nothing else."""
    store = stores.store()
    names = [f"next-{number}-{at}" for at in range(2)]
    assert await asyncio.gather(*(read(store, name) for name in names)) == names
    assert await asyncio.gather(*(get(store, name) for name in names)) == names


async def all_at_once(server: Answering, stores: AsyncStores) -> None:
    """Every connection that there may be is there: of the table, and then of the bucket."""
    server.together = CONNECTIONS
    for ask in (read, get):
        async with asyncio.timeout(30):
            answers = await asyncio.gather(*(ask(stores.store(), "together") for _ in range(CONNECTIONS)))
        assert answers == ["together"] * CONNECTIONS


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (read, "a"),
        (write, "large"),
        (get, "large"),
        *(
            pytest.param(*each, marks=pytest.mark.thorough)
            for each in ((read, "large"), (get, "a"), (put, "large"), (delete, "a"))
        ),
    ],
)
def test_whoever_comes_after_a_cancelled_request_gets_its_own_answer(
    call: Call, name: str, store_at: Callable[[str], None]
) -> None:
    """And every connection is there for it: none is kept by who was cancelled, nor a place in the queue."""

    async def main() -> None:
        headers: dict[str, str] = {}
        async with (
            answering(lambda asked: own(asked, **headers)) as server,
            opened(server, store_at) as stores,
        ):
            for fresh, late, again in product([True, False], repeat=3):
                headers.update({"connection": "close"} if fresh else {})
                times = 0
                while await cancelled(call(stores.store(), name), When(times + 1, late, again)):
                    times += 1
                    await asks_for_their_own(stores, times)
                    await server.settled(0 if fresh else 4)
                assert times >= (3 if fresh else 1)
                headers.clear()
            await all_at_once(server, stores)

    run_clean(main)


@pytest.mark.parametrize(
    ("step", "late"),
    [
        ("enter", False),
        pytest.param("enter", True, marks=pytest.mark.thorough),
        ("exit", False),
        pytest.param("exit", True, marks=pytest.mark.thorough),
    ],
)
def test_stores_that_are_cancelled_while_they_open_or_close_leave_nothing_open(
    step: str, late: bool, store_at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with answering(own) as server:

            async def enter_and_exit() -> None:
                async with AsyncStores(settings()) as stores:
                    await asks_for_their_own(stores, 0)

            stores = opened(server, store_at)
            times = 0
            was_cancelled = True
            while was_cancelled:
                when = When(times + 1, late)
                if step == "enter":  # it waits for credentials, where they come from the machine
                    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/credentials")
                    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                        monkeypatch.delenv(name, raising=False)
                    was_cancelled = await cancelled(enter_and_exit(), when)
                else:
                    await stores.__aenter__()
                    await asks_for_their_own(stores, times)
                    assert server.open
                    was_cancelled = await cancelled(stores.__aexit__(), when)
                await server.settled(0)
                times += was_cancelled
            assert times >= 1

    run_clean(main)


def test_a_program_has_its_own_ways_to_end_a_request(store_at: Callable[[str], None]) -> None:
    """By a time-out, and by a group of tasks of which another fails."""

    async def in_time(stores: AsyncStores) -> None:
        async with asyncio.timeout(0.05):
            await read(stores.store(), "late")

    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise KeyError

    async def beside_one_that_fails(stores: AsyncStores) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read(stores.store(), "late"))
            tasks.create_task(fail())

    async def main() -> None:
        async with answering(own) as server, opened(server, store_at) as stores:
            server.held = 1
            with pytest.raises(TimeoutError):
                await in_time(stores)
            server.held = 0  # also if the time was over before it came there
            await asks_for_their_own(stores, 0)
            server.held = 1
            with pytest.raises(ExceptionGroup) as failed:
                await beside_one_that_fails(stores)
            server.held = 0
            assert [type(error) for error in failed.value.exceptions] == [KeyError]
            await asks_for_their_own(stores, 1)
            await all_at_once(server, stores)

    run_clean(main)
