"""Structured logs with metrics in them. Never message content, credentials or tokens."""

from __future__ import annotations

import traceback
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

if TYPE_CHECKING:
    from collections import Counter

    from turnlog.http.events import Call

SERVICE = "turnlog"
NAMESPACE = "Turnlog"


@cache
def logger() -> Logger:
    """The process's logger."""
    return Logger(service=SERVICE)


def emit(operation: str, call: Call, status: int, counts: Counter[str]) -> None:
    """Log one line for the request, see `count`.

    Args:
        operation: the function's module.
        call: the request, of which the id is logged.
        counts: what happened: appends, replays, conflicts, retries, cache hits, misses and errors, …
    """
    if skipped := counts["malformed_tool_calls"]:
        logger().warning(
            "malformed tool calls skipped", extra={"request_id": call.request_id, "skipped": skipped}
        )
    name = operation.removeprefix("functions.")
    count(name, counts, request_id=call.request_id, status=status, direct=call.direct)


def failed(operation: str, call: Call, error: Exception) -> None:
    """Log a defect: what was raised and where, but not its message, which may hold anything."""
    where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    logger().error(
        operation, extra={"request_id": call.request_id, "error": type(error).__name__, "where": where}
    )


def count(operation: str, counts: Counter[str], **told: Any) -> None:
    """Log a line of what an operation did.

    What it counted is in the same line, in the embedded metric format: CloudWatch takes metrics from any line
    of JSON that bears `_aws` (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    CloudWatch_Embedded_Metric_Format_Specification.html).
    """
    counted = {
        name: {"Unit": MetricUnit.Count.value, "Value": [value]} for name, value in counts.items() if value
    }
    if counted:
        told |= _metrics().serialize_metric_set(counted, {"operation": operation, "service": SERVICE})
    logger().info(operation, extra=told)


@cache
def _metrics() -> EphemeralMetrics:
    """Puts metrics into their format. It gets all at once and keeps none, so threads may share it."""
    return EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
