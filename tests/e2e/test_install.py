"""The package in a fresh environment: what a program gets by `pip install`, used from elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# A package index gives what is installed.
pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent.parent

# All modules but those that need an agent SDK, which is another extra.
IMPORTS = """
import importlib, pkgutil, sys
packages = [importlib.import_module(name) for name in ("shared", "functions")]
found = [
    module.name
    for package in packages
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.startswith("turnlog.integrations")
]
for name in found:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(name, "needs", error.name)
assert len(found) > 60, found
"""

PROGRAM = """
import asyncio, sys
from turnlog.drivers.event_loop import AsyncStores
from turnlog.client.http import TurnlogClient
from turnlog.client.table import TurnlogDirect

async def main(url):
    async with AsyncStores() as stores, TurnlogClient(url, "alice") as client:
        direct = TurnlogDirect("alice", stores)
        await direct.create_session(session_id="installed", messages=[{"role": "user", "content": "Hello"}])
        await client.append_messages("installed", [{"role": "assistant", "content": "Hi"}])
        print([message["content"] async for message in direct.messages("installed")])

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Installs the package with extras into one environment, and gives its Python."""
    folder = tmp_path_factory.mktemp("install")
    source, python = folder / "source", folder / "venv" / "bin" / "python"
    # What an earlier build has left beside the sources is none of them.
    for name in ("shared", "functions"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)

    def installed(extras: str) -> Path:
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{source}{extras}"], check=True)
        return python

    return installed


def run(python: Path, program: str, *arguments: str, **variables: str) -> str:
    """What a program prints that runs in a folder of its own."""
    done = subprocess.run(
        [str(python), "-c", program, *arguments],
        cwd=python.parent,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_extras_it_is_the_functions(install: Callable[[str], Path]) -> None:
    python = install("")
    needs = dict(line.split(" needs ") for line in run(python, IMPORTS).splitlines())
    assert needs == {
        "turnlog.drivers.event_loop": "aiobotocore",
        "turnlog.client.http": "httpx",
        "turnlog.client.table": "aiobotocore",
    }


def test_a_program_uses_it(
    install: Callable[[str], Path], api: str, process_environment: dict[str, str]
) -> None:
    python = install("[async,client]")
    assert run(python, IMPORTS) == ""
    marks = "from importlib.resources import files; print(*[(files(p) / 'py.typed').is_file() for p in "
    assert run(python, f"{marks} ('shared', 'functions')])") == "True True\n"
    assert run(python, PROGRAM, api, **process_environment) == "['Hello', 'Hi']\n"
