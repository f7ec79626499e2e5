"""One local server for all tests; each test has users of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
import redis

from infra.local.server import running
from tests.functional.api import Api
from tests.functional.bucket import BucketView
from tests.functional.world import TableView, close_clients, load_quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.server import LocalServer


@pytest.fixture(scope="session")
def server() -> Iterator[LocalServer]:
    with running(load=load_quiet) as server:
        yield server
        close_clients()


@pytest.fixture
def api(server: LocalServer) -> Api:
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
