"""Sizes and limits, to the byte: the simulation's table and Amazon's DynamoDB Local draw them in one place.

moto is not asked: its 400 KB end some KB early, its pages one item early, its transactions nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.template import table_definition
from tests.conformance.calls import Call
from tests.conformance.outcomes import outcome
from tests.simulation.dynamodb.attribute_values import item_size
from tests.simulation.memory_table import MemoryTable
from turnlog.coroutines import run
from turnlog.drivers.blocking import BotoTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.conftest import Report

KB = 1024
NAME = "turnlog-limits"
VALUES: dict[str, dict[str, Any]] = {
    "text": {"S": "é😀"},
    "bytes": {"B": b"\x00\x01\x02"},
    "one digit": {"N": "7"},
    "two digits": {"N": "12"},
    "three digits": {"N": "123"},
    "zeros at the end": {"N": "10000"},
    "zeros between": {"N": "10001"},
    "zero": {"N": "0"},
    "negative": {"N": "-12"},
    "fraction": {"N": "1.55"},
    "small fraction": {"N": "0.5"},
    "all digits": {"N": "12345678901234567890123456789012345678"},
    "boolean": {"BOOL": True},
    "null": {"NULL": True},
    "empty list": {"L": []},
    "list": {"L": [{"S": "a"}, {"N": "1"}]},
    "empty map": {"M": {}},
    "map": {"M": {"k": {"S": "a"}, "l": {"L": [{"S": "b"}]}}},
}


class Pair:
    """Our table and theirs, which have to agree about every call."""

    def __init__(self, client: Any, report: Report) -> None:
        definition = table_definition(NAME)
        client.create_table(**definition)
        self.ours, self.theirs, self._report = MemoryTable(definition), BotoTable(NAME, client), report

    def agree(self, operation: str, parameters: dict[str, Any]) -> str:
        """Ask both, and tell what came of it; or its error's code."""
        call = Call(operation, parameters)
        expected, got = outcome(self.ours, call), outcome(self.theirs, call)
        assert got == expected
        self._report.agreed("DynamoDB Local")
        return expected.kind

    def put(self, sort_key: str, size: int, **attributes: Any) -> str:
        """Put an item of so many bytes."""
        return self.agree("PutItem", {"TableName": NAME, "Item": sized(sort_key, size, **attributes)})


@pytest.fixture
def pair(dynamodb_local: Any, report: Report) -> Iterator[Pair]:
    yield Pair(dynamodb_local, report)
    dynamodb_local.delete_table(TableName=NAME)


def sized(sort_key: str, size: int, **attributes: Any) -> dict[str, Any]:
    """An item of so many bytes."""
    item = {"PK": {"S": "limits"}, "SK": {"S": sort_key}, "filler": {"S": ""}, **attributes}
    item["filler"] = {"S": "x" * (size - item_size(item))}
    return item


@pytest.mark.real
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_an_item_is_at_most_400_kb(pair: Pair, value: dict[str, Any]) -> None:
    assert pair.put("a", 400 * KB, value=value) == "answered"
    assert pair.put("b", 400 * KB + 1, value=value) == "refused"


@pytest.mark.real
def test_an_update_may_not_grow_an_item_above_400_kb(pair: Pair) -> None:
    pair.put("a", 400 * KB - 10)
    update = {"TableName": NAME, "Key": {"PK": {"S": "limits"}, "SK": {"S": "a"}}}
    for value, expected in (("x" * 10, "refused"), ("x" * 9, "answered")):
        change = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": value}}}
        assert pair.agree("UpdateItem", update | change) == expected


@pytest.mark.real
@pytest.mark.parametrize(("over", "expected"), [(0, "answered"), (1, "refused")])
def test_a_transaction_is_at_most_4_mb(pair: Pair, over: int, expected: str) -> None:
    """What counts is items, keys and expressions, and names and values wherever an expression names them."""
    key = {"PK": {"S": "limits"}, "SK": {"S": "u"}}
    update, condition = "SET #a = :a, b = :a", "attribute_not_exists(#a)"
    names, values = {"#a": "name"}, {":a": {"N": "-123"}}
    sent = item_size(key) + len(update) + len(condition) + 2 * len("name") + 2 * 4
    expressions = {
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    writes: list[dict[str, Any]] = [{"Update": {"TableName": NAME, "Key": key, **expressions}}]
    rest = 4 * KB * KB - sent + over
    for at in range(11):
        size = rest // (11 - at)
        rest -= size
        writes.append({"Put": {"TableName": NAME, "Item": sized(f"{at:02}", size)}})
    assert pair.agree("TransactWriteItems", {"TransactItems": writes}) == expected


@pytest.mark.real
def test_what_a_transaction_deletes_counts_with_its_key_alone(pair: Pair) -> None:
    """A rewind deletes what is far above 4 MB at once."""
    keys = [{"PK": {"S": "limits"}, "SK": {"S": f"{at:02}"}} for at in range(20)]
    for key in keys:
        pair.put(key["SK"]["S"], 400 * KB)
    writes = [{"Delete": {"TableName": NAME, "Key": key}} for key in keys]
    assert pair.agree("TransactWriteItems", {"TransactItems": writes}) == "answered"


@pytest.mark.real
@pytest.mark.parametrize(("count", "expected"), [(100, "answered"), (101, "refused")])
def test_a_transaction_has_at_most_100_writes(pair: Pair, count: int, expected: str) -> None:
    writes = [{"Put": {"TableName": NAME, "Item": sized(f"{at:03}", 40)}} for at in range(count)]
    assert pair.agree("TransactWriteItems", {"TransactItems": writes}) == expected


@pytest.mark.real
@pytest.mark.parametrize(
    ("attribute", "size"), [("PK", 2048), ("SK", 1024), ("GSI1PK", 2048), ("GSI1SK", 1024)]
)
def test_keys_have_their_limits(pair: Pair, attribute: str, size: int) -> None:
    for over, expected in ((0, "answered"), (1, "refused")):
        item = sized("a", 100, GSI1PK={"S": "g"}, GSI1SK={"S": "g"})
        item[attribute] = {"S": "é" * ((size - 2) // 2) + "xx" + "x" * over}
        assert pair.agree("PutItem", {"TableName": NAME, "Item": item}) == expected


@pytest.mark.real
@pytest.mark.parametrize("size", [256 * KB, 256 * KB - 1, 256 * KB + 1, 300_000, 400 * KB])
def test_a_page_ends_behind_the_item_that_makes_it_1_mb(pair: Pair, size: int) -> None:
    for at in range(6):
        pair.put(str(at), size)
    query = {
        "TableName": NAME,
        "KeyConditionExpression": "PK = :p",
        "ExpressionAttributeValues": {":p": {"S": "limits"}},
    }
    shorter = {
        "KeyConditionExpression": "PK = :p AND SK BETWEEN :a AND :b",
        "ExpressionAttributeValues": {":p": {"S": "limits"}, ":a": {"S": "1"}, ":b": {"S": "4"}},
    }
    for more in (
        {},
        shorter,
        {"Select": "COUNT"},
        {"ProjectionExpression": "SK"},
        {"Limit": 4},
        {"Limit": 5},
    ):
        for forward in (True, False):
            asked = {**query, **more, "ScanIndexForward": forward}
            assert pair.agree("Query", asked) == "answered"


@pytest.mark.real
def test_items_that_tie_in_the_index_are_paged_once_each(pair: Pair) -> None:
    """In which order, nobody says, and the two do differ."""
    for at in range(7):
        pair.put(str(at), 100, GSI1PK={"S": "g"}, GSI1SK={"S": "tie"})
    for table in (pair.ours, pair.theirs):
        seen: list[str] = []
        start: dict[str, Any] = {}
        while True:
            query = {
                "TableName": NAME,
                "IndexName": "GSI1",
                "KeyConditionExpression": "GSI1PK = :g",
                "ExpressionAttributeValues": {":g": {"S": "g"}},
                "Limit": 2,
            }
            page = run(table.request("Query", query | start))
            seen += [item["SK"]["S"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert sorted(seen) == [str(at) for at in range(7)]


def test_a_page_of_an_index_is_measured_by_what_is_projected() -> None:
    """DynamoDB Local measures the whole item; AWS the index's.

    docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html, "Read capacity units": "based on the
    size of the index entries, rather than on the size of the item in the base table".
    """
    table = MemoryTable(table_definition(NAME))
    for at in range(6):
        item = sized(str(at), 400 * KB, GSI1PK={"S": "g"}, GSI1SK={"S": str(at)}, title={"S": "t" * 100 * KB})
        run(table.request("PutItem", {"TableName": NAME, "Item": item}))
    query = {
        "TableName": NAME,
        "IndexName": "GSI1",
        "KeyConditionExpression": "GSI1PK = :g",
        "ExpressionAttributeValues": {":g": {"S": "g"}},
    }
    page = run(table.request("Query", query))
    assert page["Count"] == 6  # 600 KB of 2,400
    assert "LastEvaluatedKey" not in page
