"""What a get holds at its peak, beside its answer: of a fresh process, as the bench weighs it."""

from __future__ import annotations

import pytest

from tests.benchmark.bench import bench
from tests.benchmark.targets import targets
from tests.benchmark.workloads import weighing


@pytest.mark.real
def test_a_get_takes_less_than_three_times_its_answer() -> None:
    """Warm and cold; mostly a matter of what is let go before the next large block is made."""
    with bench(["turnlog", "handlers"]) as run_of:
        weighing(run_of)
    weighed = targets(run_of.cells)
    assert len(weighed) == 2
    assert all(one.reached for one in weighed), weighed
