"""The cache goes away in the middle of traffic, hangs, and comes back."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
import redis

from infra.local.embedded import CACHE_TIMEOUT
from infra.local.ports import free_port
from tests.functional.api import Api, assistant, user
from tests.functional.cache_clients import valkey
from tests.functional.world import configured, wait_until

if TYPE_CHECKING:
    from pathlib import Path


def patient(port: int) -> str:
    """The URL of a cache whose death is seen by its closed port, and no busy machine taken for it."""
    return f"redis://127.0.0.1:{port}/0?socket_timeout={CACHE_TIMEOUT}"


def traffic(api: Api, session_id: str, expected: list[str]) -> None:
    """One of each operation; each answer must be the table's."""
    appended = api.append(session_id, user(f"q{len(expected)}"))
    assert (appended.status, appended.body["first_sequence"]) == (201, len(expected))
    expected.append(f"q{len(expected)}")
    api.append(session_id, assistant(f"a{len(expected)}"))
    expected.append(f"a{len(expected)}")
    call = api.tool_call(session_id, {"id": f"c{len(expected)}"})
    assert call.body["message"]["sequence"] == len(expected) - 1
    assert api.title(session_id, f"t{len(expected)}").status == 200
    assert api.contents(session_id) == expected
    session = api.get(session_id).body
    assert session["messages"][-1]["tool_calls"] == [{"id": f"c{len(expected)}"}]
    assert session["title"] == f"t{len(expected)}"
    assert api.call("DELETE", f"/sessions/{session_id}/cache").status == 204
    assert api.list().body["sessions"][0]["message_count"] == len(expected)


@pytest.mark.thorough
def test_killed_and_started_again(api: Api, tmp_path: Path) -> None:
    port = free_port()
    expected: list[str] = []
    with configured(TURNLOG_CACHE_URL=patient(port)):
        with valkey(tmp_path / "before", port):
            session_id = api.new()
            traffic(api, session_id, expected)
            assert api.call("GET", "/health").body["cache"] == "ok"
        for _ in range(3):
            traffic(api, session_id, expected)
        assert api.call("GET", "/health").body == {"status": "ok", "table": "ok", "cache": "unavailable"}
        draft = f"/sessions/{session_id}/draft"
        reply = api.call("PUT", draft, {"messages": []})
        reply.problem(503, "unavailable")
        assert reply.headers["retry-after"] == "1"
        with valkey(tmp_path / "after", port), redis.Redis(port=port) as again:
            wait_until(lambda: api.call("GET", "/health").body["cache"] == "ok")
            traffic(api, session_id, expected)
            assert api.contents(session_id) == expected
            assert again.keys(f"*{session_id}*")
            assert api.call("PUT", draft, {"messages": []}).status == 200


@pytest.mark.thorough
def test_a_stale_copy_comes_back_with_it(api: Api, tmp_path: Path) -> None:
    """What was written while the cache was away is not in it: its log is a prefix, its head is old."""
    port = free_port()
    expected: list[str] = []
    with configured(TURNLOG_CACHE_URL=patient(port)), valkey(tmp_path, port):
        with redis.Redis(port=port) as cache:
            session_id = api.new(assistant("zero"))
            expected.append("zero")
            api.get(session_id)
            with configured(TURNLOG_CACHE_URL=""):
                traffic(api, session_id, expected)
            assert cache.keys(f"*{session_id}*")
        traffic(api, session_id, expected)


@pytest.mark.thorough
def test_a_cache_that_accepts_and_says_nothing(api: Api) -> None:
    """Nobody reads what is sent: each request costs a time-out at most, and is answered from the table."""
    expected: list[str] = []
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(64)
        with configured(TURNLOG_CACHE_URL=f"redis://127.0.0.1:{mute.getsockname()[1]}/0"):
            session_id = api.new()
            traffic(api, session_id, expected)
            traffic(api, session_id, expected)
            assert api.call("GET", "/health").body["cache"] == "unavailable"


@pytest.mark.thorough
def test_something_else_listens_there(api: Api, server: Any) -> None:
    """An HTTP server at the cache's port."""
    expected: list[str] = []
    port = server.dynamodb_url.rpartition(":")[2]
    with configured(TURNLOG_CACHE_URL=f"redis://127.0.0.1:{port}/0"):
        session_id = api.new()
        traffic(api, session_id, expected)
        traffic(api, session_id, expected)
