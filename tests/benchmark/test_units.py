"""G8: what an operation asks of the table does not grow with the session. Counts, never times."""

from __future__ import annotations

from tests.benchmark.units import LENGTHS, Cost, usual


def test_costs_are_flat_and_within_their_budget() -> None:
    costs = usual()
    for name, by_length in costs.items():
        if set(by_length) == set(LENGTHS) and name not in {"read the newest 50, cold", "rewind by one"}:
            assert len(set(by_length.values())) == 1, (name, by_length)
    first = {name: next(iter(by_length.values())) for name, by_length in costs.items()}
    assert first["append 600 bytes, warm"] == Cost(1, 6, 0)
    assert first["append 600 bytes, cold"] == Cost(2, 6, 1)
    assert first["append 1,500 bytes, warm"] == Cost(1, 8, 0)
    assert first["append 12 of 600 bytes"] == Cost(1, 28, 0)
    assert first["read the newest 50, warm"] == Cost(1, 0, 1)
    assert first["read unchanged (If-None-Match)"] == Cost(1, 0, 1)
    assert first["set the title"] == Cost(1, 3, 0)
    assert first["rewind by one"] == Cost(3, 6, 2)
    # Where the ring does not know all of the ids, one message more is looked at.
    assert costs["rewind by one"][1_000] == costs["rewind by one"][10_000] == Cost(4, 6, 3)
    assert first["append an entry of 600 bytes"] == Cost(2, 12, 1)
    assert first["list 50 sessions"].requests == 2
    assert first["delete"].requests == 1
    assert all(cost.requests <= 3 for cost in costs["read the newest 50, cold"].values())
