"""Answers of the table, the bucket and the cache that end early, or come too late; to both drivers."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.answering import answering_beside, reply
from tests.functional.cache_clients import ask as ask_cache
from tests.functional.cache_clients import connecting, post, requests_on, speaking
from turnlog.coroutines import run
from turnlog.drivers import event_loop as async_driver
from turnlog.drivers.blocking import BotoObjects, BotoTable, _client, _config
from turnlog.drivers.event_loop import AsyncStores
from turnlog.errors import CacheUnavailable, Unanswered
from turnlog.limits import CONNECT_SECONDS
from turnlog.settings import settings

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine, Iterator

    from tests.answering import Answering, Asked
    from turnlog.store.protocols import Objects, Table

    Call = Callable[[Table, Objects, str], Coroutine[Any, Any, Any]]
    Ask = Callable[[Call, str], Any]

pytestmark = pytest.mark.usefixtures("models")

BRIEF = 0.2
STEPS = [11, pytest.param(1, marks=pytest.mark.thorough)]


def own(asked: Asked) -> bytes:
    """The table's item, or the bucket's object, is the key that was asked for."""
    if "x-amz-target" in asked.headers:
        return reply(json.dumps({"Item": json.loads(asked.body)["Key"]}).encode(), x_amzn_requestid="r")
    return reply(asked.path.rpartition("/")[2].encode(), x_amz_request_id="r")


async def read(table: Table, _: Objects, name: str) -> Any:
    return (await table.request("GetItem", {"TableName": "t", "Key": {"PK": {"S": name}}}))["Item"]["PK"]["S"]


async def get(_: Table, bucket: Objects, name: str) -> Any:
    return (await bucket.get(name)).decode()


@contextmanager
def blocking() -> Iterator[Ask]:
    """What asks by the driver that blocks."""
    with (
        closing(_client("dynamodb", _config(CONNECT_SECONDS + BRIEF))) as dynamodb,
        closing(_client("s3")) as s3,
    ):
        yield lambda call, name: run(call(BotoTable("t", dynamodb), BotoObjects("b", lambda: s3), name))


@contextmanager
def on_a_loop() -> Iterator[Ask]:
    """What asks by the driver for an event loop."""
    with asyncio.Runner() as loop:
        opened = AsyncExitStack()
        store = loop.run(opened.enter_async_context(AsyncStores(settings()))).store()
        yield lambda call, name: loop.run(call(store.table, store.bucket(), name))
        loop.run(opened.aclose())


@pytest.fixture
def server(store_at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    with answering_beside(own) as server:
        store_at(server.url)
        monkeypatch.setattr(async_driver, "REQUEST_SECONDS", 30)
        yield server


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("call", [read, get])
@pytest.mark.parametrize("driver", [blocking, on_a_loop])
def test_an_answer_in_part_is_none(
    driver: Callable[[], Any], call: Call, reset: bool, step: int, server: Answering
) -> None:
    """Wherever it ends; and what comes next is answered by its own."""
    server.reset = reset
    with driver() as ask:
        for cut in server.each_cut(step):
            server.asked = 0
            try:
                assert ask(call, "cut") == "cut"
            except Unanswered:
                assert server.asked == 1
            else:
                assert (driver, call, server.asked) == (on_a_loop, get, 2)  # aiohttp asks again by itself
            for at in range(2):
                assert ask(call, f"next-{cut}-{at}") == f"next-{cut}-{at}"
    assert server.whole > 50


@pytest.mark.parametrize("driver", [blocking, on_a_loop])
def test_an_answer_that_comes_too_late_answers_no_other(
    driver: Callable[[], Any], server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    with driver() as ask:
        for number in range(2):
            assert ask(read, "before") == "before"
            server.held = 1
            monkeypatch.setattr(async_driver, "REQUEST_SECONDS", BRIEF)
            with pytest.raises(Unanswered):
                ask(read, "late")
            server.held = 0  # also if the time was over before it came there
            monkeypatch.setattr(async_driver, "REQUEST_SECONDS", 30)
            for at in range(3):
                assert ask(read, f"next-{number}-{at}") == f"next-{number}-{at}"


@pytest.mark.parametrize("on_loop", [False, True])
def test_replies_of_the_cache_in_part_are_none(on_loop: bool) -> None:
    """On a new connection; on one that lay idle, the commands are sent once more, on another."""
    cuts: list[int] = []

    def talk(connection: socket.socket) -> None:
        for _, key in requests_on(connection):
            whole = b"$%d\r\n%b\r\n" % (len(key), key)
            if cuts and key.startswith(b"cut"):
                connection.sendall(whole[: cuts.pop()])
                return
            connection.sendall(whole)

    with speaking(talk) as port, connecting(on_loop=on_loop) as connect:
        for cut in range(len(b"$5\r\ncut-0\r\n")):
            for idle in (False, True):
                client = connect(port)
                if idle:
                    post(client, ("GET", "posted"))
                cuts.append(cut)
                commands = [("GET", name) for name in ("a", "cut-0", "b")]
                if idle:
                    assert ask_cache(client, *commands) == [b"a", b"cut-0", b"b"]
                else:
                    with pytest.raises(CacheUnavailable):
                        ask_cache(client, *commands)
                assert not cuts
                for at in range(2):
                    assert ask_cache(client, ("GET", f"next-{at}")) == [f"next-{at}".encode()]
