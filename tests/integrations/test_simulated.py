"""Random schedules of agents on the stores: G1, G2, G7 of whole calls, by the rules of `simulated`.

`TURNLOG_SIM_SCHEDULES=n` runs another number, `TURNLOG_SIM_SEED=s` that one alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integrations.simulated.schedules import simulate_entries, simulate_items
from tests.simulation.tally import Tally, report

if TYPE_CHECKING:
    from collections.abc import Callable

_SCHEDULES = 150


@pytest.mark.parametrize("simulate", [simulate_items, simulate_entries])
def test_every_schedule(
    simulate: Callable[[int, Tally], None], record_property: Callable[[str, object], None]
) -> None:
    seed, tally = os.environ.get("TURNLOG_SIM_SEED"), Tally()
    count = int(os.environ.get("TURNLOG_SIM_SCHEDULES", _SCHEDULES))
    for number in [int(seed)] if seed else range(count):
        simulate(number, tally)
    record_property("said", f"{simulate.__name__}: {report(tally)}")
