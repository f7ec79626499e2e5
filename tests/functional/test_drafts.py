"""A turn in progress: in the cache alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.functional.api import Api, assistant, user
from tests.functional.cache_clients import refusing, speaking
from tests.functional.cache_clients import valkey as own_valkey
from tests.functional.test_cache_down import patient
from tests.functional.world import configured

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.world import TableView

MESSAGES = [user("q", message_id="m"), assistant("half an ans", tool_calls=[{"id": "c"}])]


def test_put_get_delete(api: Api) -> None:
    session_id = api.new()
    path = f"/sessions/{session_id}/draft"
    api.call("GET", path).problem(404, "not_found")
    put = api.call("PUT", path, {"messages": MESSAGES})
    assert (put.status, put.body["messages"]) == (200, MESSAGES)
    assert api.call("GET", path).body == put.body
    again = api.call("PUT", path, {"messages": []})
    assert api.call("GET", path).body == again.body == {**again.body, "messages": []}
    for _ in range(2):
        assert api.call("DELETE", path).status == 204
    api.call("GET", path).problem(404, "not_found")


def test_the_table_never_sees_it(api: Api, table: TableView, valkey: Any) -> None:
    session_id = api.new(user("stored"))
    before = table.session(api.user, session_id)
    api.call("PUT", f"/sessions/{session_id}/draft", {"messages": [user("secret draft")]})
    assert table.session(api.user, session_id) == before
    (key,) = valkey.keys(f"*{session_id}*draft*")
    assert 43_000 < valkey.ttl(key) <= 43_200
    assert api.contents(session_id) == ["stored"]
    assert api.get(session_id).body["version"] == 1


def test_it_is_shown_beside_the_session(api: Api) -> None:
    session_id = api.new(user("stored"))
    plain = api.get(session_id)
    assert "draft" not in plain.body
    assert api.get(session_id, draft="true").body == {**plain.body, "draft": None}
    draft = api.call("PUT", f"/sessions/{session_id}/draft", {"messages": MESSAGES}).body
    # It has no version: who asks for it is not told that nothing changed.
    beside = api.get(session_id, {"If-None-Match": plain.etag}, draft="true")
    assert (beside.status, beside.body) == (200, {**plain.body, "draft": draft})
    assert api.get(session_id, draft="false").body == plain.body
    api.get(session_id, draft="yes").problem(422, "invalid")


def test_it_outlives_the_cached_copy(api: Api) -> None:
    session_id = api.new()
    draft = api.call("PUT", f"/sessions/{session_id}/draft", {"messages": MESSAGES}).body
    api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.call("GET", f"/sessions/{session_id}/draft").body == draft


def test_of_a_session_that_is_not_there(api: Api, valkey: Any) -> None:
    path = f"/sessions/{api.user}/draft"
    for method, body in (("PUT", {"messages": []}), ("GET", None), ("DELETE", None)):
        api.call(method, path, body).problem(404, "not_found")
    assert not valkey.keys(f"*{api.user}*")


@pytest.mark.thorough
def test_without_a_cache(api: Api) -> None:
    session_id = api.new(user("stored"))
    path = f"/sessions/{session_id}/draft"
    with configured(TURNLOG_CACHE_URL=""):
        for method, body in (("PUT", {"messages": []}), ("GET", None), ("DELETE", None)):
            reply = api.call(method, path, body)
            reply.problem(503, "unavailable")
            assert int(reply.headers["retry-after"]) >= 1
        assert api.get(session_id, draft="true").body["draft"] is None


def test_what_a_draft_may_be(api: Api) -> None:
    session_id = api.new()
    wrong: list[Any] = [{}, {"messages": None}, {"messages": [{}]}, {"messages": [user("q")] * 100}, {"x": 1}]
    for body in wrong:
        api.call("PUT", f"/sessions/{session_id}/draft", body).problem(422, "invalid")
    api.call("GET", f"/sessions/{session_id}/draft").problem(404, "not_found")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("error", "methods"),
    [
        ("ERR whatever", ("PUT", "GET", "DELETE")),
        *((e, ("GET",)) for e in ("BUSY a", "MISCONF no disk", "OOM")),
    ],
)
def test_an_error_of_the_cache_does_not_say_that_there_is_none(
    api: Api, error: str, methods: tuple[str, ...]
) -> None:
    session_id = api.new(user("stored"))
    with speaking(refusing(error)) as port:
        for method in methods:
            # Each by itself: who was refused a few times does not ask again for a while.
            with configured(TURNLOG_CACHE_URL=patient(port)):
                body: Any = {"messages": []} if method == "PUT" else None
                api.call(method, f"/sessions/{session_id}/draft", body).problem(503, "unavailable")
                assert api.get(session_id, draft="true").body["draft"] is None
                assert api.append(session_id, user("next")).status == 201
        assert api.contents(session_id) == ["stored", *["next"] * len(methods)]


@pytest.mark.thorough
def test_it_is_still_there_when_the_cache_takes_connections_again(api: Api, tmp_path: Path) -> None:
    session_id = api.new()
    path = f"/sessions/{session_id}/draft"
    with own_valkey(tmp_path) as server, redis.Redis(port=server.port) as one:
        with configured(TURNLOG_CACHE_URL=patient(server.port)):
            draft = api.call("PUT", path, {"messages": MESSAGES}).body
        one.config_set("maxclients", 1)
        for method in ("GET", "DELETE"):
            with configured(TURNLOG_CACHE_URL=patient(server.port)):
                api.call(method, path).problem(503, "unavailable")
        one.config_set("maxclients", 100)
        with configured(TURNLOG_CACHE_URL=patient(server.port)):
            assert api.call("GET", path).body == draft


def test_a_damaged_one_is_gone_and_makes_room_for_another(api: Api, valkey: Any) -> None:
    """To ask again would not bring it back, so nobody is told to."""
    session_id = api.new()
    path = f"/sessions/{session_id}/draft"
    api.call("PUT", path, {"messages": MESSAGES})
    (key,) = valkey.keys(f"*{session_id}*draft*")
    kept = valkey.get(key)
    for damaged in (kept[:-1], kept[::-1], b""):
        valkey.set(key, damaged)
        api.call("GET", path).problem(404, "not_found")
    valkey.delete(key)
    valkey.rpush(key, b"a list")
    api.call("GET", path).problem(404, "not_found")
    again = api.call("PUT", path, {"messages": MESSAGES})
    assert api.call("GET", path).body == again.body


def test_one_that_an_answer_has_no_room_for(api: Api) -> None:
    """It may stand beside 5 MB of messages; a quote is four bytes in a function's answer."""
    path = f"/sessions/{api.new()}/draft"
    api.call("PUT", path, {"messages": [user('"' * 400_000)]}).problem(413, "too_large")
    api.call("GET", path).problem(404, "not_found")
    assert api.call("PUT", path, {"messages": [user("x" * 900_000)]}).status == 200
    assert len(api.call("GET", path).raw) > 900_000
