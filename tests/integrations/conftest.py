"""One local server, in a process of its own, and both ways to it; each test is a user of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest

from shared.async_driver import AsyncStores
from shared.client import TurnlogClient
from shared.direct import TurnlogDirect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from shared.methods import Turnlog

ROOT = Path(__file__).parent.parent.parent


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
        os.environ.update(server.environment)
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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
) -> AsyncIterator[Turnlog]:
    if request.param == "http":
        async with TurnlogClient(server.url, user) as client:
            yield client
    else:
        async with AsyncStores() as stores:
            yield TurnlogDirect(user, stores)
