"""The alarms and the dashboard, for every function of `template.yaml`: a nested stack of it.

CloudFormation has a loop (`Fn::ForEach`), but not every tool around it does. So the loop is here:
`python -m infra.observability` writes `infra/observability.json`; `--check` fails if it is out of date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.template import functions, index_names, stream_mapping

if TYPE_CHECKING:
    from infra.template import Function

DOCUMENT = Path(__file__).parent / "observability.json"

_PARAMETERS = {
    "Prefix": ("String", "What the functions' names begin with."),
    "ApiId": ("String", "The HTTP API."),
    "TableName": ("String", "The table."),
    "DeadLetterQueueName": ("String", "Where the stream's batches go that the purge could not work off."),
    "TopicArn": ("String", "Who hears of alarms. Empty - they are shown, and nobody is told."),
    "SlowMilliseconds": ("Number", "A function is slow when one in a hundred of its calls takes longer."),
}
_HOUR = 3_600_000  # milliseconds
_WIDTH, _HEIGHT, _COLUMNS = 8, 6, 3

Metric = tuple[str, str, dict[str, Any]]
"""Namespace, name, dimensions."""


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
        "Conditions": {"HasTopic": {"Fn::Not": [{"Fn::Equals": [{"Ref": "TopicArn"}, ""]}]}},
        "Resources": {
            **resources,
            **_api_alarms(),
            **_table_alarms(),
            **_purge_alarms(),
            "Dashboard": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {
                    "DashboardName": {"Fn::Sub": "${Prefix}-${AWS::Region}"},
                    "DashboardBody": {"Fn::Sub": json.dumps(_dashboard())},
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
    # What a stream calls takes as long as its records ask for: it is slow when it may run out of time.
    slow: Any = {"Ref": "SlowMilliseconds"}
    if function == stream_mapping().function:
        slow = function.timeout * 800
    return {
        f"{name}Errors": _alarm(f"{name} failed; its log says how.", _lambda(name, "Errors")),
        f"{name}Throttles": _alarm(
            f"{name} was refused: the account's concurrency is used up.", _lambda(name, "Throttles")
        ),
        f"{name}Slow": _alarm(
            f"One in a hundred calls of {name} is slow.", _lambda(name, "Duration"), "p99", slow, periods=3
        ),
    }


def _api_alarms() -> dict[str, Any]:
    return {"ApiErrors": _alarm("The API answered 5xx, again and again.", _api("5xx"), periods=2)}


def _table_alarms() -> dict[str, Any]:
    alarms = {
        "TableReadThrottles": _alarm(
            "The table refused reads: one session, or the account, reads more than it may.",
            _table("ReadThrottleEvents"),
        ),
        "TableWriteThrottles": _alarm(
            "The table refused writes: one session, or the account, writes more than it may.",
            _table("WriteThrottleEvents"),
        ),
        # A few are the normal case of agents that work in parallel.
        "TransactionConflicts": _alarm(
            "More than a hundred conflicts a minute: many writers on one session. They are tried again.",
            _table("TransactionConflict"),
            above=100,
            period=60,
            periods=5,
        ),
    }
    for index in index_names():
        alarms[f"{index}WriteThrottles"] = _alarm(
            f"Index {index} is behind and holds the table back: one user changes too many sessions.",
            _table("WriteThrottleEvents", GlobalSecondaryIndexName=index),
        )
    return alarms


def _purge_alarms() -> dict[str, Any]:
    name = stream_mapping().function.name.removesuffix("Function")
    return {
        "StreamBehind": _alarm(
            f"{name} is an hour behind the table's stream, which remembers a day.",
            _lambda(name, "IteratorAge"),
            "Maximum",
            _HOUR,
        ),
        "DeadLetters": _alarm(
            f"{name} gave up on records of the stream, which are in the dead letter queue.",
            _dead_letters(),
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


def _lambda(name: str, metric: str) -> Metric:
    return "AWS/Lambda", metric, {"FunctionName": {"Fn::Sub": f"${{Prefix}}-{name}"}}


def _api(metric: str) -> Metric:
    return "AWS/ApiGateway", metric, {"ApiId": {"Ref": "ApiId"}}


def _table(metric: str, **more: str) -> Metric:
    return "AWS/DynamoDB", metric, {"TableName": {"Ref": "TableName"}, **more}


def _dead_letters() -> Metric:
    dimensions = {"QueueName": {"Ref": "DeadLetterQueueName"}}
    return "AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions


def _dashboard() -> dict[str, Any]:
    purge = stream_mapping().function.name.removesuffix("Function")
    graphs = {
        "Requests and refusals": [_line(_api(name), "Sum") for name in ("Count", "4xx", "5xx")],
        "Latency of the API": [_line(_api("Latency"), statistic) for statistic in ("p50", "p99")],
        "Duration by function": [_by_function("Duration", "p99")],
        "Invocations by function": [_by_function("Invocations", "Sum")],
        "Errors by function": [_by_function("Errors", "Sum")],
        "Throttles by function": [_by_function("Throttles", "Sum")],
        "The table's units": [
            _line(_table(f"Consumed{kind}CapacityUnits"), "Sum") for kind in ("Read", "Write")
        ],
        "The table's refusals": [
            _line(_table(name), "Sum")
            for name in ("ReadThrottleEvents", "WriteThrottleEvents", "TransactionConflict")
        ],
        "The cache": [_counted(name) for name in ("cache_hits", "cache_misses", "cache_errors")],
        "What was done": [_counted(name) for name in ("appends", "replays", "conflicts", "retries")],
        "Behind the stream, milliseconds": [_line(_lambda(purge, "IteratorAge"), "Maximum")],
        "Dead letters": [_line(_dead_letters(), "Maximum")],
    }
    return {
        "widgets": [
            {
                "type": "metric",
                "x": at % _COLUMNS * _WIDTH,
                "y": at // _COLUMNS * _HEIGHT,
                "width": _WIDTH,
                "height": _HEIGHT,
                "properties": {"title": title, "region": "${AWS::Region}", "period": 300, "metrics": lines},
            }
            for at, (title, lines) in enumerate(graphs.items())
        ]
    }


def _line(metric: Metric, statistic: str) -> list[Any]:
    """A metric as a dashboard has it, whose text is given to Fn::Sub as a whole."""
    namespace, name, dimensions = metric
    flat = [
        part
        for key, value in dimensions.items()
        for part in (key, value.get("Fn::Sub") or f"${{{value['Ref']}}}")
    ]
    return [namespace, name, *flat, {"stat": statistic}]


def _by_function(metric: str, statistic: str) -> list[Any]:
    search = f"""SEARCH('{{AWS/Lambda,FunctionName}} "${{Prefix}}-" MetricName="{metric}"', '{statistic}')"""
    return [{"expression": search, "label": ""}]


def _counted(name: str) -> list[Any]:
    """What the functions count themselves, see `shared.telemetry`: the sum over all of them."""
    search = f"""SUM(SEARCH('{{Turnlog,operation,service}} MetricName="{name}"', 'Sum'))"""
    return [{"expression": search, "label": name}]


def main() -> int:
    """Write the template, or check that it is what would be written."""
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(rendered(), encoding="utf-8")
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == rendered():
        return 0
    sys.stderr.write(f"{DOCUMENT.name} is out of date: python -m infra.observability\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
