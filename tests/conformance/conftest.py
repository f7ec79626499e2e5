"""The servers that the tables and caches of the tests are compared with, and the counts of what agreed."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from infra.local.dynamodb_local import dynamodb_local as running_dynamodb_local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.terminal import TerminalReporter

_CREDENTIALS = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}


class Report:
    """How many calls agreed with each server, and how many were let pass as which deviation."""

    def __init__(self) -> None:
        self.agreements: Counter[str] = Counter()
        self.deviations: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def agreed(self, server: str) -> None:
        """Count a call that was answered alike."""
        self.agreements[server] += 1

    def deviated(self, server: str, deviation: str) -> None:
        """Count a call that was not."""
        self.deviations[server][deviation] += 1


_REPORT = Report()


@pytest.fixture
def report() -> Report:
    """The counts of the whole run, which are printed at its end."""
    return _REPORT


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print the counts."""
    for server, agreed in sorted(_REPORT.agreements.items()):
        deviations = _REPORT.deviations[server]
        calls = agreed + deviations.total()
        terminalreporter.write_line(f"conformance with {server}: {calls} calls, {agreed} answered alike")
        for deviation, count in deviations.most_common():
            terminalreporter.write_line(f"{count:>8} {server} {deviation}")


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of moto in this process and thread, for one test: no other client may meet the mock."""
    # Where the local server of other tests runs in this process, it names its own.
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    with mock_aws():
        yield boto3.client("dynamodb", **_CREDENTIALS)


@pytest.fixture(scope="session")
def local_url() -> Iterator[str]:
    """Amazon's DynamoDB Local, which is fetched if need be; without it the tests fail."""
    with running_dynamodb_local() as url:
        yield url


@pytest.fixture
def dynamodb_local(local_url: str) -> Iterator[Any]:
    """A client of DynamoDB Local."""
    client = boto3.client("dynamodb", endpoint_url=local_url, **_CREDENTIALS)
    yield client
    client.close()


@pytest.fixture
def local_streams(local_url: str) -> Iterator[Any]:
    """A client of the streams of DynamoDB Local."""
    client = boto3.client("dynamodbstreams", endpoint_url=local_url, **_CREDENTIALS)
    yield client
    client.close()
