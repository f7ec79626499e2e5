"""G5: no id reaches what is not its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.functional.api import Api, user

if TYPE_CHECKING:
    from infra.local.server import LocalServer
    from tests.functional.world import TableView

REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"metadata": {"forged": 1}}),
    ("PATCH", "/title", {"title": "forged"}),
    ("DELETE", "", None),
    ("POST", "/messages", {"messages": [user("forged")]}),
    ("GET", "/messages", None),
    ("POST", "/tool-calls", {"tool_call": {"id": "forged"}}),
    ("GET", "/openai-messages", None),
    ("PUT", "/draft", {"messages": [user("forged")]}),
    ("GET", "/draft", None),
    ("DELETE", "/draft", None),
    ("DELETE", "/cache", None),
    ("PUT", "", {"messages": [user("forged")]}),  # the last: it makes one
]


@pytest.mark.thorough
def test_another_users_session_is_not_found(api: Api, other: Api, table: TableView) -> None:
    """Not told from one that is not there, and left as it is; PUT makes the caller's own."""
    session_id = api.new(user("mine", message_id="m"), title="t")
    draft = api.call("PUT", f"/sessions/{session_id}/draft", {"messages": [user("d")]}).body
    before = table.owned(api.user)
    for method, path, body in REQUESTS:
        reply = other.call(method, f"/sessions/{session_id}{path}", body)
        if (method, path) == ("PUT", ""):
            assert (reply.status, reply.body["user_id"]) == (201, other.user)
            assert other.contents(session_id) == ["forged"]
        else:
            problem = reply.problem(404, "not_found")
            assert problem == other.call(method, f"/sessions/nothing{path}", body).body
            assert other.list().body["total"] == 0
        assert table.owned(api.user) == before, (method, path)
        assert api.get(session_id, draft="true").body["draft"] == draft, (method, path)


@pytest.mark.parametrize(
    "session_id",
    [
        "a#b",
        "#",
        " ",
        "a%b",
        "a\u2028b",
        "x" * 129,
        "x" * 300,
        "..",
        "a\x00",
        "a\n",
        "HEAD\r",
    ],
)
def test_a_session_id_that_is_none(api: Api, table: TableView, session_id: str) -> None:
    for method, path, body in REQUESTS:
        reply = api.call(method, f"/sessions/{quote(session_id, safe='')}{path}", body)
        problem = reply.problem(422, "invalid")
        assert problem["errors"][0]["loc"] == ["path", "session_id"]
    assert not table.owned(api.user)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "session_id",
    ["slack:C123.456", "+49 151", "a@b", "a b", "ä", "a\u0308", "😀" * 128, "*", "...", "{}", "~"],
)
def test_a_session_id_of_any_characters(api: Api, session_id: str) -> None:
    made = api.call("POST", "/sessions", {"session_id": session_id})
    assert made.body["session_id"] == session_id
    assert made.headers["location"] == f"/sessions/{quote(session_id, safe='')}"
    path = made.headers["location"]
    assert api.call("POST", f"{path}/messages", {"messages": [user("q")]}).status == 201
    assert api.call("GET", path).body["messages"][0]["content"] == "q"
    assert api.call("PUT", f"{path}/draft", {"messages": [user("d")]}).status == 200
    assert [one["session_id"] for one in api.list().body["sessions"]] == [session_id]
    assert api.call("DELETE", path).status == 204
    assert api.call("GET", path).status == 404


@pytest.mark.parametrize("session_id", ["a/b", "a%2Fb", "a%2fmessages", "/", ""])
def test_a_slash_in_an_id_is_no_route_or_no_id(api: Api, table: TableView, session_id: str) -> None:
    for method, path, body in REQUESTS:
        assert api.call(method, f"/sessions/{session_id}{path}", body).status in {404, 422}
    assert not table.owned(api.user)


USERS = [
    "a",
    "a#SESSION#s",
    "a%23SESSION%23s",
    "a%2523SESSION%2523s",
    "USER#a",
    "a#",
    "#a",
    "a b",
    "a%",
    "A",
    "a/b",
    "SESSION",
    "é",
    "e\u0301",
    "😀",
    "a\x00",
    "a\n",
    "*",
    "~",
    "a" * 300,
    "a" * 301,
]


@pytest.mark.thorough
def test_users_of_all_names_are_kept_apart(server: LocalServer) -> None:
    """By direct invoke, where a user id may be any text."""
    users = [Api(server.url, f"{name}") for name in USERS]
    for number, api in enumerate(users):
        created = api.invoke(
            "CreateSessionFunction", body={"session_id": "s", "messages": [user(str(number))]}
        )
        assert (created["status"], created["body"]["user_id"]) == (201, api.user)
    for number, api in enumerate(users):
        found = api.invoke("GetSessionFunction", "s")
        assert [one["content"] for one in found["body"]["messages"]] == [str(number)]
        listed = api.invoke("ListSessionsFunction")["body"]
        assert (listed["total"], len(listed["sessions"])) == (1, 1)
    for number, api in enumerate(users):
        assert api.invoke("DeleteSessionFunction", "s")["status"] == 204
        # Neighbours in the list are those whose names are most alike.
        for other, status in ((number, 404), (number + 1, 200), (number + 2, 200)):
            if other < len(users):
                assert users[other].invoke("GetSessionFunction", "s")["status"] == status


@pytest.mark.parametrize("name", ["", "😀" * 300, "a" * 1_025, "\ud800", 5, ["a"], {}])
def test_a_user_id_that_is_none(server: LocalServer, name: Any) -> None:
    api = Api(server.url, None)
    for function, session_id in (("ListSessionsFunction", None), ("GetSessionFunction", "s")):
        answer = api.invoke(function, session_id, user_id=name)
        assert (answer["status"], answer["body"]["type"]) == (422, "invalid")
