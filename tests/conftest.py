"""What all levels of tests share."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

RAN = ("passed", "failed", "xfailed", "xpassed")


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say how many tests ran at each level; a level is a folder of tests/."""
    levels = Counter(
        Path(report.nodeid).parts[1] for outcome in RAN for report in terminalreporter.getreports(outcome)
    )
    terminalreporter.write_line("")
    for level, count in sorted(levels.items()):
        terminalreporter.write_line(f"{level:<12} {count:>6} tests")
