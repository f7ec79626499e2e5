"""An operation is named in several places; each that was forgotten is told here, with what to add.

The recipe is in shared/README.md, "A new operation".
"""

from __future__ import annotations

import re
from pathlib import Path

from infra import example_events, observability, openapi
from infra import routes as generated
from infra.template import functions, routes, streaming_routes

ENDPOINTS = Path("shared/turnlog/http/endpoints")
METHODS = "shared/turnlog/client/methods.py"
EVENTS = Path("infra/events")
# What an operator asks for, by a direct invoke or a health check, and no program.
FOR_OPERATORS = {"check_health", "drop_cache"}
# It is called with a token that no user has: the simulated clients do so.
FOR_WEBHOOKS = {"report_job"}

_HERE = "tests/unit/test_operations.py"


def test_what_is_generated_is_in_date() -> None:
    # The others import the handlers, which are among the first.
    _check(generated.rendered())
    _check(example_events.rendered())
    _check({openapi.DOCUMENT: openapi.rendered(), observability.DOCUMENT: observability.rendered()})


def _check(files: dict[Path, str]) -> None:
    due = [file for file, text in files.items() if not file.exists() or file.read_text() != text]
    assert not due, f"run `make generate`: {[str(file.relative_to(generated.ROOT)) for file in due]}"


def test_no_endpoint_is_without_a_route() -> None:
    served = {route.function.operation for route in [*routes(), *streaming_routes()]}
    endpoints = {path.stem for path in ENDPOINTS.glob("*.py")} - {"__init__"}
    assert not endpoints - served, (
        f"{sorted(endpoints - served)} of {ENDPOINTS}: add its function and route to template.yaml, then run "
        "`make generate`."
    )


def test_no_handler_is_without_a_function() -> None:
    handlers = {path.stem for path in Path("functions").glob("*.py")} - {"__init__"}
    deployed = {function.operation for function in functions()}
    assert not handlers - deployed, (
        f"{sorted(handlers - deployed)} of functions/ is in no function of template.yaml"
    )


def test_no_place_forgot_an_operation() -> None:
    forgotten = [line for route in routes() for line in _forgotten(route.function.operation)]
    assert not forgotten, "\n".join(["", *forgotten, "The recipe is in shared/README.md, 'A new operation'."])


def _forgotten(operation: str) -> list[str]:
    places = {
        f"write {ENDPOINTS}/{operation}.py with its @endpoint": (ENDPOINTS / f"{operation}.py").exists(),
        f"write {EVENTS}/{operation}.direct.json, an example of its direct invoke": (
            EVENTS / f"{operation}.direct.json"
        ).exists(),
        "name it in STORY in tests/infra/test_events.py": _named(operation, "tests/infra/test_events.py"),
        "name it in FUNCTIONS in tests/simulation/requests.py": _named(
            operation, "tests/simulation/requests.py"
        ),
    }
    places[f"give programs a method for it in {METHODS}"] = _named(operation, METHODS)
    if operation not in FOR_OPERATORS | FOR_WEBHOOKS:
        programs = "tests/simulation/programs/client_programs.py"
        places[
            f"have the simulated programs call it, in {programs}, or name it in FOR_OPERATORS in {_HERE}"
        ] = _named(operation, programs)
    return [f"{operation}: {what}." for what, done in places.items() if not done]


def _named(operation: str, file: str) -> bool:
    return re.search(rf"\b{operation}\b", Path(file).read_text(encoding="utf-8")) is not None
