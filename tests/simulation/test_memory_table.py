"""What the simulation does to its table beside calling it. What calls do, tests/conformance shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.template import table_definition
from tests.simulation.memory_table import MemoryTable
from turnlog.coroutines import run

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable(table_definition("turnlog"))


def key(sort_key: str) -> dict[str, Any]:
    return {"PK": {"S": "p"}, "SK": {"S": sort_key}}


def ask(table: MemoryTable, operation: str, **parameters: Any) -> Mapping[str, Any]:
    return run(table.request(operation, {"TableName": table.name, **parameters}))


def put(table: MemoryTable, sort_key: str, **attributes: Any) -> None:
    ask(table, "PutItem", Item=key(sort_key) | attributes)


def listed(table: MemoryTable, **parameters: Any) -> list[str]:
    """The sort keys that a query finds."""
    query = {"KeyConditionExpression": "PK = :p", "ExpressionAttributeValues": {":p": {"S": "p"}}}
    return [item["SK"]["S"] for item in ask(table, "Query", **{**query, **parameters})["Items"]]


def test_a_late_read_sees_the_partition_as_it_was(table: MemoryTable) -> None:
    """Unless it is consistent; and a write sees it as it is."""
    put(table, "a", n={"N": "1"})
    put(table, "b")
    put(table, "a", n={"N": "2"})
    asked: list[int] = []

    def lag(changes: int) -> int:
        asked.append(changes)
        return 2

    table.lag = lag
    assert listed(table) == ["a"]
    assert ask(table, "GetItem", Key=key("a"))["Item"]["n"] == {"N": "1"}
    assert asked == [3, 3]
    assert listed(table, ConsistentRead=True) == ["a", "b"]
    assert ask(table, "GetItem", Key=key("a"), ConsistentRead=True)["Item"]["n"] == {"N": "2"}
    counted = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    updated = ask(table, "UpdateItem", Key=key("a"), ReturnValues="ALL_NEW", **counted)
    assert updated["Attributes"]["n"] == {"N": "3"}


def test_an_index_is_always_read_late(table: MemoryTable) -> None:
    put(table, "a", GSI1PK={"S": "g"}, GSI1SK={"S": "1"})
    put(table, "b", GSI1PK={"S": "g"}, GSI1SK={"S": "2"})
    query = {
        "IndexName": "GSI1",
        "KeyConditionExpression": "GSI1PK = :g",
        "ExpressionAttributeValues": {":g": {"S": "g"}},
    }
    assert listed(table, **query) == ["a", "b"]
    table.lag = lambda _: 1
    assert listed(table, **query) == ["a"]


def test_no_caller_can_change_what_is_stored(table: MemoryTable) -> None:
    given = {"list": {"L": [{"S": "a"}]}}
    put(table, "a", **given)
    given["list"]["L"].append({"S": "b"})
    for answer in (
        ask(table, "GetItem", Key=key("a"))["Item"],
        table.items()[0],
        table.stream[0]["NewImage"],
    ):
        assert answer["list"] == {"L": [{"S": "a"}]}
        answer["list"]["L"].clear()
    assert ask(table, "GetItem", Key=key("a"))["Item"]["list"] == {"L": [{"S": "a"}]}


def test_what_is_past_its_time_goes_and_the_stream_says_why(table: MemoryTable) -> None:
    def at(moment: datetime) -> dict[str, Any]:
        return {"expires_at": {"N": str(int(moment.timestamp()))}}

    put(table, "past", **at(NOW - timedelta(seconds=1)))
    put(table, "now", **at(NOW))
    put(table, "six years past", **at(NOW - timedelta(days=6 * 365)))
    put(table, "never")
    put(table, "in words", expires_at={"S": "tomorrow"})
    assert table.expire(NOW) == 1
    assert listed(table) == ["in words", "never", "now", "six years past"]
    record = table.stream[-1]
    assert (record["eventName"], record["Keys"]) == ("REMOVE", key("past"))
    assert record["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def test_a_write_that_changes_nothing_has_no_record(table: MemoryTable) -> None:
    put(table, "a")
    put(table, "a")
    ask(table, "DeleteItem", Key=key("b"))
    assert [record["eventName"] for record in table.stream] == ["INSERT"]


def test_a_batch_may_be_left_half_done(table: MemoryTable) -> None:
    table.processed = lambda requests: requests - 1
    requests = [{"PutRequest": {"Item": key(name)}} for name in ("a", "b")]
    answer = run(table.request("BatchWriteItem", {"RequestItems": {table.name: requests}}))
    assert answer == {"UnprocessedItems": {table.name: requests[1:]}}
    assert listed(table) == ["a"]
    keys = {"Keys": [key("a"), key("b")], "ConsistentRead": True}
    answer = run(table.request("BatchGetItem", {"RequestItems": {table.name: keys}}))
    assert answer["Responses"] == {table.name: [key("a")]}
    assert answer["UnprocessedKeys"] == {table.name: {"Keys": [key("b")], "ConsistentRead": True}}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("Scan", {}),
        ("Query", {"KeyConditionExpression": "PK = :p", "FilterExpression": "a = :p"}),
        ("GetItem", {"Key": key("a"), "ProjectionExpression": "a.b"}),
        (
            "DeleteItem",
            {"Key": key("a"), "ConditionExpression": "attribute_exists(a) OR attribute_exists(b)"},
        ),
        ("UpdateItem", {"Key": key("a"), "UpdateExpression": "SET a = if_not_exists(b, c)"}),
        ("PutItem", {"Item": key("a") | {"set": {"SS": ["a"]}}}),
    ],
)
def test_what_is_not_there_says_so(table: MemoryTable, operation: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        ask(table, operation, **parameters)
