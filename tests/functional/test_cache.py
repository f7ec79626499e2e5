"""G6: the cache never makes an answer wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.bombs import bomb
from tests.functional.api import Api, assistant, user
from tests.functional.cache_clients import PATIENT
from tests.functional.cache_clients import valkey as valkey_in
from tests.functional.world import after_first, configured, counted
from turnlog.records.head import Head
from turnlog.records.keys import SessionKey
from turnlog.store.session_cache import _prefix_checksum, _sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def keys_of(valkey: Any, session_id: str) -> list[bytes]:
    keys: list[bytes] = valkey.keys(f"*{session_id}*")
    return keys


def everything(api: Api, session_id: str) -> list[Any]:
    """What all reads say, and what a writer finds: a replay, and the next sequence."""
    replay = api.append(session_id, user("first", message_id="first"))
    mismatch = api.append(session_id, user("x"), expected_sequence=10**6)
    put = api.put(session_id, start_sequence=0, messages=[user("first", message_id="first")])
    return [
        reply.body
        for reply in (
            api.get(session_id),
            api.messages(session_id, after=0),
            api.export(session_id),
            replay,
            mismatch,
            put,
        )
    ]


def shortened(value: bytes) -> bytes:
    return value[:-1]


def flipped(value: bytes) -> bytes:
    return value[:-5] + bytes([value[-5] ^ 1]) + value[-4:]


def emptied(_value: bytes) -> bytes:
    return b""


def of_another(_value: bytes) -> bytes:
    return b"\x00" * 4 + b'{"role":"user","content":"forged"}'


@pytest.fixture
def session_id(api: Api) -> str:
    """A session all of which is in the cache."""
    session_id = api.new(user("first", message_id="first"), assistant("a"), user("x" * 5_000))
    api.tool_call(session_id, {"id": "c", "function": {"name": "f"}})
    api.append(session_id, assistant("last"))
    api.get(session_id)
    return session_id


@pytest.mark.parametrize("corrupted", [shortened, flipped, emptied, of_another])
def test_corrupt_values(api: Api, valkey: Any, session_id: str, corrupted: Callable[[bytes], bytes]) -> None:
    right = everything(api, session_id)
    assert len(keys_of(valkey, session_id)) == 2
    for _ in range(2):
        for key in keys_of(valkey, session_id):
            if valkey.type(key) == b"hash":
                for field, value in valkey.hgetall(key).items():
                    valkey.hset(key, field, corrupted(value))
            else:
                valkey.set(key, corrupted(valkey.get(key)))
        assert everything(api, session_id) == right
    assert api.append(session_id, user("next")).body["first_sequence"] == 5


def test_values_that_changed_places(api: Api, valkey: Any, session_id: str) -> None:
    """Each is whole, but stands under another sequence, or another session's key."""
    right = everything(api, session_id)
    (log,) = (key for key in keys_of(valkey, session_id) if b":log:" in key)
    values = valkey.hgetall(log)
    valkey.hset(log, mapping=dict(zip(values, reversed(values.values()), strict=True)))
    assert everything(api, session_id) == right
    other = api.new(user("other"), assistant("other"))
    for key in keys_of(valkey, other):
        (place,) = (mine for mine in keys_of(valkey, session_id) if mine.split(b":")[2] == key.split(b":")[2])
        valkey.copy(key, place, replace=True)
    assert everything(api, session_id) == right


@pytest.mark.thorough
def test_keys_of_another_type(api: Api, valkey: Any, session_id: str) -> None:
    right = everything(api, session_id)
    for key in keys_of(valkey, session_id):
        valkey.delete(key)
        valkey.rpush(key, b"a list")
    assert everything(api, session_id) == right
    assert api.append(session_id, user("next")).body["first_sequence"] == 5
    assert api.tool_call(session_id, {"id": "d"}).status == 200
    assert api.delete(session_id).status == 204
    api.get(session_id).problem(404, "not_found")


def test_a_value_that_unpacks_to_a_gigabyte(api: Api, valkey: Any, session_id: str) -> None:
    right = everything(api, session_id)
    (log,) = (key for key in keys_of(valkey, session_id) if b":log:" in key)
    head = Head(
        SessionKey(api.user or "", session_id).at(0), started_at=api.get(session_id).body["started_at"]
    )
    for sequence in (0, 2, 4):
        valkey.hset(log, sequence, _sealed(str(sequence), bomb(1_000), _prefix_checksum(head)))
    assert everything(api, session_id) == right


def test_a_stale_cache(api: Api, valkey: Any, session_id: str) -> None:
    """All keys as they were before other processes appended, titled, attached and deleted."""
    saved = {key: valkey.dump(key) for key in keys_of(valkey, session_id)}

    def turn_back() -> None:
        for key in keys_of(valkey, session_id):
            valkey.delete(key)
        for key, dumped in saved.items():
            valkey.restore(key, 0, dumped)

    api.append(session_id, user("q"), user("r", message_id="r"), usage={"prompt_tokens": 1})
    turn_back()
    assert api.append(session_id, assistant("s")).body["first_sequence"] == 7
    turn_back()
    assert api.append(session_id, user("r", message_id="r")).body["replayed"] is True
    turn_back()
    api.append(session_id, user("r!", message_id="r")).problem(409, "message_id_reused")
    turn_back()
    assert api.title(session_id, "t").body["version"] == 6
    turn_back()
    # The answer's version is the session's, though the cached head knew nothing of the title.
    assert api.append(session_id, assistant("t")).body["version"] == 7
    turn_back()
    assert api.tool_call(session_id, {"id": "d"}).body["message"]["sequence"] == 8
    turn_back()
    assert api.contents(session_id) == ["first", "a", "x" * 5_000, "", "last", "q", "r", "s", "t"]
    assert [bool(one.get("tool_calls")) for one in api.get(session_id).body["messages"]].count(True) == 2
    assert api.get(session_id).body["usage"]["prompt_tokens"] == 1
    api.delete(session_id)
    turn_back()
    api.get(session_id).problem(404, "not_found")
    turn_back()
    api.append(session_id, user("late")).problem(404, "not_found")
    assert not [key for key in keys_of(valkey, session_id) if key.endswith(b":head")]


def test_an_edit_is_seen_at_once(api: Api, session_id: str) -> None:
    for number in range(3):
        before = api.get(session_id).body
        message = api.tool_call(session_id, {"id": str(number)}).body["message"]
        after = api.get(session_id).body
        assert after["messages"] == [*before["messages"][:-1], message]


def test_a_slow_reader_does_not_put_back_what_an_edit_replaced(api: Api) -> None:
    """It read the message, the edit came, and then it fills the cache with what it read."""
    session_id = api.new(user("q"), assistant("a"))
    api.call("DELETE", f"/sessions/{session_id}/cache")
    with after_first("Query", lambda: api.tool_call(session_id, {"id": "c"})):
        api.get(session_id)
    for _ in range(2):
        assert api.get(session_id).body["messages"][1]["tool_calls"] == [{"id": "c"}]


def test_a_slow_reader_does_not_hide_what_was_appended(api: Api) -> None:
    session_id = api.new(user("q"))
    api.call("DELETE", f"/sessions/{session_id}/cache")
    with after_first("Query", lambda: api.append(session_id, user("r"))):
        assert len(api.get(session_id).body["messages"]) == 1
    assert api.contents(session_id) == ["q", "r"]
    assert api.append(session_id, user("s")).body["first_sequence"] == 2


def test_a_slow_reader_does_not_bring_back_a_deleted_session(api: Api) -> None:
    session_id = api.new(user("q"))
    api.call("DELETE", f"/sessions/{session_id}/cache")
    with after_first("Query", lambda: api.delete(session_id)):
        api.get(session_id)
    api.get(session_id).problem(404, "not_found")
    api.append(session_id, user("late")).problem(404, "not_found")
    api.call("POST", "/sessions", {"session_id": session_id}).problem(410, "gone")


def test_a_cache_that_is_emptied_is_filled_again(api: Api, valkey: Any, session_id: str) -> None:
    right = everything(api, session_id)
    valkey.flushall()
    assert everything(api, session_id) == right
    with counted() as requests:
        assert api.get(session_id).body == right[0]
    assert requests == ["GetItem"]


def test_a_part_that_is_missing_is_read_from_the_table(api: Api, valkey: Any, session_id: str) -> None:
    right = everything(api, session_id)
    (log,) = (key for key in keys_of(valkey, session_id) if b":log:" in key)
    valkey.hdel(log, 1, 3)
    assert everything(api, session_id) == right
    with counted() as requests:
        api.get(session_id)
    assert requests == ["GetItem"]


def test_entries_live_for_the_configured_time(api: Api, valkey: Any, session_id: str) -> None:
    for key in keys_of(valkey, session_id):
        assert 43_000 < valkey.ttl(key) <= 43_200
    with configured(TURNLOG_CACHE_TTL="60"):
        api.append(session_id, user("next"))
    for key in keys_of(valkey, session_id):
        assert 0 < valkey.ttl(key) <= 60


def test_a_refused_draft_is_not_said_to_be_kept(api: Api, valkey: Any, session_id: str) -> None:
    """A full cache: everything else goes on without it."""
    valkey.config_set("maxmemory", 1)
    try:
        reply = api.call("PUT", f"/sessions/{session_id}/draft", {"messages": []})
        reply.problem(503, "unavailable")
        assert api.append(session_id, user("next")).status == 201
        assert len(api.contents(session_id)) == 6
    finally:
        valkey.config_set("maxmemory", 0)
    assert len(api.contents(session_id)) == 6


@pytest.mark.thorough
def test_no_cache_at_all(api: Api) -> None:
    with configured(TURNLOG_CACHE_URL=""):
        session_id = api.new(user("first", message_id="first"), assistant("a"))
        api.tool_call(session_id, {"id": "c"})
        right = everything(api, session_id)
        assert api.call("DELETE", f"/sessions/{session_id}/cache").status == 204
        assert api.call("GET", "/health").body == {"status": "ok", "table": "ok", "cache": "off"}
    assert everything(api, session_id) == right


@pytest.mark.thorough
def test_a_password_comes_by_a_variable_or_in_the_url(api: Api, tmp_path: Path) -> None:
    with valkey_in(tmp_path) as server, redis.Redis(port=server.port) as operator:
        operator.config_set("requirepass", "p@ss/w #1")
        for login, password, cache in (
            ("", "p@ss/w #1", "ok"),
            ("default@", "p@ss/w #1", "ok"),
            ("default:another@", "p@ss/w #1", "ok"),  # the variable's is used instead
            ("default:p%40ss%2Fw%20%231@", "", "ok"),
            ("default:p%40ss%2Fw%20%231@", "another", "unavailable"),
            ("", "", "unavailable"),
        ):
            url = f"redis://{login}127.0.0.1:{server.port}/0{PATIENT}"
            with configured(TURNLOG_CACHE_URL=url, TURNLOG_CACHE_PASSWORD=password):
                assert api.call("GET", "/health").body["cache"] == cache, (login, password)
