"""The agents in the pages do what these say, on the package as it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integrations import models
from tests.integrations.conftest import ROOT
from tests.pages import Block, pages
from turnlog import AsyncTurnlog
from turnlog.integrations.claude import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integrations.conftest import Server
    from tests.integrations.models import Models

PROMPT = "What did I ask you before?"
PROGRAMS = [block for page in pages() for block in page.blocks() if block.needs_sdk]


def first(page: str) -> Block:
    return next(block for block in PROGRAMS if block.page.name == page)


CLAUDE, OPENAI = first("shared/docs/claude-agent.md"), first("shared/docs/openai-agents.md")
OTHERS = [block for block in PROGRAMS if block not in {CLAUDE, OPENAI}]


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
    (names,) = target.glob("turnlog-*.dist-info/top_level.txt")
    assert names.read_text(encoding="utf-8") == "turnlog\n"  # not docs/, which lies beside it
    return target


@pytest.fixture
def vendors() -> Iterator[Models]:
    with models.serving() as vendors:
        yield vendors


# What a program is in an async function, it is here at the top level, too.
RUN = """
import ast, asyncio, inspect
with open("program.py") as program:
    code = compile(program.read(), "program.py", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
ran = eval(code, {"__name__": "__main__"})
if inspect.iscoroutine(ran):
    asyncio.run(ran)
"""


class Example:
    """A program of the pages, as a user runs it: from a folder of theirs."""

    def __init__(self, installed: Path, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment | {"PYTHONPATH": str(installed), "HOME": str(folder)}

    def run(self, block: Block) -> str:
        (self._folder / "program.py").write_text(block.text, encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, "-c", RUN],
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


@pytest.mark.parametrize("block", OTHERS, ids=lambda block: block.place)
def test_a_program_runs(example: Example, vendors: Models, block: Block) -> None:
    example.run(block)
    assert vendors.asked


@pytest.mark.anyio
async def test_claude(example: Example, vendors: Models, server: Server, user: str) -> None:
    """It is run twice, and goes on where it was."""
    for _ in range(2):
        assert f"You said: {PROMPT}" in example.run(CLAUDE)
    assert vendors.asked[-1] == [PROMPT] * 2
    async with AsyncTurnlog(url=server.url, token=user) as turnlog:
        (session,) = [one async for one in turnlog.sessions()]
        entries = [one async for one in turnlog.entries(session.session_id, MAIN)]
    assert [one["type"] for one in entries if one["type"] in {"user", "assistant"}] == [
        "user",
        "assistant",
    ] * 2


@pytest.mark.anyio
async def test_openai(example: Example, vendors: Models, server: Server, user: str) -> None:
    for _ in range(2):
        assert example.run(OPENAI) == f"You said: {PROMPT}\n"
    assert vendors.asked[-1] == [PROMPT] * 2
    async with AsyncTurnlog(url=server.url, token=user) as turnlog:
        exported = await turnlog.export_openai_messages("conversation-1")
    assert [one["content"] for one in exported.messages] == [PROMPT, f"You said: {PROMPT}"] * 2
