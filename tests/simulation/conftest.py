"""Says at the end what the simulation went through, in however many processes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from tests.simulation.tally import Tally, report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.terminal import TerminalReporter

_PROPERTY = "simulation"


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Where a test counts its schedules."""
    counts = Tally()
    yield counts
    # With the report of the test it comes to the process that prints.
    plain = asdict(counts) | {"faults": dict(counts.faults), "shapes": sorted(counts.shapes)}
    request.node.user_properties.append((_PROPERTY, plain))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print the counts, of random and of exhaustive schedules."""
    kinds = {"random": Tally(), "exhaustive": Tally()}
    for reports in terminalreporter.stats.values():
        for one in reports:
            properties = dict(getattr(one, "user_properties", ()))
            if getattr(one, "when", "") == "teardown" and _PROPERTY in properties:
                kinds["exhaustive" if "exhaustive" in one.nodeid else "random"].sum(properties[_PROPERTY])
    for kind, counts in kinds.items():
        if counts.schedules:
            terminalreporter.write_line("")
            terminalreporter.write_line(f"simulation, {kind}: {report(counts)}")
