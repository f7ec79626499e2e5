"""`make cold-start`: from the start of the process to the first answer, beside two baselines in the same run.

The artifacts that `sam build` ships run under Amazon's Runtime Interface Emulator with the real runtime
client, on DynamoDB Local and a real Valkey. The first baseline is a handler that makes a boto3 client and one
GetItem; the second is what one would write without thinking of it: boto3, pydantic, Powertools' validating
resolver and redis-py. Both have their packages' bytecode, too. What counts is the ratio of runs side by side:
each case runs right after a run of the first baseline, and the median of these ratios is its figure.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import boto3

from infra.build import build_function, build_layer, this_platform
from infra.local.dynamodb_local import dynamodb_local
from infra.local.embedded import valkey
from infra.local.table import ensure_table
from infra.template import environment
from tests.infra.emulator import emulated, fetch

BASELINES = Path(__file__).parent / "baselines"
LOCAL = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}
TARGET = 1.25
Pair = tuple[float, float]
"""Seconds of what is measured, and of the first baseline right before it."""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """Measure, print the table; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    runs: int = parser.parse_args().runs
    fetch()
    with TemporaryDirectory() as folder, dynamodb_local() as dynamodb_url, valkey() as cache_url:
        ours, baselines = _artifacts(Path(folder)), [BASELINES, _site_packages()]
        variables = LOCAL | {
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
            "TURNLOG_TABLE": environment()["TURNLOG_TABLE"],
            "TURNLOG_CACHE_URL": cache_url,
        }
        client = boto3.client("dynamodb", endpoint_url=dynamodb_url, region_name="us-east-1", **_CREDENTIALS)
        ensure_table(client, variables["TURNLOG_TABLE"])
        seconds: dict[str, list[Pair]] = {name: [] for name in _CASES}
        session = f"cold-{uuid4()}"
        _first(ours, "functions.create_session.handler", variables, {"body": {"session_id": session}})
        for _ in range(runs):
            for name, (handler, event) in _CASES.items():
                path = baselines if handler.startswith("baseline") else ours
                # Each beside a baseline of its own: what else the machine does changes from second to second.
                plain = _first(baselines, "baseline_plain.handler", variables, {})
                measured = _first(path, handler, variables, {"session_id": session, **event})
                seconds[name].append((measured, plain))
    return _report(seconds)


_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
_MESSAGE = {"role": "user", "content": "Hello"}
_CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "boto3 and one GetItem": ("baseline_plain.handler", {}),
    "boto3, pydantic, Powertools, redis": ("baseline_usual.handler", {}),
    "get": ("functions.get_session.handler", {}),
    "append": ("functions.append_messages.handler", {"body": {"messages": [_MESSAGE]}}),
    "create": ("functions.create_session.handler", {"session_id": None, "body": {}}),
    "list": ("functions.list_sessions.handler", {}),
    "put": ("functions.put_session.handler", {"body": {"title": "Cold"}}),
    "patch": ("functions.patch_session.handler", {"body": {"metadata": {"cold": True}}}),
    "title": ("functions.set_title.handler", {"body": {"title": "Cold"}}),
    "messages": ("functions.list_messages.handler", {}),
    "tool call": ("functions.add_tool_call.handler", {"body": {"tool_call": {"id": "c"}}}),
    "export": ("functions.export_openai_messages.handler", {}),
    "health": ("functions.check_health.handler", {}),
}
_TARGETED = {"get", "append", "create", "list"}


def _artifacts(folder: Path) -> list[Path]:
    build_function(folder / "function", PYTHON)
    build_layer(folder / "layer", PYTHON, this_platform())
    return [folder / "function", folder / "layer" / "python"]


def _site_packages() -> Path:
    """The tests' own packages, with their bytecode."""
    folder = Path(boto3.__file__).parent.parent
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=False)
    return folder


def _first(path: list[Path], handler: str, variables: dict[str, str], event: dict[str, Any]) -> float:
    with emulated(handler, path, variables) as function:
        answer, seconds = function.invoke({"user_id": "alice", **event})
    assert answer.get("status", answer.get("statusCode")) in {200, 201}, answer
    return seconds


def _report(seconds: dict[str, list[Pair]]) -> int:
    missed = 0
    title = f"process start to first answer, {PYTHON}"
    sys.stdout.write(f"{title:36} {'median':>8}  beside the first\n")
    for name, pairs in seconds.items():
        ratio = statistics.median(measured / plain for measured, plain in pairs)
        median = statistics.median(measured for measured, _ in pairs)
        mark = ""
        if name in _TARGETED:
            missed += ratio > TARGET
            mark = f"  (target {TARGET}{', missed' if ratio > TARGET else ''})"
        sys.stdout.write(f"{name:36} {median * 1000:5.0f} ms  {ratio:5.2f}{mark}\n")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
