"""The library has layers: a module imports what lies in its own part or below, and there is no circle.

Imports for types alone count, too: who reads a module has to read what it names.
"""

from __future__ import annotations

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# `import_module` hides an arrow. The root names for types what it loads so; the endpoints load what lies
# beside them; the runtime loop loads the handler that Lambda names.
DYNAMIC = {"turnlog", "turnlog.http.endpoints", "turnlog.http.streaming_runtime"}

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT / "shared"
# What each part may import beside itself; "" is what lies in no folder: errors, limits, settings, wire.
BELOW = {
    "": set(),
    "records": {""},
    "models": {"", "records"},
    "store": {"", "records"},
    "cache": {"", "store"},
    "drivers": {"", "store", "cache"},
    "formats": {"", "records"},
    "streams": {""},
    "operations": {"", "records", "store", "formats", "streams"},
    "http": {"", "records", "models", "store", "operations", "drivers", "streams"},
    "client": {"", "records", "models", "store", "http", "drivers", "streams"},
    "integrations": {"", "records", "models", "client", "formats", "streams"},
    "functions": {"", "http", "operations", "drivers"},
}
# The libraries that only some parts know.
ONLY = {
    "boto3": {"drivers"},
    "botocore": {"drivers"},
    "aiobotocore": {"drivers"},
    "aioboto3": {"drivers"},
    "aiohttp": {"drivers"},
    "hiredis": {"cache"},
    "redis": set(),
    "httpx": {"client"},
    "anyio": {"client", "integrations"},
    "pydantic": {"models", "http"},
    "pydantic_core": {"models", "http"},
    "aws_lambda_powertools": {"http"},
    "agents": {"integrations"},
    "claude_agent_sdk": {"integrations"},
}


def modules() -> dict[str, Path]:
    """All modules of the library and of the functions."""
    places = [(SHARED, SHARED / "turnlog"), (ROOT, ROOT / "functions")]
    return {
        ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__"): path
        for base, folder in places
        for path in folder.rglob("*.py")
    }


MODULES = modules()


def part(module: str) -> str:
    """The part that a module belongs to."""
    first, *rest = module.split(".")
    folder = len(rest) > 1 or MODULES[module].name == "__init__.py"
    return first if first == "functions" else rest[0] if rest and folder else ""


def named(path: Path) -> Iterator[str]:
    """What a module imports, at whatever place in it: modules, or what lies in them."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield from (f"{node.module}.{each.name}" for each in node.names)


def imported(module: str) -> set[str]:
    """The modules of ours that a module imports."""
    names = named(MODULES[module])
    found = {name if name in MODULES else name.rpartition(".")[0] for name in names}
    return found & MODULES.keys() - {module}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_what_lies_below(module: str) -> None:
    own = part(module)
    others = {part(name) for name in imported(module)} - {own}
    if module == "turnlog":
        return  # the names that a program imports come from everywhere, each when it is asked for
    assert others <= BELOW[own]
    assert "turnlog" not in imported(module), "the root is for programs"


@pytest.mark.parametrize("module", MODULES)
def test_a_library_is_known_to_the_part_that_is_for_it(module: str) -> None:
    outside = {name.partition(".")[0] for name in named(MODULES[module])}
    assert {name for name in outside if part(module) not in ONLY.get(name, {part(module)})} == set()


def test_no_import_is_hidden() -> None:
    hiding = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Name | ast.Attribute)
        and (node.id if isinstance(node, ast.Name) else node.attr) in {"__import__", "import_module"}
    }
    assert hiding == DYNAMIC


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Raises CycleError with the circle."""
    TopologicalSorter({module: imported(module) for module in MODULES if module != "turnlog"}).prepare()


def test_there_is_one_copy_of_every_class() -> None:
    """`shared` is a place, no package: `shared.turnlog` would be a second library beside `turnlog`."""
    assert not (SHARED / "__init__.py").exists()
    assert not [name for name in sys.modules if name.startswith("shared.")]
    code = (
        path for folder in ("functions", "infra", "shared", "tests") for path in (ROOT / folder).rglob("*.py")
    )
    assert [path for path in code if any(name.split(".")[0] == "shared" for name in named(path))] == []
