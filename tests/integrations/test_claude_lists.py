"""The lists of sessions and of their summaries: whole, as fresh as the sessions, changing nothing in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from claude_agent_sdk import fold_session_summary

from tests.integrations.test_claude_store import a_key, entry
from turnlog.integrations.claude import TurnlogSessionStore, session_id_of

if TYPE_CHECKING:
    from tests.integrations.test_claude_store import Entry
    from turnlog import AsyncTurnlog

pytestmark = pytest.mark.anyio


async def test_50_sessions(turnlog: AsyncTurnlog) -> None:
    store = TurnlogSessionStore(turnlog)
    keys = [a_key() for _ in range(50)]
    for number, key in enumerate(keys):
        await store.append(key, [{**entry(number), "message": {"content": f"prompt {number}"}}])
        await store.append({**key, "subpath": "subagents/agent-1"}, [entry(0)])
    await store.append({**a_key(), "subpath": "subagents/agent-1"}, [entry(0)])  # has no main transcript
    await store.append(a_key("-home-me-other"), [entry(0)])
    listed = await store.list_sessions("-home-me-project")
    assert {one["session_id"] for one in listed} == {key["session_id"] for key in keys}
    summaries = await store.list_session_summaries("-home-me-project")
    found = {one["session_id"]: one["data"]["first_prompt"] for one in summaries}
    assert found == {key["session_id"]: f"prompt {number}" for number, key in enumerate(keys)}
    # What a summary was kept for has not moved: each is as fresh as the list says.
    assert await store.list_sessions("-home-me-project") == listed
    assert {one["session_id"]: one["mtime"] for one in summaries} == {
        one["session_id"]: one["mtime"] for one in listed
    }


async def test_a_session_that_changes_while_pages_are_read(
    turnlog: AsyncTurnlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TurnlogSessionStore(turnlog)
    keys = [a_key() for _ in range(102)]
    for key in keys:
        await store.append(key, [entry(0)])
    read = turnlog._sessions_page

    async def followed(**page: Any) -> Any:
        monkeypatch.undo()
        listed = await read(**page)
        await store.append(keys[0], [entry(1)])
        return listed

    monkeypatch.setattr(turnlog, "_sessions_page", followed)
    listed = await store.list_sessions("-home-me-project")
    assert {one["session_id"] for one in listed} == {key["session_id"] for key in keys}
    assert listed[0]["session_id"] == keys[0]["session_id"]


async def test_a_summary_is_the_fold_of_what_is_there(turnlog: AsyncTurnlog) -> None:
    """Whoever asked before, and whatever came since: also what takes something out again."""
    store = TurnlogSessionStore(turnlog)
    key = a_key()
    steps: list[list[Entry]] = [
        [{"type": "user", "uuid": "1", "message": {"content": "hello"}, "timestamp": "2026-01-01T00:00:00Z"}],
        [{"type": "tag", "tag": "a"}],
        [{"type": "tag", "tag": ""}],
        [{"type": "x", "customTitle": "one \ud83d"}],
        [{"type": "x", "customTitle": "two"}, {"type": "last-prompt", "lastPrompt": "p" * 40_000}],
        [{"type": "x", "gitBranch": "main"}],
    ]
    so_far: list[Any] = []
    for number, step in enumerate(steps):
        await store.append(key, step)
        so_far += step
        for one in (store, TurnlogSessionStore(turnlog)):
            (summary,) = await one.list_session_summaries(key["project_key"])
            assert summary["data"] == fold_session_summary(None, key, so_far)["data"]
        if number == 1:
            await turnlog.set_title(session_id_of(key), "another change")


async def test_listing_leaves_the_sessions_in_their_order(turnlog: AsyncTurnlog) -> None:
    store = TurnlogSessionStore(turnlog)
    keys = [a_key() for _ in range(3)]
    for key in keys:
        await store.append(key, [entry(1)])
    before = [(one["session_id"], one["updated_at"]) async for one in turnlog.sessions()]
    await store.list_session_summaries(keys[0]["project_key"])
    assert [(one["session_id"], one["updated_at"]) async for one in turnlog.sessions()] == before
    kept = [one async for one in turnlog.sessions()]
    await store.list_session_summaries(keys[0]["project_key"])  # reads what was kept, and changes nothing
    assert [one async for one in turnlog.sessions()] == kept


async def test_a_transcript_that_was_deleted_and_begun_anew(turnlog: AsyncTurnlog) -> None:
    """Its summary is of what is there now, be that less or more than there was; and none where nothing is."""
    store, key = TurnlogSessionStore(turnlog), a_key()

    def said(prompt: str, count: int) -> list[Entry]:
        return [{**entry(number), "message": {"content": f"{prompt} {number}"}} for number in range(count)]

    await store.append(key, said("deleted", 3))
    await store.list_session_summaries(key["project_key"])
    for count in (2, 9):
        await turnlog.delete_transcript(session_id_of(key), "main")
        assert await store.list_sessions(key["project_key"]) == []
        assert await store.list_session_summaries(key["project_key"]) == []
        await store.append(key, said(f"anew {count}", count))
        (summary,) = await store.list_session_summaries(key["project_key"])
        assert summary["data"] == fold_session_summary(None, key, said(f"anew {count}", count))["data"]
        assert "deleted" not in str(summary)
