"""The README's agents do what it says, on the package as it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integrations import models
from tests.integrations.conftest import ROOT
from turnlog import AsyncTurnlog
from turnlog.integrations.claude import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integrations.conftest import Server
    from tests.integrations.models import Models

PROMPT = "What did I ask you before?"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and nothing else of this repository."""
    # From a copy: what setuptools builds in a folder stays there.
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "shared", source / "shared", ignore=ignored)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--no-build-isolation", "--no-index", "--target", str(target), str(source)),
        ],
        check=True,
    )
    assert (target / "turnlog/integrations/claude.py").exists()
    assert not (target / "tests").exists()
    return target


@pytest.fixture
def vendors() -> Iterator[Models]:
    with models.serving() as vendors:
        yield vendors


class Example:
    """A program of the README, as a user runs it: twice, from a folder of theirs."""

    def __init__(self, installed: Path, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment | {"PYTHONPATH": str(installed), "HOME": str(folder)}

    def run(self, heading: str) -> str:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        section = readme.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        (program,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
        (self._folder / "program.py").write_text(program, encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, "program.py"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture
def example(installed: Path, tmp_path: Path, server: Server, user: str, vendors: Models) -> Example:
    given = {name: value for name, value in os.environ.items() if not name.startswith("TURNLOG_")}
    given |= {"TURNLOG_URL": server.url, "TURNLOG_TOKEN": user}
    return Example(installed, tmp_path, given | vendors.environment)


@pytest.mark.anyio
async def test_claude(example: Example, vendors: Models, server: Server, user: str) -> None:
    for _ in range(2):
        assert f"You said: {PROMPT}" in example.run("In an agent of the Claude Agent SDK")
    assert vendors.asked[-1] == [PROMPT] * 2
    async with AsyncTurnlog(url=server.url, token=user) as turnlog:
        (session,) = [one async for one in turnlog.sessions()]
        entries = [one async for one in turnlog.entries(session["session_id"], MAIN)]
    assert [one["type"] for one in entries if one["type"] in {"user", "assistant"}] == [
        "user",
        "assistant",
    ] * 2


@pytest.mark.anyio
async def test_openai(example: Example, vendors: Models, server: Server, user: str) -> None:
    for _ in range(2):
        assert example.run("In an agent of the OpenAI Agents SDK") == f"You said: {PROMPT}\n"
    assert vendors.asked[-1] == [PROMPT] * 2
    async with AsyncTurnlog(url=server.url, token=user) as turnlog:
        messages = [one["content"] async for one in turnlog.messages("conversation-1")]
    assert messages == [PROMPT, f"You said: {PROMPT}"] * 2
