"""The proxies count what is there: their figures are found by another way too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
import redis

from infra.local.dynamodb_local import dynamodb_local
from infra.local.embedded import valkey
from infra.local.table import ensure_table
from tests.benchmark.proxies.cache import cache_proxy
from tests.benchmark.proxies.table import TableProxy, table_proxy
from tests.benchmark.units import World, measured
from turnlog.coroutines import run
from turnlog.drivers.blocking import BotoTable, cache_at

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

LENGTHS = (1, 100)


class ProxiedTable:
    """DynamoDB Local, metered by the proxy before it."""

    def __init__(self, proxy: TableProxy) -> None:
        self.name = "SessionsTable"
        self._proxy = proxy
        self.client = boto3.client(
            "dynamodb",
            endpoint_url=proxy.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 (asked for, and not checked)
        )
        self._table = BotoTable(self.name, self.client)

    @property
    def requests(self) -> Counter[str]:
        return self._proxy.counts.requests

    @property
    def writes(self) -> float:
        return self._proxy.counts.writes

    @property
    def reads(self) -> float:
        return self._proxy.counts.reads

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return await self._table.request(operation, parameters)


@pytest.fixture
def proxied() -> Iterator[ProxiedTable]:
    with dynamodb_local() as url, table_proxy(url) as proxy:
        table = ProxiedTable(proxy)
        ensure_table(table.client, table.name)
        yield table
        table.client.close()


@pytest.mark.real
def test_units_behind_the_proxy_are_those_of_the_metered_table(proxied: ProxiedTable) -> None:
    """The one reads the items before and after on the wire, the other has them from the table's stream."""
    assert measured(World(proxied), LENGTHS) == measured(World(), LENGTHS)


def test_the_cache_proxy_counts_what_valkey_counts() -> None:
    with valkey() as url, cache_proxy(url) as proxy, redis.Redis.from_url(url) as direct:
        cache: Any = cache_at(proxy.url)
        direct.config_resetstat()
        big = b"x" * 300_000
        assert run(cache.run(("SET", "{a}:k", big), ("GET", "{a}:k"))) == [b"OK", big]
        assert run(cache.run(("HSET", "{a}:h", 1, b"y"), ("EXPIRE", "{a}:h", 9), atomic=True)) == [1, 1]
        run(cache.post(("SET", "{a}:k", b"z"), ("SET", "{a}:l", big)))
        proxy.settle()
        counted = direct.info("commandstats")
        cache.close()
    ours = {name.removeprefix("cmdstat_"): one["calls"] for name, one in counted.items()}
    for name in ("config|resetstat", "info", "select", "client|setinfo", "hello"):
        ours.pop(name, None)
    assert {name.lower(): calls for name, calls in proxy.counts.commands.items()} == ours
    assert 600_000 < proxy.counts.up < 601_000
    assert 300_000 < proxy.counts.down < 301_000
