"""The simulation's table, moto and Amazon's DynamoDB Local are asked the same and answer the same.

Where another answers otherwise, `deviations` says so by name; nothing else is let pass. After a write that is
refused, or odd, all that is stored is compared too.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from infra.template import table_definition
from tests.conformance.calls import Calls
from tests.conformance.deviations import LOCAL, MOTO, MOTO_UNASKED, trimmed
from tests.conformance.outcomes import outcome, repr_of
from tests.simulation.memory_table import MemoryTable
from turnlog.coroutines import run
from turnlog.drivers.blocking import BotoTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.conftest import Report
    from tests.conformance.deviations import Deviation

CALLS = 120
READS = {"GetItem", "Query", "BatchGetItem"}


SEEDS = range(24)
QUICK = 5  # moto needs 10 ms for a call; the others are asked in the full run
MOTO_SEEDS = [pytest.param(seed, marks=[pytest.mark.real] if seed >= QUICK else []) for seed in SEEDS]


@pytest.mark.parametrize("seed", MOTO_SEEDS)
def test_memory_table_and_moto(seed: int, moto: Any, report: Report) -> None:
    _compare("moto", seed, moto, MOTO, report)


@pytest.mark.real
@pytest.mark.parametrize("seed", SEEDS)
def test_memory_table_and_dynamodb_local(seed: int, dynamodb_local: Any, report: Report) -> None:
    _compare("DynamoDB Local", seed, dynamodb_local, LOCAL, report)


def _compare(name: str, seed: int, client: Any, deviations: tuple[Deviation, ...], report: Report) -> None:
    definition = table_definition(f"turnlog-conformance-{seed}")
    client.create_table(**definition)
    ours, theirs = MemoryTable(definition), BotoTable(definition["TableName"], client)
    calls = Calls(Random(seed), ours.name)
    for at in range(CALLS):
        call = calls.call()
        if deviations is MOTO and call.flaw in MOTO_UNASKED:
            continue
        expected, got = outcome(ours, call), outcome(theirs, call)
        # What a plain write has stored, the reads that follow show.
        plain = call.operation in READS or (expected.kind == "answered" and not call.flaw)
        if expected == got and (plain or trimmed(_contents(theirs)) == trimmed(_contents(ours))):
            report.agreed(name)
            if expected.kind == "answered":
                calls.heed(call, expected.what)
            continue
        deviation = next((each for each in deviations if each.fits(call, expected, got)), None)
        assert deviation is not None, f"seed {seed}, call {at}: {call}\nours:   {expected}\ntheirs: {got}"
        report.deviated(name, deviation.name)
        _carry_over(ours, theirs)
    client.delete_table(TableName=ours.name)


def _contents(table: MemoryTable | BotoTable) -> dict[str, Any]:
    """All items, by their keys."""
    if isinstance(table, MemoryTable):
        items = table.items()
    else:
        items = run(table.request("Scan", {"TableName": table.name, "ConsistentRead": True}))["Items"]
    return {repr_of({name: item[name] for name in ("PK", "SK")}): item for item in items}


def _carry_over(ours: MemoryTable, theirs: BotoTable) -> None:
    """Make the contents the same again."""
    wanted, there = _contents(ours), _contents(theirs)
    for place, item in there.items():
        if place not in wanted:
            _request(theirs, "DeleteItem", Key={name: item[name] for name in ("PK", "SK")})
    for place, item in wanted.items():
        if there.get(place) != item:
            _request(theirs, "PutItem", Item=item)


def _request(table: BotoTable, operation: str, **parameters: Any) -> Mapping[str, Any]:
    return run(table.request(operation, {"TableName": table.name, **parameters}))
