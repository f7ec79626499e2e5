"""Small cases in every order that there is: without a fault, and with one fault at every step, or several.

The faults: the process crashes, the request is lost, the reply is lost, the client library sends it again
with and without the transaction's token. Counted at the end of the run.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.simulation.every_case import EVERY_CASE
from tests.simulation.exhaustive import exhaust

if TYPE_CHECKING:
    from tests.simulation.cases import Case
    from tests.simulation.tally import Tally

# A case that has more schedules than this is run to its end only where there is time; the report names it.
# What it lacks are other orders, and faults, at its first steps: the last decision is made anew first.
_MOST = int(os.environ.get("TURNLOG_SIM_EXHAUST", "2"))
_MOST_WITHOUT_A_FAULT = 4 * _MOST


@pytest.mark.parametrize("case", EVERY_CASE, ids=lambda case: case.name)
def test_in_every_order(case: Case, tally: Tally) -> None:
    """Every interleaving of the case."""
    assert exhaust(case, tally, faults=0, most=_MOST_WITHOUT_A_FAULT)


@pytest.mark.parametrize("case", EVERY_CASE, ids=lambda case: case.name)
def test_in_every_order_with_a_fault_at_every_step(case: Case, tally: Tally) -> None:
    """Every interleaving, with every fault at every step."""
    assert exhaust(case, tally, faults=case.faults, most=_MOST) > 1
