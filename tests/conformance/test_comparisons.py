"""Every comparison of every two values: the simulation's table, moto and DynamoDB Local find the same."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from infra.template import table_definition
from tests.conformance.calls import Call
from tests.conformance.outcomes import outcome
from tests.conformance.words import ORDERED, VALUES
from tests.simulation.memory_table import MemoryTable
from turnlog.drivers.blocking import BotoTable

if TYPE_CHECKING:
    from tests.conformance.conftest import Report

COMPARATORS = ("x = :a", "x <> :a", "x < :a", "x <= :a", "x BETWEEN :a AND :a")


def test_numbers_with_moto(moto: Any, report: Report) -> None:
    _compare("moto", moto, ("N", "N"), COMPARATORS, report)


@pytest.mark.real
@pytest.mark.parametrize(("kind", "other_kind"), list(product(ORDERED, repeat=2)))
def test_all_with_dynamodb_local(kind: str, other_kind: str, dynamodb_local: Any, report: Report) -> None:
    conditions = (*COMPARATORS, "begins_with(x, :a)")
    _compare("DynamoDB Local", dynamodb_local, (kind, other_kind), conditions, report)


def _compare(
    name: str, client: Any, kinds: tuple[str, str], conditions: tuple[str, ...], report: Report
) -> None:
    kind, other_kind = kinds
    table = f"turnlog-{kind}-{other_kind}"
    definition = table_definition(table)
    client.create_table(**definition)
    ours, theirs = MemoryTable(definition), BotoTable(table, client)
    for value in VALUES[kind]:
        item = {"TableName": table, "Item": {"PK": {"S": "p"}, "SK": {"S": "s"}, "x": {kind: value}}}
        assert outcome(ours, Call("PutItem", item)) == outcome(theirs, Call("PutItem", item))
        for condition, other in product(conditions, VALUES[other_kind]):
            values = {"ExpressionAttributeValues": {":a": {other_kind: other}}}
            call = Call("PutItem", item | values | {"ConditionExpression": condition})
            assert outcome(ours, call) == outcome(theirs, call), call
            report.agreed(name)
    client.delete_table(TableName=table)
