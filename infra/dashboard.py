"""The dashboard's graphs, see `infra.observability`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.metrics import dead_letters, of_api, of_function, of_table
from infra.template import stream_mapping

if TYPE_CHECKING:
    from infra.metrics import Metric

_WIDTH, _HEIGHT, _COLUMNS = 8, 6, 3


def dashboard() -> dict[str, Any]:
    """The dashboard's body."""
    purge = stream_mapping().function.name.removesuffix("Function")
    graphs = {
        "Requests and refusals": [_line(of_api(name), "Sum") for name in ("Count", "4xx", "5xx")],
        "Latency of the API": [_line(of_api("Latency"), statistic) for statistic in ("p50", "p99")],
        "Duration by function": [_by_function("Duration", "p99")],
        "Invocations by function": [_by_function("Invocations", "Sum")],
        "Errors by function": [_by_function("Errors", "Sum")],
        "Throttles by function": [_by_function("Throttles", "Sum")],
        "The table's units": [
            _line(of_table(f"Consumed{kind}CapacityUnits"), "Sum") for kind in ("Read", "Write")
        ],
        "The table's refusals": [
            _line(of_table(name), "Sum")
            for name in ("ReadThrottleEvents", "WriteThrottleEvents", "TransactionConflict")
        ],
        "The cache": [_counted(name) for name in ("cache_hits", "cache_misses", "cache_errors")],
        "What was done": [_counted(name) for name in ("appends", "replays", "conflicts", "retries")],
        "Behind the stream, milliseconds": [_line(of_function(purge, "IteratorAge"), "Maximum")],
        "Dead letters": [_line(dead_letters(), "Maximum")],
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
    """What the functions count themselves, see `turnlog.http.telemetry`: the sum over all of them."""
    search = f"""SUM(SEARCH('{{Turnlog,operation,service}} MetricName="{name}"', 'Sum'))"""
    return [{"expression": search, "label": name}]
