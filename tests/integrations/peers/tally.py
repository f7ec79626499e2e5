"""Which tests had Turnlog in the place of their store, and what became of them: a line of JSON at the end."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _pytest.nodes import Item
    from _pytest.reports import TestReport
    from _pytest.terminal import TerminalReporter

MARK = "TALLY "


class Tally:
    """A pytest plugin."""

    def __init__(self) -> None:
        self._running = ""
        self._with: set[str] = set()
        self._ended: dict[str, str] = {}

    def used(self) -> None:
        """The test that runs has made a store."""
        self._with.add(self._running)

    def pytest_runtest_setup(self, item: Item) -> None:
        self._running = item.nodeid

    def pytest_runtest_logreport(self, report: TestReport) -> None:
        if report.when == "call" or not report.passed:
            self._ended[report.nodeid] = report.outcome

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        of = Counter((test in self._with, outcome) for test, outcome in self._ended.items())
        told: dict[str, Any] = {
            "passed": of[True, "passed"],
            "passed_without": of[False, "passed"],
            "others": sorted(test for test, outcome in self._ended.items() if outcome != "passed"),
        }
        terminalreporter.write_line(MARK + json.dumps(told))
