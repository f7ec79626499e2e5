"""The stream of the simulation's table has the records that the stream of Amazon's DynamoDB Local has."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from infra.template import table_definition
from tests.conformance.calls import Calls
from tests.conformance.deviations import trimmed
from tests.conformance.outcomes import outcome
from tests.simulation.memory_table import MemoryTable
from turnlog.drivers.blocking import BotoTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MEMBERS = ("Keys", "OldImage", "NewImage")


@pytest.mark.real
@pytest.mark.parametrize("seed", range(100, 104))
def test_stream(seed: int, dynamodb_local: Any, local_streams: Any) -> None:
    definition = table_definition(f"turnlog-stream-{seed}")
    stream = dynamodb_local.create_table(**definition)["TableDescription"]["LatestStreamArn"]
    ours, theirs = MemoryTable(definition), BotoTable(definition["TableName"], dynamodb_local)
    calls = Calls(Random(seed), ours.name, flaws=0)
    for _ in range(150):
        call = calls.call()
        outcome(ours, call)
        outcome(theirs, call)
    assert ours.stream
    assert _by_item(_records(local_streams, stream)) == _by_item(ours.stream)
    dynamodb_local.delete_table(TableName=ours.name)


def _records(client: Any, stream: str) -> Iterable[Mapping[str, Any]]:
    for shard in client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
        iterator = client.get_shard_iterator(
            StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator is not None:
            page = client.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                yield {"eventName": record["eventName"], **record["dynamodb"]}
            iterator = page.get("NextShardIterator") if page["Records"] else None


def _by_item(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """What befell each item: the order of records is that of an item's changes, and no other."""
    items = defaultdict(list)
    for record in records:
        images = {name: trimmed(record[name]) for name in MEMBERS if name in record}
        items[record["Keys"]["PK"]["S"], record["Keys"]["SK"]["S"]].append((record["eventName"], images))
    return dict(items)
