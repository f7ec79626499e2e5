"""Create, read and delete a session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.functional.api import assistant, user
from tests.functional.world import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.api import Api
    from tests.functional.world import Rows, TableView
    from tests.http_client import Reply


def test_create_without_a_body(api: Api) -> None:
    reply = api.call("POST", "/sessions")
    session = reply.body
    assert reply.status == 201
    assert UUID(session["session_id"]).version == 4
    assert reply.headers["location"] == f"/sessions/{session['session_id']}"
    assert reply.etag == '"1"'
    assert session == {
        "session_id": session["session_id"],
        "user_id": api.user,
        "title": None,
        "started_at": session["started_at"],
        "updated_at": session["updated_at"],
        "version": 1,
        "message_count": 0,
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "credentials": {},
        "metadata": {},
        "successful_agent_runs": {},
        "successful_agent_schedules": {},
    }


def test_create_with_all_that_there_is(api: Api, table: TableView) -> None:
    given = {
        "session_id": "A-z_0",
        "title": "  A title ",
        "metadata": {"deep": {"list": [1, 2.5, None, True, "ä€😀"]}},
        "credentials": {"github": {"scopes": ["repo"]}},
        "successful_agent_runs": {"g1": 2},
        "successful_agent_schedules": {"g2": 3},
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 13},
    }
    created = api.call("POST", "/sessions", {**given, "messages": [user("hello", message_id="m0")]})
    assert created.status == 201
    session = api.get("A-z_0").body
    assert {name: session[name] for name in given} == {**given, "title": "A title"}
    (message,) = session["messages"]
    assert message == {
        "role": "user",
        "content": "hello",
        "message_id": "m0",
        "sequence": 0,
        "created_at": message["created_at"],
    }
    shown = {"messages": [message], "has_more": False, "oldest_sequence": 0, "active_stream": None}
    assert {**created.body, **shown} == session
    # A tombstone says when there was a session, and nothing of what was in it.
    assert api.delete("A-z_0").status == 204
    (tombstone,) = wait_until(lambda: _purged(table.session(api.user, "A-z_0")))
    kept = {"PK", "SK", "version", "edits", "started_at", "updated_at", "deleted_at", "token", "expires_at"}
    assert not tombstone.keys() - kept, "name it in delete_session, among what goes with the session"


def test_create_again_answers_the_session_that_is_there(api: Api) -> None:
    session_id = api.new(user("one"), title="first", usage={"prompt_tokens": 3})
    again = api.call(
        "POST", "/sessions", {"session_id": session_id, "title": "second", "messages": [user("two")]}
    )
    assert again.status == 200
    assert again.headers["location"] == f"/sessions/{session_id}"
    assert (again.body["title"], again.body["message_count"]) == ("first", 1)
    assert again.body["usage"]["total_tokens"] == 3
    assert api.contents(session_id) == ["one"]
    assert api.list().body["total"] == 1


def test_two_users_may_have_the_same_session_id(api: Api, other: Api) -> None:
    session_id = api.new(user("mine"))
    assert other.call("POST", "/sessions", {"session_id": session_id}).status == 201
    other.append(session_id, user("theirs"))
    assert (api.contents(session_id), other.contents(session_id)) == (["mine"], ["theirs"])


def test_get_answers_304_to_who_has_this_version(api: Api) -> None:
    session_id = api.new(user("one"))
    etag = api.get(session_id).etag
    for known in (etag, f"W/{etag}", f'"0", {etag}', "*"):
        unchanged = api.get(session_id, {"If-None-Match": known})
        assert (unchanged.status, unchanged.etag) == (304, etag)
    for old in ('"0"', '"x"', "1", ""):
        assert api.get(session_id, {"If-None-Match": old}).status == 200
    api.append(session_id, user("two"))
    changed = api.get(session_id, {"If-None-Match": etag})
    assert (changed.status, changed.etag) == (200, '"2"')


def test_every_change_makes_the_version_one_higher(api: Api) -> None:
    session_id = api.new()
    changes: tuple[Callable[[], Reply], ...] = (
        lambda: api.append(session_id, user("one"), assistant("two")),
        lambda: api.title(session_id, "t"),
        lambda: api.patch(session_id, metadata={"a": 1}),
        lambda: api.tool_call(session_id, {"id": "c"}),
        lambda: api.put(session_id, start_sequence=2, messages=[user("three")]),
    )
    for version, change in enumerate(changes, 2):
        assert change().status in {200, 201}
        found = api.get(session_id)
        assert (found.body["version"], found.etag) == (version, f'"{version}"')


def test_get_newest_messages(api: Api) -> None:
    session_id = api.new(*[user(str(number)) for number in range(10)])

    def page(**query: int) -> tuple[list[str], bool, int | None]:
        body = api.get(session_id, **query).body
        assert body["message_count"] == 10
        return [one["content"] for one in body["messages"]], body["has_more"], body["oldest_sequence"]

    assert page(limit=3) == (["7", "8", "9"], True, 7)
    assert page(limit=3, before=7) == (["4", "5", "6"], True, 4)
    assert page(limit=4, before=4) == (["0", "1", "2", "3"], False, 0)
    assert page(before=2) == (["0", "1"], False, 0)
    assert page(limit=0) == ([], True, None)
    assert page(limit=20, before=99) == ([str(number) for number in range(10)], False, 0)
    assert page(before=0) == ([], False, None)


@pytest.mark.thorough
def test_delete_takes_messages_draft_and_cache_along(api: Api, table: TableView, valkey: Any) -> None:
    session_id = api.new(*[user(str(number)) for number in range(60)])
    draft = f"/sessions/{session_id}/draft"
    assert api.call("PUT", draft, {"messages": [user("draft")]}).status == 200
    assert api.get(session_id).status == 200
    api.tool_call(session_id, {"id": "c"})
    assert valkey.keys(f"*{session_id}*")
    assert api.delete(session_id).status == 204
    assert not valkey.keys(f"*{session_id}*")
    for reply in (
        api.get(session_id),
        api.get(session_id, {"If-None-Match": "*"}),
        api.messages(session_id),
        api.append(session_id, user("late")),
        api.append(session_id, user("0", message_id="m")),
        api.title(session_id, "late"),
        api.patch(session_id, metadata={"a": 1}),
        api.tool_call(session_id, {"id": "late"}),
        api.export(session_id),
        api.call("PUT", draft, {"messages": []}),
        api.call("GET", draft),
        api.call("DELETE", draft),
        api.call("DELETE", f"/sessions/{session_id}/cache"),
        api.delete(session_id),
    ):
        reply.problem(404, "not_found")
    for reply in (
        api.call("POST", "/sessions", {"session_id": session_id}),
        api.put(session_id, messages=[user("back")]),
    ):
        problem = reply.problem(410, "gone")
        assert (problem["deleted_at"] in problem["detail"], "recreate" in problem["detail"]) == (True, True)
    assert api.list().body == {"sessions": [], "total": 0, "next_cursor": None}
    (tombstone,) = wait_until(lambda: _purged(table.session(api.user, session_id)))
    assert not {"message_count", "title", "metadata", "GSI1PK", "ring"} & tombstone.keys()
    api.call("POST", "/sessions", {"session_id": session_id}).problem(410, "gone")
    assert not valkey.keys(f"*{session_id}*")


def _purged(rows: Rows) -> list[dict[str, object]]:
    """The tombstone, when the purge is done."""
    return list(rows.values()) if len(rows) == 1 and "expires_at" in next(iter(rows.values())) else []


def test_delete_what_never_was(api: Api) -> None:
    api.delete("nothing").problem(404, "not_found")
    assert api.list().body["total"] == 0


def test_drop_cache(api: Api, valkey: Any) -> None:
    session_id = api.new(user("one"))
    path = f"/sessions/{session_id}/cache"
    assert valkey.keys(f"*{session_id}*")
    for _ in range(2):
        assert api.call("DELETE", path).status == 204
        assert not valkey.keys(f"*{session_id}*")
    assert api.contents(session_id) == ["one"]
    assert valkey.keys(f"*{session_id}*")


def test_text_that_is_odd_but_valid(api: Api) -> None:
    """Whatever JSON can say comes back as it was said."""
    odd = "\x00\x01\x1f\x7f\u2028\ufeff\ufffe😀é e\u0301 </script> ' \" \\ \r\n"
    call = {
        odd: odd,
        "n": [10**400, -(10**400), 0.1, -0.0, 1e300, 5e-324, 2**53 + 1, True, None],
        "d": json.loads("[" * 100 + "]" * 100),
    }
    session_id = api.new(user(odd, tool_calls=[call]), metadata=call)
    for _ in range(2):
        session = api.get(session_id).body
        assert session["messages"][0]["content"] == odd
        assert session["messages"][0]["tool_calls"] == [call]
        assert repr(session["metadata"]) == repr(call)
        api.call("DELETE", f"/sessions/{session_id}/cache")
