"""Bad input gets the contract's error, and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest

from tests.functional.api import Api, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.server import LocalServer
    from tests.functional.world import Rows, TableView

MESSAGE = json.dumps(user("q")).encode()


def messages(one: bytes) -> bytes:
    return b'{"messages": [' + one + b"]}"


def beside(field: bytes) -> bytes:
    """A good message, and this."""
    return b'{"messages": [' + MESSAGE + b"], " + field + b"}"


NOT_JSON = {
    "nothing": b"",
    "text": b"hello",
    "cut off": b'{"messages": [',
    "trailing": messages(MESSAGE) + b"x",
    "single quotes": b"{'messages': []}",
    "latin-1": messages(b'{"role": "user", "content": "\xe9"}'),
    "raw control character": messages(b'{"role": "user", "content": "a\x01b"}'),
    "raw newline": messages(b'{"role": "user", "content": "a\nb"}'),
    "raw NUL": messages(b'{"role": "user", "content": "a\x00b"}'),
    "surrogate in bytes": messages(b'{"role": "user", "content": "\xed\xa0\x80"}'),
    "NaN": messages(b'{"role": "user", "tool_calls": [{"a": NaN}]}'),
    "-Infinity": messages(b'{"role": "user", "tool_calls": [{"a": -Infinity}]}'),
}

WRONG_SHAPE = {
    "a list": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "no messages": b"{}",
    "messages are null": b'{"messages": null}',
    "empty messages": b'{"messages": []}',
    "100 messages": messages(b", ".join([MESSAGE] * 100)),
    "a message that is text": messages(b'"q"'),
    "a message that is null": messages(b"null"),
    "no role": messages(b'{"content": "q"}'),
    "unknown role": messages(b'{"role": "robot", "content": "q"}'),
    "content is a number": messages(b'{"role": "user", "content": 1}'),
    "content is an object": messages(b'{"role": "user", "content": {"text": "q"}}'),
    "a part that is a number": messages(b'{"role": "user", "content": ["q", 1]}'),
    "a part that is null": messages(b'{"role": "user", "content": [null]}'),
    "metadata is a list": messages(b'{"role": "user", "metadata": []}'),
    "removed in words": messages(b'{"role": "user", "removed": "yes"}'),
    "a name of 65,537": messages(b'{"role": "user", "name": "' + b"x" * 65_537 + b'"}'),
    "501 levels": messages(b'{"role": "user", "tool_calls": [{"a":' + b"[" * 498 + b"]" * 498 + b"}]}"),
    "5,000 levels": messages(b'{"role": "user", "tool_calls": [{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}]}"),
    "4,301 digits": messages(b'{"role": "user", "tool_calls": [{"a": ' + b"1" * 4_301 + b"}]}"),
    "half a character in an id": messages(b'{"role": "user", "message_id": "\\ud800"}'),
    "tool_calls is an object": messages(b'{"role": "user", "tool_calls": {}}'),
    "a tool call that is text": messages(b'{"role": "user", "tool_calls": ["c"]}'),
    "function_call is text": messages(b'{"role": "user", "function_call": "f"}'),
    "empty id": messages(b'{"role": "user", "message_id": ""}'),
    "an id of 65": messages(b'{"role": "user", "message_id": "' + b"x" * 65 + b'"}'),
    "NUL in an id": messages(b'{"role": "user", "message_id": "a\\u0000"}'),
    "a newline in an id": messages(b'{"role": "user", "message_id": "a\\n"}'),
    "unknown field": beside(b'"extra": 1'),
    "usage is a number": beside(b'"usage": 5'),
    "usage is a list": beside(b'"usage": []'),
    "negative expected_sequence": beside(b'"expected_sequence": -1'),
    "expected_sequence of 400 digits": beside(b'"expected_sequence": ' + b"1" * 400),
    "expected_sequence in text": beside(b'"expected_sequence": "1"'),
    "a truth for a number": beside(b'"expected_sequence": true'),
    "1e999": messages(b'{"role": "user", "tool_calls": [{"a": 1e999}]}'),
}


class Victim(NamedTuple):
    """A user with a session, which the tests of this module must leave alone."""

    api: Api
    session_id: str
    rows: Rows


@pytest.fixture(scope="module")
def victim(server: LocalServer, table: TableView) -> Iterator[Victim]:
    """After the last test the whole table is what it was before the first."""
    api = Api(server.url, f"victim-{uuid4().hex}")
    session_id = api.new(user("stored"), title="t", metadata={"a": 1})
    before = table.settled()
    yield Victim(api, session_id, table.owned(api.user))
    assert table.settled() == before


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
def test_not_json(victim: Victim, table: TableView, raw: bytes) -> None:
    api, session_id, before = victim
    for media_type in ("application/json", "application/octet-stream"):
        reply = api.call(
            "POST", f"/sessions/{session_id}/messages", raw=raw, headers={"content-type": media_type}
        )
        reply.problem(400, "malformed_body")
    assert table.owned(api.user) == before


@pytest.mark.parametrize("raw", WRONG_SHAPE.values(), ids=WRONG_SHAPE)
def test_wrong_shape(victim: Victim, table: TableView, raw: bytes) -> None:
    api, session_id, before = victim
    problem = api.call("POST", f"/sessions/{session_id}/messages", raw=raw).problem(422, "invalid")
    assert problem["errors"]
    assert all(error["loc"][0] == "body" for error in problem["errors"])
    assert table.owned(api.user) == before


BODIES: list[tuple[str, str, Any]] = [
    ("POST", "", {"session_id": "a/b"}),
    ("POST", "", {"session_id": ".."}),
    ("POST", "", {"session_id": " "}),
    ("POST", "", {"session_id": ""}),
    ("POST", "", {"session_id": "x" * 129}),
    ("POST", "", {"session_id": "a#HEAD"}),
    ("POST", "", {"session_id": "a\n"}),
    ("POST", "", {"session_id": 5}),
    ("POST", "", {"user_id": "somebody"}),
    ("POST", "", {"messages": [user("q")] * 98}),
    ("POST", "", {"metadata": []}),
    ("POST", "", {"credentials": {"p": None}}),
    ("POST", "", {"credentials": {"p": "secret"}}),
    ("POST", "", {"successful_agent_runs": {"g": -1}}),
    ("POST", "", {"successful_agent_runs": {"g": 10**400}}),
    ("POST", "", {"successful_agent_schedules": {"g": 1.5}}),
    ("POST", "", {"title": 5}),
    ("POST", "", {"version": 5}),
    ("PUT", "/{}", {"start_sequence": -1}),
    ("PUT", "/{}", {"start_sequence": 10**30}),
    ("PUT", "/{}", {"messages": [user("stored", sequence=1)]}),
    ("PUT", "/{}", {"messages": [user("stored", sequence="0")]}),
    ("PUT", "/{}", {"messages": [user("q", message_id="m"), user("q", message_id="m")]}),
    ("PUT", "/{}", {"messages": [user("q")] * 10_001}),
    ("PUT", "/{}", {"user_id": "somebody"}),
    ("PATCH", "/{}", {"title": "t"}),
    ("PATCH", "/{}", {"metadata": "x"}),
    ("PATCH", "/{}", {"credentials": {"p": 1}}),
    ("PATCH", "/{}", {"successful_agent_runs": {"g": "1"}}),
    ("PATCH", "/{}/title", {}),
    ("PATCH", "/{}/title", {"title": None}),
    ("PATCH", "/{}/title", {"title": "new", "only_if_unset": "maybe"}),
    ("PATCH", "/{}/title", {"title": "new", "extra": 1}),
    ("POST", "/{}/tool-calls", {}),
    ("POST", "/{}/tool-calls", {"tool_call": {}}),
    ("POST", "/{}/tool-calls", {"tool_call": [{"id": "c"}]}),
    ("PUT", "/{}/draft", {"messages": [{"role": "robot"}]}),
]


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_wrong_shape_elsewhere(victim: Victim, table: TableView, method: str, path: str, body: Any) -> None:
    api, session_id, before = victim
    api.call(method, "/sessions" + path.format(session_id), body).problem(422, "invalid")
    assert table.owned(api.user) == before


@pytest.mark.parametrize("name", ["limit", "before", "after"])
@pytest.mark.parametrize("value", ["-2", "abc", "", "1.5", "1e2", " 1", "+1", "٣", "9" * 400, "0x1", "1_0"])
def test_a_number_in_a_query_that_is_none(victim: Victim, name: str, value: str) -> None:
    api, session_id, _ = victim
    if name != "after":
        api.get(session_id, **{name: value}).problem(422, "invalid")
    problem = api.messages(session_id, **{name: value}).problem(422, "invalid")
    assert problem["errors"][0]["loc"] == ["query", name]


def test_limits_of_a_page_of_messages(victim: Victim) -> None:
    api, session_id, _ = victim
    for limit in (0, 1_001, 10_000):
        api.messages(session_id, limit=limit).problem(422, "invalid")
