"""The metrics that alarms and the dashboard look at, in terms of the nested stack's parameters."""

from __future__ import annotations

from typing import Any

Metric = tuple[str, str, dict[str, Any]]
"""Namespace, name, dimensions."""


def of_function(name: str, metric: str) -> Metric:
    """Of the function, named as in the template without its `Function`."""
    return "AWS/Lambda", metric, {"FunctionName": {"Fn::Sub": f"${{Prefix}}-{name}"}}


def of_api(metric: str) -> Metric:
    """Of the HTTP API."""
    return "AWS/ApiGateway", metric, {"ApiId": {"Ref": "ApiId"}}


def of_table(metric: str, **more: str) -> Metric:
    """Of the table, or with `more` dimensions of a part of it."""
    return "AWS/DynamoDB", metric, {"TableName": {"Ref": "TableName"}, **more}


def dead_letters() -> Metric:
    """How many batches lie in the dead letter queue."""
    dimensions = {"QueueName": {"Ref": "DeadLetterQueueName"}}
    return "AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions
