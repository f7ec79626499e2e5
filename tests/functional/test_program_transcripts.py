"""Transcripts by programs: which calls are repeats, and what is no name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.test_programs import BOTH, program
from turnlog import errors

if TYPE_CHECKING:
    from infra.local.server import LocalServer
    from turnlog import AsyncTurnlog


@BOTH
def test_a_batch_of_one_id_is_stored_once(server: LocalServer, way: Any) -> None:
    """Without an id, each call is a batch of its own."""

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        for batch_id in (None, None, "b", "b"):
            answer = await turnlog.append_entries("s", "main", [{"n": 1}], batch_id=batch_id)
        assert (answer["entry_count"], answer["replayed"]) == (3, True)
        assert [entry async for entry in turnlog.entries("s", "main")] == [{"n": 1}] * 3

    program(way, server, what)


@pytest.mark.thorough
@BOTH
@pytest.mark.parametrize("name", ["../s", "a/../b", "..", "", "/", "a//b", "x" * 256, "a b", "é"])
def test_what_is_no_name_leads_nowhere(server: LocalServer, way: Any, name: str) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        for call in (turnlog.append_entries("s", name, [{}]), turnlog.read_entries("s", name)):
            with pytest.raises(errors.Invalid) as caught:
                await call
            assert caught.value.errors[0]["loc"] == ["path", "name"]
        assert (await turnlog.list_transcripts("s"))["transcripts"] == []
        assert (await turnlog.get_session("s"))["version"] == 1

    program(way, server, what)
