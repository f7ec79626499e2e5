"""Answers that are not the store's, and connections that are another process's."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.conftest import ENVIRONMENT
from turnlog.coroutines import run
from turnlog.drivers.blocking import clients, objects
from turnlog.drivers.event_loop import AsyncStores
from turnlog.errors import Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from turnlog.store.protocols import Objects, Table

    Asked = Callable[[Table, Objects], Coroutine[Any, Any, Any]]

pytestmark = pytest.mark.usefixtures("models")

PAGE = b"<html><body>Log in to the network</body></html>"
NOT_THE_STORE = [PAGE, "<p>caf\xe9</p>".encode("latin-1"), b"", b"null", b"[]", b'"x"', b"{}", b"<a><b/></a>"]
GET_ITEM: Asked = lambda table, _: table.request("GetItem", {"TableName": "t", "Key": {"PK": {"S": "a"}}})  # noqa: E731
WRITE: Asked = lambda table, _: table.request("TransactWriteItems", {"TransactItems": []})  # noqa: E731
GET: Asked = lambda _, bucket: bucket.get("k")  # noqa: E731
PUT: Asked = lambda _, bucket: bucket.put("k", b"x")  # noqa: E731
DELETE: Asked = lambda _, bucket: bucket.delete("k")  # noqa: E731
LIST: Asked = lambda _, bucket: bucket.list("k")  # noqa: E731


@contextmanager
def answering(status: int, *bodies: bytes, **headers: str) -> Iterator[str]:
    """A server that answers with these bodies in turn; in one, `PORT` is the client's. Its URL."""
    turns = cycle(bodies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            content = next(turns).replace(b"PORT", str(self.client_address[1]).encode())
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 (their names)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture(params=["sync", "async"])
def asks(request: pytest.FixtureRequest, store_at: Callable[[str], None]) -> Callable[..., Any]:
    """Ask the store at a URL, by one driver or the other; what it answers, or what is raised."""

    async def told(table: Table, bucket: Objects, asked: tuple[Asked, ...]) -> list[Any]:
        answers: list[Any] = []
        for each in asked:
            try:
                answers.append(await each(table, bucket))
            except Unanswered as error:
                answers.append(type(error))
        return answers

    def ask(url: str, *asked: Asked) -> list[Any]:
        store_at(url)

        async def on_loop() -> list[Any]:
            async with AsyncStores() as stores:
                store = stores.store()
                return await told(store.table, store.bucket(), asked)

        if request.param == "async":
            return asyncio.run(on_loop())
        table, bucket = clients()[0], objects()
        assert bucket is not None
        try:
            return run(told(table, bucket, asked))
        finally:
            table._client.close()
            bucket._client().close()

    return ask


@pytest.mark.parametrize("status", [200, 403])
def test_a_page_of_a_proxy_is_no_answer(asks: Callable[..., Any], status: int) -> None:
    with answering(status, PAGE, content_type="text/html") as url:
        assert asks(url, GET_ITEM, WRITE, GET, PUT, DELETE, LIST) == [Unanswered] * 6


def test_what_does_not_bear_the_name_of_an_answer_is_none(asks: Callable[..., Any]) -> None:
    with answering(200, *NOT_THE_STORE, content_type="application/json") as url:
        for asked in (GET_ITEM, GET):
            found = dict(zip(NOT_THE_STORE, asks(url, *[asked] * len(NOT_THE_STORE)), strict=True))
            assert found == dict.fromkeys(NOT_THE_STORE, Unanswered)


def test_the_store_names_its_answers(asks: Callable[..., Any]) -> None:
    item = {"Item": {"PK": {"S": "a"}}}
    with answering(200, json.dumps(item).encode(), x_amzn_requestid="r") as url:
        (answer,) = asks(url, GET_ITEM)
        assert answer["Item"] == item["Item"]
    with answering(200, b"the object", x_amz_request_id="r") as url:
        assert asks(url, GET) == [b"the object"]


FORKS = """
import os, sys
from turnlog.coroutines import run
from turnlog.drivers.blocking import clients

def port():
    asked = {"TableName": "t", "Key": {"PK": {"S": "a"}}}
    return run(clients()[0].request("GetItem", asked))["Item"]["port"]["N"]

mine = port()
if child := os.fork():
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status) or port() != mine)
os._exit(port() == mine)
"""


def test_a_forked_process_has_connections_of_its_own() -> None:
    """On its parent's, the two would read each other's answers."""
    with answering(200, b'{"Item": {"port": {"N": "PORT"}}}', x_amzn_requestid="r") as url:
        subprocess.run(
            [sys.executable, "-c", FORKS],
            env={**os.environ, **ENVIRONMENT, "AWS_ENDPOINT_URL": url},
            check=True,
        )
