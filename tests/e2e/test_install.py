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

# Which modules of the library cannot be imported, and for want of what.
IMPORTS = """
import importlib, pkgutil, turnlog
for module in pkgutil.walk_packages(turnlog.__path__, "turnlog."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        print(module.name, "needs", error.name)
"""

# The program's own folder, as Turnlog's repository has one.
SHARED = "import shared; print(shared.__file__)"

PROGRAM = """
import asyncio, sys
from turnlog import AsyncTurnlog

async def main(url):
    async with AsyncTurnlog(user_id="alice") as direct, AsyncTurnlog(url=url, token="alice") as client:
        await direct.create_session(session_id="installed", messages=[{"role": "user", "content": "Hello"}])
        await client.append_messages("installed", [{"role": "assistant", "content": "Hi"}])
        print([message.content async for message in direct.messages("installed")])

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Installs the package with extras into one environment, and gives its Python."""
    folder = tmp_path_factory.mktemp("install")
    source, python = folder / "source", folder / "venv" / "bin" / "python"
    # What an earlier build has left beside the sources is none of them.
    shutil.copytree(
        ROOT / "shared", source / "shared", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
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


def needs(python: Path) -> dict[str, str]:
    """By the module that cannot be imported, the package that is missing."""
    return dict(line.split(" needs ") for line in run(python, IMPORTS).splitlines())


def test_the_base_is_the_http_client(install: Callable[[str], Path]) -> None:
    python = install("")
    missing = needs(python)
    assert not [module for module in missing if module.startswith(("turnlog.client.http", "turnlog.errors"))]
    assert set(missing.values()) == {
        "agents",
        "aiobotocore",
        "aws_lambda_powertools",
        "botocore",
        "claude_agent_sdk",
        "hiredis",
        "pydantic",
    }


def test_it_installs_turnlog_and_nothing_else(install: Callable[[str], Path], tmp_path: Path) -> None:
    python = install("")
    pip = [str(python), "-m", "pip", "show", "--files", "turnlog"]
    shown = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    files = shown.partition("Files:\n")[2].split()
    assert {file.partition("/")[0] for file in files if ".dist-info/" not in file} == {"turnlog"}
    assert "turnlog/py.typed" in files
    own = tmp_path / "shared" / "__init__.py"
    own.parent.mkdir()
    own.touch()
    (tmp_path / "program.py").write_text(f"import turnlog.client.http; {SHARED}")
    done = subprocess.run(
        [str(python), "program.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{own}\n"


def test_a_program_uses_it(
    install: Callable[[str], Path], api: str, process_environment: dict[str, str]
) -> None:
    python = install("[aws-async]")
    assert set(needs(python).values()) == {"agents", "aws_lambda_powertools", "claude_agent_sdk"}
    assert run(python, PROGRAM, api, **process_environment) == "['Hello', 'Hi']\n"


def test_a_lambda_of_ones_own_uses_it(install: Callable[[str], Path]) -> None:
    python = install("[aws-async,lambda]")
    assert set(needs(python).values()) == {"agents", "claude_agent_sdk"}
