"""A user's sessions: most recently changed first, counted exactly, paged without a gap or a repeat."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import user
from turnlog.coroutines import run
from turnlog.drivers.blocking import SystemClock, lambda_store
from turnlog.operations.create_session import create_session
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.api import Api
    from tests.http_client import Reply


def ids(page: Any) -> list[str]:
    return [session["session_id"] for session in page["sessions"]]


def test_a_new_user_has_none(api: Api) -> None:
    assert api.list().body == {"sessions": [], "total": 0, "next_cursor": None}


@pytest.mark.thorough
def test_every_change_brings_a_session_to_the_front(api: Api) -> None:
    one, two, three, four = (api.new(user("q")) for _ in range(4))
    assert ids(api.list().body) == [four, three, two, one]
    changes: tuple[tuple[str, Callable[[], Reply]], ...] = (
        (one, lambda: api.append(one, user("hello"))),
        (two, lambda: api.title(two, "t")),
        (three, lambda: api.patch(three, metadata={"a": 1})),
        (four, lambda: api.tool_call(four, {"id": "c"})),
        (one, lambda: api.put(one, title="t")),
    )
    for changed, change in changes:
        assert ids(api.list().body)[0] != changed
        assert change().status in {200, 201}
        assert ids(api.list().body)[0] == changed
    assert ids(api.list().body) == [one, four, three, two]


def test_what_a_list_shows(api: Api) -> None:
    session_id = api.new(
        user("secret"), title="t", metadata={"a": 1}, credentials={"p": {}}, usage={"prompt_tokens": 1}
    )
    api.append(session_id, user("more"))
    session = api.get(session_id, limit=0).body
    for name in ("messages", "has_more", "oldest_sequence", "active_stream"):
        del session[name]
    assert api.list().body["sessions"] == [session]


def test_total_is_exact(api: Api) -> None:
    made = [api.new() for _ in range(5)]
    api.call("POST", "/sessions", {"session_id": made[0]})
    api.put("by-put", messages=[])
    api.delete(made[1])
    api.delete(made[1])
    api.delete("nothing")
    page = api.list(limit=1).body
    assert (page["total"], len(page["sessions"])) == (5, 1)


def test_pages_by_cursor(api: Api) -> None:
    made = [api.new() for _ in range(7)]
    pages = [api.list(limit=3).body]
    while pages[-1]["next_cursor"]:
        pages.append(api.list(limit=3, cursor=pages[-1]["next_cursor"]).body)
    assert [len(page["sessions"]) for page in pages] == [3, 3, 1]
    assert [one for page in pages for one in ids(page)] == made[::-1]
    assert {page["total"] for page in pages} == {7}
    whole = api.list(limit=7).body
    assert (len(whole["sessions"]), whole["next_cursor"]) == (7, None)


class Stopped(SystemClock):
    """A clock on which it is always the same instant."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.thorough
def test_pages_with_equal_times_neither_skip_nor_repeat(api: Api) -> None:
    deadline = time.monotonic() + 29
    store = lambda_store(deadline)._replace(clock=Stopped(deadline))
    made = [f"s{number}" for number in (3, 1, 6, 0, 5, 2, 4)]
    for session_id in made:
        run(create_session(store, SessionKey(str(api.user), session_id)))
    made.sort(reverse=True)
    assert len({session["updated_at"] for session in api.list().body["sessions"]}) == 1
    for limit in (1, 2, 3):
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = api.list(limit=limit, **cursor).body
            found += ids(page)
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert found == made


def test_a_page_is_steady_while_sessions_come_and_go(api: Api) -> None:
    made = [api.new() for _ in range(6)]
    page = api.list(limit=2).body
    api.new()
    api.title(made[5], "to the front")
    api.delete(made[4])
    rest = api.list(limit=10, cursor=page["next_cursor"]).body
    assert ids(rest) == made[:4][::-1]


def test_offset(api: Api) -> None:
    made = [api.new() for _ in range(5)][::-1]
    assert ids(api.list(offset=2, limit=2).body) == made[2:4]
    assert ids(api.list(offset=4, limit=2).body) == made[4:]
    beyond = api.list(offset=5, limit=2).body
    assert (ids(beyond), beyond["total"], beyond["next_cursor"]) == ([], 5, None)
    page = api.list(offset=1, limit=2).body
    assert ids(api.list(limit=9, cursor=page["next_cursor"]).body) == made[3:]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "101"},
        {"limit": "10000"},
        {"limit": "abc"},
        {"limit": ""},
        {"limit": "1.0"},
        {"limit": "9" * 5000},
        {"limit": "٣"},
        {"offset": "-1"},
        {"offset": "1e3"},
        {"cursor": "x"},
        {"cursor": "AAAA"},
        {"cursor": "!§$"},
        {"cursor": "a" * 3000},
    ],
)
def test_a_query_that_is_none(api: Api, query: dict[str, str]) -> None:
    api.new()
    problem = api.list(**query).problem(422, "invalid")
    assert problem["errors"][0]["loc"] == ["query", *query]


def test_a_cursor_that_was_tampered_with_or_is_anothers(api: Api, other: Api) -> None:
    for mine in (api, other):
        mine.new()
        mine.new()
    cursor = api.list(limit=1).body["next_cursor"]
    assert api.list(cursor=cursor).status == 200
    other.list(cursor=cursor).problem(422, "invalid")
    for at in range(len(cursor)):
        changed = cursor[:at] + ("B" if cursor[at] != "B" else "C") + cursor[at + 1 :]
        api.list(cursor=changed).problem(422, "invalid")
    for changed in (cursor[:-1], cursor + "A", cursor + "=", cursor + "\n", f" {cursor}"):
        api.list(cursor=changed).problem(422, "invalid")
