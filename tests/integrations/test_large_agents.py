"""A real agent reads large files: when it is resumed, from the store or from a file, nothing is missing."""

from __future__ import annotations

import json
import struct
import zlib
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from claude_agent_sdk import (
    ClaudeAgentOptions,
    MirrorErrorMessage,
    create_sdk_mcp_server,
    project_key_for_directory,
    query,
    tool,
)

from tests.integrations import models
from turnlog import AsyncTurnlog
from turnlog.errors import TooLarge
from turnlog.integrations.claude import MAIN, TurnlogSessionStore, session_id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.integrations.conftest import Server
    from tests.integrations.models import Models

pytestmark = pytest.mark.anyio

Entry = dict[str, Any]
RANDOM = Random(14)
LOG = "line of a log\n" * 370_000  # 5 MB


def an_image() -> bytes:
    """A PNG of 3 MB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = 1_000
    rows = b"".join(b"\0" + RANDOM.randbytes(3 * side) for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def a_pdf() -> bytes:
    """A PDF of 2 MB: of which Claude Code writes an entry of 5.3 MB."""
    page = b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
    content = b"4 0 obj<</Length 2000000>>stream\n%s\nendstream endobj\n" % RANDOM.randbytes(2_000_000)
    tree = b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    return b"%PDF-1.4\n" + tree + page + content + b"trailer<</Root 1 0 R>>\n%%EOF\n"


@tool("read", "gives a log", {})  # type: ignore[untyped-decorator]
async def read_log(_: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": LOG}]}


@pytest.fixture
def vendors() -> Iterator[Models]:
    with models.serving() as vendors:
        yield vendors


@pytest.fixture
async def direct(server: Server, user: str, anyio_backend: Any) -> AsyncIterator[AsyncTurnlog]:  # noqa: ARG001
    async with AsyncTurnlog(user_id=user) as turnlog:
        yield turnlog


class Machines:
    """Each prompt is given on a machine of its own, with an empty disk but for the project."""

    def __init__(self, folder: Path, vendors: Models) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        self.key = project_key_for_directory(self.project)
        self._vendors = vendors

    def home(self) -> Path:
        home = self.folder / uuid4().hex
        home.mkdir()
        return home

    async def ask(self, prompt: str, home: Path, **given: Any) -> list[Any]:
        """What the model was told of the conversation before it answered."""
        environment = {
            **self._vendors.environment,
            "HOME": str(home),
            "CLAUDE_CONFIG_DIR": str(home / ".claude"),
            "MAX_MCP_OUTPUT_TOKENS": "100000000",
        }
        options = ClaudeAgentOptions(
            cwd=self.project,
            env=environment,
            setting_sources=[],
            allowed_tools=["Read", "mcp__log__read"],
            mcp_servers={"log": create_sdk_mcp_server("log", "1", [read_log])},
            max_buffer_size=1 << 27,
            **given,
        )
        async for message in query(prompt=prompt, options=options):
            assert not isinstance(message, MirrorErrorMessage), message
        return [one for one in self._vendors.told if one["role"] != "system"]


def results(told: list[Any]) -> list[Any]:
    return [
        part["content"]
        for message in told
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "tool_result"
    ]


def said(told: list[Any]) -> list[Any]:
    """Without what Claude Code adds of the day and the machine."""
    return [
        [part for part in content if not part.get("text", "").startswith("<system-reminder>")]
        if isinstance(content := message["content"], list)
        else content
        for message in told
    ]


async def test_what_an_agent_has_read_is_there_when_it_is_resumed(
    direct: AsyncTurnlog, vendors: Models, tmp_path: Path
) -> None:
    machines = Machines(tmp_path, vendors)
    image, pdf = machines.project / "image.png", machines.project / "paper.pdf"
    image.write_bytes(an_image())
    pdf.write_bytes(a_pdf())
    store, conversation = TurnlogSessionStore(direct), str(uuid4())
    uses = [f'use Read {{"file_path": "{path}"}}' for path in (image, pdf)]
    for number, prompt in enumerate([*uses, "use mcp__log__read {}"]):
        which = {"resume": conversation} if number else {"session_id": conversation}
        await machines.ask(prompt, machines.home(), session_store=store, **which)
    key = {"project_key": machines.key, "session_id": conversation}
    entries = await store.load(key)
    assert entries
    assert max(len(json.dumps(entry)) for entry in entries) > 5_300_000

    from_store = await machines.ask("turn 4", machines.home(), session_store=store, resume=conversation)
    shown = json.dumps(results(from_store))
    assert [part["type"] for content in results(from_store)[:2] for part in content] == [
        "image",
        "text",
        "document",
    ]
    assert len(shown) > 2_600_000

    # Exported, as lines, to another machine: it is told the same.
    home = machines.home()
    file = home / ".claude" / "projects" / machines.key / f"{conversation}.jsonl"
    file.parent.mkdir(parents=True)
    session = session_id_of(key)
    with file.open("wb") as written:
        for entry in entries:
            written.write(json.dumps(entry).encode() + b"\n")
    from_file = await machines.ask("turn 4", home, resume=conversation)
    assert said(from_file) == said(from_store)

    # And what Claude Code itself has written there is imported, and comes back.
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert len(lines) > len(entries)
    for added in (len(lines), 0):
        imported = await direct.import_transcript(session, "from-disk", file)
        assert (imported.entry_count, imported.added) == (len(lines), added)
    assert [entry async for entry in direct.entries(session, "from-disk")] == lines
    # Of what the store has, nothing is stored twice.
    await direct.import_transcript(session, MAIN, file)
    uuids = [entry["uuid"] async for entry in direct.entries(session, MAIN) if "uuid" in entry]
    assert len(set(uuids)) == len(uuids)
    assert {line["uuid"] for line in lines if "uuid" in line} <= set(uuids)


async def test_what_cannot_be_taken_does_not_take_its_neighbours_along(turnlog: AsyncTurnlog) -> None:
    """Above what an entry may be; and again after that."""
    store, key = TurnlogSessionStore(turnlog), {"project_key": "p", "session_id": str(uuid4())}
    large: Entry = {"uuid": "large", "t": "x" * 70_000_000}
    deep: Entry = {"uuid": "deep", "t": json.loads("[" * 600 + "]" * 600)}
    entries: list[Entry] = [{"uuid": "a"}, {"type": "mode"}, large, deep, {"uuid": "c"}]
    for _ in range(2):
        with pytest.raises(TooLarge):
            await store.append(key, entries)
        assert await store.load(key) == [one for one in entries if one is not large]


async def test_an_entry_of_more_than_an_answer_holds(direct: AsyncTurnlog) -> None:
    """Between others, in one call; what comes again is known."""
    store, key = TurnlogSessionStore(direct), {"project_key": "p", "session_id": str(uuid4())}
    entries: list[Entry] = [
        {"uuid": "a"},
        {"uuid": "large", "t": "x" * 6_000_000},
        {"t": "y" * 20_000_000},
        {"uuid": "c"},
    ]
    await store.append(key, entries)
    assert await store.load(key) == entries
    await store.append(key, [entries[1], {"uuid": "d"}])
    assert await store.load(key) == [*entries, {"uuid": "d"}]
