"""Structured logs and metrics (EMF). Never message content, credentials or tokens."""

from __future__ import annotations

import traceback
from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

if TYPE_CHECKING:
    from collections import Counter

    from shared.events import Call

SERVICE = "turnlog"
NAMESPACE = "Turnlog"


@cache
def logger() -> Logger:
    """The process's logger."""
    return Logger(service=SERVICE)


def emit(operation: str, call: Call, status: int, counts: Counter[str]) -> None:
    """Log one line for the request, and send its counts as metrics.

    Args:
        operation: the function's module.
        call: the request, of which the id is logged.
        status: of the answer.
        counts: what happened: appends, replays, conflicts, retries, cache hits, misses and errors, …
    """
    name = operation.removeprefix("functions.")
    happened = {key: value for key, value in counts.items() if value}
    if happened.get("malformed_tool_calls"):
        logger().warning(
            "malformed tool calls skipped",
            extra={"request_id": call.request_id, "skipped": happened["malformed_tool_calls"]},
        )
    logger().info(
        name,
        extra={"request_id": call.request_id, "status": status, "direct": call.direct, "counts": happened},
    )
    count(name, counts)


def failed(operation: str, call: Call, error: Exception) -> None:
    """Log a defect: what was raised and where, but not its message, which may hold anything."""
    where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    logger().error(
        operation, extra={"request_id": call.request_id, "error": type(error).__name__, "where": where}
    )


def count(operation: str, counts: Counter[str], **more: int) -> None:
    """Send what an operation counted as metrics in the embedded metric format."""
    if happened := {key: value for key, value in {**counts, **more}.items() if value}:
        # Not the library's singleton: the local server answers several requests at once.
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        metrics.add_dimension(name="operation", value=operation)
        for key, value in happened.items():
            metrics.add_metric(name=key, unit=MetricUnit.Count, value=value)
        metrics.flush_metrics()
