"""What all levels of tests share."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.share import turn

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

RAN = ("passed", "failed", "xfailed", "xpassed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--share",
        type=int,
        default=1,
        help="of the tests that are chosen, one in so many; which, the commit decides",
    )


# When what -m and -k leave out has gone.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave those whose turn it is, and those that cost next to nothing once their fixture is there."""
    share = config.getoption("--share")
    if share > 1:
        costly = [item for item in items if not item.get_closest_marker("whole")]
        left_out = set(costly) - set(turn(costly, share))
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say how many tests ran at each level; a level is a folder of tests/."""
    levels = Counter(
        Path(report.nodeid).parts[1] for outcome in RAN for report in terminalreporter.getreports(outcome)
    )
    terminalreporter.write_line("")
    for level, count in sorted(levels.items()):
        terminalreporter.write_line(f"{level:<12} {count:>6} tests")
