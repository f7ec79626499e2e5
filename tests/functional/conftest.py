"""One local server for all tests; each test has users of its own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
import redis
from botocore.loaders import JSONFileLoader

from infra.local.server import running
from tests.functional.api import Api
from tests.functional.bucket import BucketView
from tests.functional.cache_clients import connecting
from tests.functional.drivers import DRIVERS
from tests.functional.stand import standing
from tests.functional.world import TableView, load_quiet
from turnlog.drivers.blocking import clients

ON_BOTH_DRIVERS = {
    "test_append",
    "test_cache",
    "test_damaged",
    "test_drafts",
    "test_exactly_once",
    "test_large",
    "test_list",
    "test_put",
    "test_tool_calls",
    "test_transcripts",
    "test_transcripts_deleted",
    "test_transcripts_exactly_once",
    "test_transcripts_large",
}

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.server import LocalServer
    from tests.functional.cache_clients import Connect
    from tests.functional.stand import Stand


@pytest.fixture(scope="session", autouse=True)
def models() -> Iterator[None]:
    """Botocore's models, read once: each client with other settings would read 5 MB of JSON again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", staticmethod(cache(JSONFileLoader().load_file)))
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[LocalServer]:
    with running(load=load_quiet) as server:
        clients()  # two threads that both come first would make them twice
        yield server
    DRIVERS.stop()  # when the stream, too, has stopped to use them


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The tests of what the drivers differ in, if anything, run on both."""
    if "driver" in metafunc.fixturenames and Path(metafunc.module.__file__).stem in ON_BOTH_DRIVERS:
        metafunc.parametrize(
            "driver", ["sync", pytest.param("async", marks=pytest.mark.thorough)], indirect=True
        )


@pytest.fixture
def driver(server: LocalServer, request: pytest.FixtureRequest) -> Iterator[None]:  # noqa: ARG001
    """What the functions run on."""
    DRIVERS.use(on_loop=getattr(request, "param", "sync") == "async")
    yield
    DRIVERS.use(on_loop=False)


@pytest.fixture
def api(server: LocalServer, driver: None) -> Api:  # noqa: ARG001
    """The API for a user whom no other test knows."""
    return Api(server.url, f"user-{uuid4().hex}")


@pytest.fixture
def other(server: LocalServer) -> Api:
    """The API for another such user."""
    return Api(server.url, f"other-{uuid4().hex}")


@pytest.fixture(scope="session")
def table(server: LocalServer) -> Iterator[TableView]:
    """The table as it lies."""
    client = boto3.client("dynamodb", endpoint_url=server.dynamodb_url)
    yield TableView(client, server.table)
    client.close()


@pytest.fixture(scope="session")
def bucket(server: LocalServer) -> Iterator[BucketView]:
    """The bucket as it lies."""
    client = boto3.client("s3")
    yield BucketView(client, server.bucket)
    client.close()


@pytest.fixture(scope="session")
def valkey(server: LocalServer) -> Iterator[Any]:
    """The cache as it lies."""
    client = redis.Redis.from_url(server.cache_url)
    yield client
    client.close()


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """What makes clients of a cache."""
    with connecting(on_loop=request.param == "async") as connect:
        yield connect


@pytest.fixture(scope="module")
def shared_stand() -> Iterator[Stand]:
    with standing() as stand:
        yield stand


@pytest.fixture
def stand(shared_stand: Stand) -> Iterator[Stand]:
    """The module's server with stub functions, which answer again with their event after each test."""
    yield shared_stand
    shared_stand.answers.clear()
