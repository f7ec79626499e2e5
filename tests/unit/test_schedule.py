"""The local server calls functions on a schedule, whatever becomes of a call."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

from infra.local.schedule import Clockwork
from infra.template import schedules

if TYPE_CHECKING:
    import pytest


def test_a_function_is_called_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    (schedule,) = schedules()
    assert (schedule.function.operation, schedule.seconds) == ("sweep_jobs", 60.0)
    calls: list[Any] = []
    often = Event()

    def function(event: dict[str, Any], stopping: Event) -> None:
        assert not stopping.is_set()
        calls.append(event)
        if len(calls) > 2:
            often.set()
        raise ValueError("no paper")

    with Clockwork(schedule._replace(seconds=0.001), function):
        assert often.wait(60)
    assert "SweepJobsFunction failed" in caplog.text
