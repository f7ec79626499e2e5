"""The examples in all pages do what the pages say, one after the other, as a reader would try them.

Programs for agent SDKs are run by `tests/integrations/test_examples.py`; why others are not run is in
`tests.pages.NOT_RUN`.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.pages import NOT_RUN, Block, Page, matches, pages

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.server import LocalServer

EXAMPLES = {
    page: found
    for page in pages()
    if (found := [block for block in page.blocks() if block.language in {"python", "console"}])
}


def reason(block: Block) -> str | None:
    """What `NOT_RUN` has for a block, if anything."""
    command = block.commands()[0].line
    return next((pattern for pattern in NOT_RUN if re.match(pattern, command)), None)


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.name)
def test_examples(page: Page, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is tried by a user of its own, in an empty folder."""
    name = f"alice-{uuid4().hex}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TURNLOG_URL", server.url)
    monkeypatch.setenv("TURNLOG_TOKEN", name)

    def here(text: str) -> str:
        return text.replace("http://127.0.0.1:3000", server.url).replace("alice", name)

    for block in EXAMPLES[page]:
        if block.needs_sdk or (block.language == "console" and reason(block)):
            continue
        if block.language == "console":
            for command in block.commands():
                assert command.line.startswith("curl "), f"{block.place}: run it, or say why not in NOT_RUN"
                # From a terminal curl shows how far it is, on standard error.
                ran = subprocess.run(
                    ["bash", "-c", here(command.line)], capture_output=True, text=True, check=False
                )
                told = f"{block.place}: {command.line}\nprinted {ran.stdout}{ran.stderr}"
                assert ran.returncode == 0, told
                assert matches(ran.stdout, here(command.prints)), told
            continue
        with monkeypatch.context() as patch, redirect_stdout(StringIO()) as printed:
            if "Turnlog()" in block.text:
                patch.delenv("TURNLOG_TABLE")  # else both are set
            example: dict[str, Any] = {"__name__": "example"}
            exec(compile(here(block.text), block.place, "exec"), example)  # noqa: S102 (ours)
        if block.prints is not None:
            told = f"{block.place} printed {printed.getvalue()}"
            assert matches(printed.getvalue(), here(block.prints)), told


def test_every_reason_is_needed() -> None:
    consoles = [block for blocks in EXAMPLES.values() for block in blocks if block.language == "console"]
    assert {reason(block) for block in consoles} - {None} == NOT_RUN.keys()
