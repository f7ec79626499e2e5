"""The alarms and the dashboard, for every function of `template.yaml`: a nested stack of it.

CloudFormation has a loop (`Fn::ForEach`), but not every tool around it does. So the loop is here:
`python -m infra.observability` writes `infra/observability.json`; `--check` fails if it is out of date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.dashboard import dashboard
from infra.generated import write_or_check
from infra.metrics import dead_letters, of_api, of_function, of_table
from infra.template import functions, index_names, stream_mapping, streaming_routes

if TYPE_CHECKING:
    from infra.metrics import Metric
    from infra.template import Function

DOCUMENT = Path(__file__).parent / "observability.json"

_PARAMETERS = {
    "Prefix": ("String", "What the functions' names begin with."),
    "ApiId": ("String", "The HTTP API."),
    "TableName": ("String", "The table."),
    "DeadLetterQueueName": ("String", "Where the stream's batches go that the purge could not work off."),
    "TopicArn": ("String", "Who hears of alarms. Empty - they are shown, and nobody is told."),
    "StreamServing": ("String", "Whether there is FollowStream: on or off."),
    "SlowMilliseconds": ("Number", "A function is slow when one in a hundred of its calls takes longer."),
}
_HOUR = 3_600_000  # milliseconds
# These wait for what they answer, or for all that is due.
_WAITING = {"read_events", "follow_stream", "get_job", "sweep_jobs"}


def document() -> dict[str, Any]:
    """The nested stack's template."""
    resources: dict[str, Any] = {}
    for function in functions():
        resources |= _function_alarms(function)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Turnlog's alarms and dashboard, made by infra/observability.py",
        "Parameters": {
            name: {"Type": kind, "Description": description}
            for name, (kind, description) in _PARAMETERS.items()
        },
        "Conditions": {
            "HasTopic": {"Fn::Not": [{"Fn::Equals": [{"Ref": "TopicArn"}, ""]}]},
            "ServesStreams": {"Fn::Equals": [{"Ref": "StreamServing"}, "on"]},
        },
        "Resources": {
            **resources,
            **_api_alarms(),
            **_table_alarms(),
            **_purge_alarms(),
            "Dashboard": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {
                    "DashboardName": {"Fn::Sub": "${Prefix}-${AWS::Region}"},
                    "DashboardBody": {"Fn::Sub": json.dumps(dashboard())},
                },
            },
        },
        "Outputs": {"DashboardName": {"Description": "In CloudWatch.", "Value": {"Ref": "Dashboard"}}},
    }


def rendered() -> str:
    """The template as it is committed."""
    return json.dumps(document(), indent=2) + "\n"


def _function_alarms(function: Function) -> dict[str, Any]:
    name = function.name.removesuffix("Function")
    # What a stream calls takes as long as its records ask for, and what waits as long as it is told to. These
    # are slow when they may run out of time.
    slow: Any = {"Ref": "SlowMilliseconds"}
    if function == stream_mapping().function or function.operation in _WAITING:
        slow = function.timeout * 800
    alarms = {
        f"{name}Errors": _alarm(f"{name} failed; its log says how.", of_function(name, "Errors")),
        f"{name}Throttles": _alarm(
            f"{name} was refused: the account's concurrency is used up.", of_function(name, "Throttles")
        ),
        f"{name}Slow": _alarm(
            f"One in a hundred calls of {name} is slow.",
            of_function(name, "Duration"),
            "p99",
            slow,
            periods=3,
        ),
    }
    if function in {route.function for route in streaming_routes()}:
        alarms = {name: {"Condition": "ServesStreams", **alarm} for name, alarm in alarms.items()}
    return alarms


def _api_alarms() -> dict[str, Any]:
    return {"ApiErrors": _alarm("The API answered 5xx, again and again.", of_api("5xx"), periods=2)}


def _table_alarms() -> dict[str, Any]:
    alarms = {
        "TableReadThrottles": _alarm(
            "The table refused reads: one session, or the account, reads more than it may.",
            of_table("ReadThrottleEvents"),
        ),
        "TableWriteThrottles": _alarm(
            "The table refused writes: one session, or the account, writes more than it may.",
            of_table("WriteThrottleEvents"),
        ),
        # A few are the normal case of agents that work in parallel.
        "TransactionConflicts": _alarm(
            "More than a hundred conflicts a minute: many writers on one session. They are tried again.",
            of_table("TransactionConflict"),
            above=100,
            period=60,
            periods=5,
        ),
    }
    for index in index_names():
        alarms[f"{index}WriteThrottles"] = _alarm(
            f"Index {index} is behind and holds the table back: one user changes too many sessions.",
            of_table("WriteThrottleEvents", GlobalSecondaryIndexName=index),
        )
    return alarms


def _purge_alarms() -> dict[str, Any]:
    name = stream_mapping().function.name.removesuffix("Function")
    return {
        "StreamBehind": _alarm(
            f"{name} is an hour behind the table's stream, which remembers a day.",
            of_function(name, "IteratorAge"),
            "Maximum",
            _HOUR,
        ),
        "DeadLetters": _alarm(
            f"{name} gave up on records of the stream, which are in the dead letter queue.",
            dead_letters(),
            "Maximum",
        ),
    }


def _alarm(
    description: str,
    metric: Metric,
    statistic: str = "Sum",
    above: Any = 0,
    *,
    period: int = 300,
    periods: int = 1,
) -> dict[str, Any]:
    namespace, name, dimensions = metric
    tell = {"Fn::If": ["HasTopic", [{"Ref": "TopicArn"}], []]}
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": description,
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            ("ExtendedStatistic" if statistic.startswith("p") else "Statistic"): statistic,
            "Period": period,
            "EvaluationPeriods": periods,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": above,
            "TreatMissingData": "notBreaching",
            "AlarmActions": tell,
            "OKActions": tell,
        },
    }


if __name__ == "__main__":
    sys.exit(write_or_check({DOCUMENT: rendered()}))
