"""Real agents, killed in mid-conversation, go on in another process that has nothing on its disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from claude_agent_sdk import project_key_for_directory

from tests.integrations import models
from tests.integrations.conftest import ROOT
from turnlog import AsyncTurnlog
from turnlog.client.http import HttpWay
from turnlog.integrations.claude import TurnlogSessionStore, session_id_of
from turnlog.integrations.openai_agents import TurnlogSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integrations.conftest import Server
    from tests.integrations.models import Models
    from turnlog import AsyncTurnlog

pytestmark = pytest.mark.anyio

PROGRAM = "tests.integrations.agents_that_die"
PROMPTS = [f"turn {number}" for number in range(1, 6)]
ANSWERS = [f"You said: {prompt}" for prompt in PROMPTS]


@pytest.fixture
def vendors() -> Iterator[Models]:
    with models.serving() as vendors:
        yield vendors


class Machines:
    """Each run is on a machine of its own: an empty home, and a process group that is killed as one."""

    def __init__(self, folder: Path, environment: dict[str, str], way: str, user: str) -> None:
        self._folder = folder
        self._environment = environment
        self._arguments = [way, user]
        self.project = folder / "project"  # of which Claude Code makes the key of the project
        self.project.mkdir()

    @contextmanager
    def run(self, sdk: str, conversation: str) -> Iterator[subprocess.Popen[str]]:
        home = self._folder / uuid4().hex
        home.mkdir()
        with subprocess.Popen(
            [sys.executable, "-m", PROGRAM, sdk, *self._arguments, conversation, *PROMPTS],
            cwd=self.project,
            env=self._environment | {"HOME": str(home), "CLAUDE_CONFIG_DIR": str(home / ".claude")},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """With kill -9, and all that it started."""
    os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def machines(turnlog: AsyncTurnlog, server: Server, user: str, vendors: Models, tmp_path: Path) -> Machines:
    environment = {**os.environ, **vendors.environment, "PYTHONPATH": str(ROOT)}
    way = server.url if isinstance(turnlog._way, HttpWay) else "direct"
    return Machines(tmp_path, environment, way, user)


async def texts(sdk: str, turnlog: AsyncTurnlog, conversation: str, project: Path) -> list[str]:
    """What was said, by both, as it is stored."""
    if sdk == "openai":
        items = await TurnlogSession(conversation, turnlog).get_items()
        return [_text(item["content"]) for item in items]
    key = {"project_key": project_key_for_directory(project), "session_id": conversation}
    entries = await TurnlogSessionStore(turnlog).load(key)
    said = [entry for entry in entries or () if entry["type"] in {"user", "assistant"}]
    return [_text(entry["message"]["content"]) for entry in said]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


async def check_round_trip(turnlog: AsyncTurnlog, session_id: str) -> None:
    """What Claude Code wrote is exported, and the export is imported: into a copy, and into itself."""
    for one in (await turnlog.list_transcripts(session_id)).transcripts:
        entries = [entry async for entry in turnlog.entries(session_id, one.name)]
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        for name, added in ((f"{one.name}/copy", len(entries)), (one.name, 0)):
            imported = await turnlog.import_transcript(session_id, name, text)
            assert (imported.added, imported.entry_count) == (added, len(entries))
        assert [entry async for entry in turnlog.entries(session_id, f"{one.name}/copy")] == entries


@pytest.mark.parametrize("sdk", ["claude", "openai"])
async def test_killed_in_mid_conversation(
    sdk: str, turnlog: AsyncTurnlog, vendors: Models, machines: Machines
) -> None:
    """Twice, while the model thinks about the third and the fourth prompt: every turn is there once."""
    conversation = str(uuid4())
    said: list[str] = []
    for prompt in PROMPTS[2:4]:
        vendors.hesitates_at = prompt
        vendors.hesitating.clear()
        with machines.run(sdk, conversation) as process:
            assert vendors.hesitating.wait(60)
            kill(process)
            assert process.stdout
            said += process.stdout.read().splitlines()
    vendors.hesitates_at = ""
    with machines.run(sdk, conversation) as process:
        assert process.stdout
        said += process.stdout.read().splitlines()
        assert process.wait(60) == 0
    assert said == ANSWERS
    turns = [text for turn in zip(PROMPTS, ANSWERS, strict=True) for text in turn]
    assert await texts(sdk, turnlog, conversation, machines.project) == turns
    if sdk == "claude":
        key = {"project_key": project_key_for_directory(machines.project), "session_id": conversation}
        await check_round_trip(turnlog, session_id_of(key))
    # What the model was told: all that came before, also by agents that are dead.
    assert vendors.asked[-1] == PROMPTS
    assert [asked for asked in vendors.asked if asked == PROMPTS[:3]] == [PROMPTS[:3]] * 2
