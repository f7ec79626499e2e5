"""Says at the end what the simulation went through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.tally import Tally, report

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_TALLIES = {"random": Tally(), "exhaustive": Tally(), "programs": Tally()}


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Where a test counts its schedules."""
    kind = request.module.__name__.rpartition("test_")[2]
    return _TALLIES.get(kind, _TALLIES["random"])


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print the counts."""
    for kind, counts in _TALLIES.items():
        if counts.schedules:
            terminalreporter.write_line("")
            terminalreporter.write_line(f"simulation, {kind}: {report(counts)}")
