"""One local server, in a process of its own, and both ways to it; each test is a user of its own."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest

from tests.integrations.ways import LossyWay, lossy
from turnlog import AsyncTurnlog
from turnlog.client import http as client
from turnlog.client.http import RETRIES
from turnlog.client.table import TableWay
from turnlog.limits import OPERATION_SECONDS
from turnlog.records import messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from _pytest.terminal import TerminalReporter


ROOT = Path(__file__).parent.parent.parent


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say what tests found worth saying."""
    for report in terminalreporter.getreports("passed"):
        for name, said in report.user_properties:
            if name == "said":
                terminalreporter.write_line(said)


class Server(NamedTuple):
    """Where the API is, and the environment of a program that works on the table itself."""

    url: str
    environment: Mapping[str, str]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    command = [str(ROOT / ".venv/bin/python"), "-m", "tests.integrations.serve"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        server = Server(**json.loads(process.stdout.readline()))
        os.environ.update(server.environment, OPENAI_AGENTS_DISABLE_TRACING="1")
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def small_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the table a message may be 64 MB; of these tests 1 MB."""
    monkeypatch.setattr(messages, "MESSAGE_LIMIT", 1 << 20)


@pytest.fixture
def user() -> str:
    """A user whom no other test knows."""
    return uuid4().hex


@pytest.fixture(params=["direct", "http"])
async def turnlog(
    request: pytest.FixtureRequest,
    server: Server,
    user: str,
    anyio_backend: Any,  # noqa: ARG001 (which makes it run on the test's loop)
) -> AsyncIterator[AsyncTurnlog]:
    if request.param == "http":
        async with AsyncTurnlog(url=server.url, token=user) as http:
            yield http
    else:
        async with AsyncTurnlog(user_id=user) as direct:
            yield direct


class Lossy(NamedTuple):
    """Turnlog on a lossy way.

    Attributes:
        way: to what it stands on.
        mark: of the requests that write.
        tries: after so many it gives up.
    """

    turnlog: AsyncTurnlog
    way: LossyWay
    mark: bytes
    tries: int

    @contextmanager
    def losing(self, times: int) -> Iterator[None]:
        """Lose the next replies, of which Turnlog has no time to try more than it does."""
        self.way.lose(self.mark, times)
        if isinstance(self.turnlog._way, TableWay):
            self.turnlog._way._seconds = 4.5  # enough for one try: the store's own have tests of their own
        yield
        if isinstance(self.turnlog._way, TableWay):
            self.turnlog._way._seconds = OPERATION_SECONDS
        self.way.lose(self.mark, 0)


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
        async with AsyncTurnlog(url=way.url, token=user) as http:
            yield Lossy(http, way, b"POST /sessions/", RETRIES + 1)
    else:
        way = request.getfixturevalue("table_way")
        async with AsyncTurnlog(user_id=user) as direct:
            yield Lossy(direct, way, b".TransactWriteItems", 1)
