"""The HTTP edge: tokens, request ids, problems, health, direct invoke, and a table that does not answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.template import functions, routes, streaming_routes
from tests.functional.api import Api, assistant, check_shape, user
from tests.functional.test_ids import REQUESTS
from tests.functional.world import counted, lost_reply, unreachable

if TYPE_CHECKING:
    from infra.local.server import LocalServer
    from tests.functional.world import TableView


@pytest.mark.parametrize("token", [None, "", "   "])
def test_without_a_token(server: LocalServer, token: str | None) -> None:
    """Nothing else is told, and nothing is asked of the table."""
    nobody = Api(server.url, token)
    requests: list[tuple[str, str, Any]] = [("GET", "", None), ("POST", "", {}), ("POST", "", [])]
    requests += [(method, f"/no#id{path}".replace("#", "%23"), body) for method, path, body in REQUESTS]
    with counted() as sent:
        for method, path, body in requests:
            reply = nobody.call(method, f"/sessions{path}", body)
            reply.problem(401, "unauthenticated")
            assert reply.headers["www-authenticate"] == "Bearer"
    assert sent == []


def test_health_asks_for_no_token(server: LocalServer) -> None:
    reply = Api(server.url, None).call("GET", "/health")
    assert (reply.status, reply.body) == (200, {"status": "ok", "table": "ok", "cache": "ok"})


def test_every_answer_has_an_id_of_its_own_and_no_cache_keeps_it(api: Api) -> None:
    replies = [api.list(), api.list(), api.get("nothing"), api.call("POST", "/sessions", raw=b"x")]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 4
    assert {reply.headers["cache-control"] for reply in replies} == {"private, no-cache"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("PUT", "/sessions"), ("POST", "/sessions/s"), ("GET", "/sessions/s/messages/0")],
)
def test_what_is_no_route(api: Api, method: str, path: str) -> None:
    assert api.call(method, path).status == 404


def test_a_table_that_does_not_answer(api: Api) -> None:
    """Is not a session that is not there."""
    session_id = api.new(user("q"))
    with unreachable():
        for reply in (
            api.get(session_id),
            api.messages(session_id),
            api.export(session_id),
            api.list(),
            api.call("GET", "/health"),
            api.put(session_id, messages=[user("q")]),
            api.call("PUT", f"/sessions/{session_id}/draft", {"messages": []}),
        ):
            problem = reply.problem(503, "unavailable")
            assert int(reply.headers["retry-after"]) >= 1
            assert api.url not in problem["detail"]
            assert "SessionsTable" not in str(problem)
    assert api.contents(session_id) == ["q"]


class Context:
    """A Lambda that must answer in a second and a bit."""

    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 1_100


WRITES: list[tuple[str, dict[str, Any]]] = [
    ("append_messages", {"messages": [user("late", message_id="late")], "usage": {"prompt_tokens": 1}}),
    ("set_title", {"title": "late"}),
    ("patch_session", {"metadata": {"late": 1}}),
    ("add_tool_call", {"tool_call": {"id": "late"}}),
    ("put_session", {"start_sequence": 2, "messages": [user("late")]}),
    ("delete_session", {}),
]


@pytest.mark.parametrize(("function", "body"), WRITES)
@pytest.mark.parametrize("operation", ["TransactWriteItems", "UpdateItem"])
def test_a_write_that_was_refused_until_time_ran_out(
    api: Api, table: TableView, operation: str, function: str, body: dict[str, Any]
) -> None:
    """503 within the time that is left, nothing written; the same request then finishes."""
    from importlib import import_module  # noqa: PLC0415

    handler = import_module(f"functions.{function}").handler
    session_id = api.new(user("q"), assistant("a"))
    event = {"user_id": api.user, "session_id": session_id, "body": body}
    before = table.session(api.user, session_id)
    with unreachable(operation):
        refused = json.loads(handler(event, Context()))
    if (operation == "UpdateItem") == (function in {"set_title", "patch_session"}):
        assert (refused["status"], refused["body"]["type"]) == (503, "unavailable")
        assert table.session(api.user, session_id) == before
        assert json.loads(handler(event, None))["status"] in {200, 201, 204}
    else:
        assert refused["status"] in {200, 201, 204}


def test_direct_invoke_answers_the_same_bodies(api: Api) -> None:
    sid = api.new(user("q", message_id="q"), metadata={"a": 1})
    put = api.call("PUT", f"/sessions/{sid}/draft", {"messages": []}).body
    query = {"limit": 1, "draft": True}
    assert api.invoke("GetSessionFunction", sid, query=query) == {
        "status": 200,
        "body": api.get(sid, limit=1, draft="true").body,
    }
    assert api.invoke("GetDraftFunction", sid)["body"] == put
    listed = api.invoke("ListSessionsFunction", query={"limit": 5, "cursor": None})
    assert listed == {"status": 200, "body": api.list().body}
    replay = api.invoke("AppendMessagesFunction", sid, body={"messages": [user("q", message_id="q")]})
    assert replay["status"] == 200
    check_shape("Appended", json.dumps(replay["body"]))
    assert api.invoke("ListMessagesFunction", sid, query={"after": -1})["body"]["newest_sequence"] == 0
    assert api.invoke("ExportOpenaiMessagesFunction", sid)["body"] == api.export(sid).body
    assert api.invoke("CheckHealthFunction")["body"]["status"] == "ok"
    assert api.invoke("SetTitleFunction", sid, body={"title": "t"})["body"]["title"] == "t"
    stale = api.invoke("PatchSessionFunction", sid, body={}, headers={"If-Match": '"1"'})
    assert (stale["status"], stale["body"]["type"]) == (412, "precondition_failed")
    assert api.invoke("DropCacheFunction", sid) == {"status": 204, "body": None}
    assert api.invoke("DeleteSessionFunction", sid) == {"status": 204, "body": None}
    assert api.invoke("GetSessionFunction", sid)["status"] == 404


@pytest.mark.parametrize(
    ("function", "event", "status"),
    [
        ("CreateSessionFunction", {"body": {"x": 1}}, 422),
        ("CreateSessionFunction", {"body": "text"}, 422),
        ("CreateSessionFunction", {"body": {"title": []}}, 422),
        ("GetSessionFunction", {"session_id": None}, 422),
        ("GetSessionFunction", {"session_id": 5}, 422),
        ("GetSessionFunction", {"session_id": "s", "query": {"limit": "x"}}, 422),
        ("GetSessionFunction", {"session_id": "s", "query": {"limit": [1]}}, 422),
        ("GetSessionFunction", {"session_id": "s", "query": {"draft": "yes"}}, 422),
        ("ListSessionsFunction", {"query": {"limit": 1000}}, 422),
    ],
)
def test_direct_invoke_with_what_is_wrong(api: Api, function: str, event: Any, status: int) -> None:
    session_id = event.get("session_id")
    given = {name: value for name, value in event.items() if name != "session_id"}
    answer = api.invoke(function, session_id, **given)
    assert answer["status"] == answer["body"]["status"] == status
    check_shape("Problem", json.dumps(answer["body"]))


def test_direct_invoke_without_a_user(server: LocalServer) -> None:
    for function in {route.function.name for route in routes() if route.authorized}:
        assert Api(server.url, None).invoke(function, "s", body={})["status"] == 401
    # The purge and the sweep have no route.
    assert len(functions()) == len(routes()) + len(streaming_routes()) + 2


def test_a_lost_reply_of_a_read(api: Api) -> None:
    session_id = api.new(user("q"))
    with lost_reply("GetItem"):
        assert api.get(session_id).status == 200
    with lost_reply("Query"):
        assert api.list().status == 200


def test_a_direct_invoke_with_half_a_character(api: Api) -> None:
    """Lambda's own encoder would fail, when the message is stored."""
    session_id = api.new()
    message = {"role": "tool", "content": "cut \ud83d", "tool_call_id": "c"}
    appended = api.invoke("AppendMessagesFunction", session_id, body={"messages": [message]})
    assert (appended["status"], appended["body"]["messages"][0]["content"]) == (201, "cut \ud83d")
    assert api.invoke("GetSessionFunction", session_id)["body"]["messages"] == appended["body"]["messages"]
