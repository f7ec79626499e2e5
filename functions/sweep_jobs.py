"""Each minute: end the jobs that are past their deadline, or were cancelled and go on."""

from __future__ import annotations

from typing import Any

from turnlog.coroutines import run
from turnlog.drivers.blocking import purge_store
from turnlog.operations.sweep_jobs import sweep_jobs


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 (the schedule says nothing)
    """End what is due. What is left over the next call finds again."""
    store = purge_store(lambda: context.get_remaining_time_in_millis() / 1000)
    store.counts["failures"] += run(sweep_jobs(store))
    from turnlog.http import telemetry  # noqa: PLC0415 (once the work is done)

    telemetry.count("sweep_jobs", store.counts)
