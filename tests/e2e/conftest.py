"""Amazon's DynamoDB Local, a real Valkey, and the server as a process, each for one test's use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from infra.local.dynamodb_local import dynamodb_local
from infra.local.table import ensure_table
from infra.template import environment
from tests.e2e.valkey import Valkey
from tests.local import local_client

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
}


@pytest.fixture(scope="session")
def dynamodb_url() -> Iterator[str]:
    with dynamodb_local() as url:
        yield url


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
def process_environment(dynamodb_url: str, valkey: Valkey) -> dict[str, str]:
    """For a process that works on the table and the cache; the table is there."""
    variables = {**os.environ, **LOCAL, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url}
    variables |= {"TURNLOG_TABLE": environment()["TURNLOG_TABLE"], "TURNLOG_CACHE_URL": valkey.url}
    with local_client("dynamodb", dynamodb_url) as client:
        ensure_table(client, variables["TURNLOG_TABLE"])
    return variables


@pytest.fixture
def api(process_environment: dict[str, str]) -> Iterator[str]:
    """The base URL of `python -m infra.local` on the table and the cache."""
    with _server(process_environment) as url:
        yield url


@contextmanager
def _server(variables: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "infra.local"]
    port = {"PORT": "0"}
    with subprocess.Popen(
        command, env=variables | port, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        greeting = process.stdout.readline()
        found = re.search(r"http://[\d.:]+", greeting)
        assert found, greeting
        # The rest of what it prints must not fill the pipe.
        drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield found[0]
        process.terminate()
        process.wait()
        drain.wait()
