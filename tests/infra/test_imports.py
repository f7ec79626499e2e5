"""What a cold start pays for is what is imported: a budget in modules, which do not depend on the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from infra.build import imported
from infra.local.lambdas import load_handler
from infra.template import functions, routes

HANDLERS = sorted(function.handler.rpartition(".")[0] for function in functions())
# Those that take a body need pydantic for it.
BODIES = {
    f"functions.{operation}"
    for operation, handler in (
        (route.function.operation, load_handler(route.function.handler)) for route in routes()
    )
    if getattr(handler, "body", None)
}

# What ends work puts its messages into the log: beside its own modules it has those of an append.
ENDS = {"cancel_job", "complete_job", "fail_job", "finish_stream", "report_job"}

# Not one of these is needed by any function: not at import, and not by its first request.
NEVER = {"aiobotocore", "asyncio", "boto3", "httpx", "infra", "moto", "redis", "requests", "tests", "yaml"}

# Prints the modules that there are after the client is made, without those that Python itself starts with,
# and how often garbage was looked for until a first answer could be given.
PROGRAM = """
import gc, json, sys
before = set(sys.modules)
collected = lambda: sum(generation["collections"] for generation in gc.get_stats())
import functions
already = collected()
function = __import__(sys.argv[1], fromlist=["handler"]).handler
from turnlog.drivers.blocking import clients
clients()
modules = sorted(set(sys.modules) - before)
from turnlog.http import telemetry
telemetry.logger()
if body := getattr(function, "body", None):
    body.model_rebuild()
print(json.dumps({"modules": modules, "collections": collected() - already}))
"""


@cache
def started(handler: str) -> dict[str, Any]:
    variables = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}},
        "TURNLOG_TABLE": "t",
        "TURNLOG_CACHE_URL": "redis://127.0.0.1:6379",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",  # by which a function knows that it is one
    }
    command = [sys.executable, "-c", PROGRAM, handler]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_imports_what_it_needs_and_no_more(handler: str) -> None:
    loaded = set(started(handler)["modules"])
    packages = {name.partition(".")[0] for name in loaded}
    assert not packages & NEVER
    assert ("pydantic" in packages) == (handler in BODIES)
    ours = {name for name in loaded if name.startswith(("turnlog.", "functions."))}
    # Nine are the folders themselves, which hold a docstring.
    more = 4 if handler.removeprefix("functions.") in ENDS else 0
    assert len(ours) <= 49 + more, sorted(ours)
    # botocore alone is 280 of them, pydantic and a body's models 60.
    assert len(loaded) - len(ours) <= (335 if handler in BODIES else 281), len(loaded)


@pytest.mark.thorough
@pytest.mark.parametrize("handler", HANDLERS)
def test_a_cold_start_does_not_look_for_garbage(handler: str) -> None:
    """One look at all that imports have made takes as long as many of them."""
    assert started(handler)["collections"] == 0


def test_what_is_there_for_programs_is_not_shipped() -> None:
    shipped = imported()
    assert {"protocols.py", "append_messages.py", "blocking.py"} <= {path.name for path in shipped}
    assert not {"event_loop.py", "methods.py", "table.py"} & {path.name for path in shipped}
    named = {
        line.split()[1].partition(".")[0]
        for path in shipped
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith(("import ", "from "))
    }
    assert "botocore" in named
    assert not named & NEVER


def test_a_program_looks_for_garbage_as_it_likes() -> None:
    code = "import gc; before = gc.get_threshold(); import functions; assert gc.get_threshold() == before"
    variables = {name: value for name, value in os.environ.items() if name != "AWS_LAMBDA_RUNTIME_API"}
    subprocess.run([sys.executable, "-c", code], env=variables, check=True)
