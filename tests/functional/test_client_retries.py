"""What the client does when answers are lost and requests refused, on the way to a server that is real."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

import httpx
import pytest

from tests.functional.api import Api, assistant, user
from turnlog import AsyncTurnlog, errors
from turnlog.client import http as client
from turnlog.client.http import RETRIES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from infra.local.server import LocalServer

    # What happens to a request; one that has none arrives and is answered.
    Trouble: TypeAlias = Callable[[httpx.AsyncBaseTransport, httpx.Request], Awaitable[httpx.Response]]


async def lost_reply(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
    await (await way.handle_async_request(request)).aread()
    raise httpx.ReadError("lost", request=request)


async def too_late(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
    await (await way.handle_async_request(request)).aread()
    raise httpx.ReadTimeout("late", request=request)


async def not_reached(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:  # noqa: ARG001
    raise httpx.ConnectError("refused", request=request)


async def crashed(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
    """What API Gateway answers for a function that did its work and was ended before it answered."""
    await (await way.handle_async_request(request)).aread()
    return httpx.Response(500, json={"message": "Internal Server Error"})


async def throttled(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:  # noqa: ARG001
    return httpx.Response(429, json={"message": "Too Many Requests"})


async def unavailable(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:  # noqa: ARG001
    document = {"type": "unavailable", "title": "Try again", "status": 503, "detail": "The table is busy."}
    return httpx.Response(503, json=document, headers={"retry-after": "7"})


class Way(httpx.AsyncBaseTransport):
    """The way to the server, with troubles for the first requests."""

    def __init__(self, *troubles: Trouble) -> None:
        self.troubles = list(troubles)
        self.requests: list[httpx.Request] = []
        self._way = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.troubles:
            return await self.troubles.pop(0)(self._way, request)
        return await self._way.handle_async_request(request)

    async def aclose(self) -> None:
        await self._way.aclose()


class Program:
    """Calls of one user, and how long was waited between their tries."""

    def __init__(self, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = Api(server.url, f"user-{uuid4().hex}")
        self.waits: list[float] = []
        self.tokens = 0
        monkeypatch.setattr(client, "sleep", self._sleep)

    def call(self, operation: str, *arguments: Any, troubles: Sequence[Trouble], **more: Any) -> Any:
        async def main() -> Any:
            self.way = Way(*troubles)
            async with httpx.AsyncClient(transport=self.way) as http:
                turnlog = AsyncTurnlog(url=self.api.url, token=self._token, http_client=http)
                return await getattr(turnlog, operation)(*arguments, **more)

        return asyncio.run(main())

    def _token(self) -> str:
        self.tokens += 1
        return str(self.api.user)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def program(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(server, monkeypatch)


@pytest.mark.parametrize("trouble", [lost_reply, too_late, crashed])
def test_an_append_whose_reply_is_lost_is_stored_once(program: Program, trouble: Trouble) -> None:
    session_id = program.api.new()
    troubles = [trouble, trouble]
    answer = program.call(
        "append_messages", session_id, [user("q")], usage={"prompt_tokens": 1}, troubles=troubles
    )
    assert (answer["first_sequence"], answer["message_count"], answer["replayed"]) == (0, 1, True)
    assert program.api.contents(session_id) == ["q"]
    assert program.api.get(session_id).body["usage"]["prompt_tokens"] == 1
    # A token that has run out is not sent again.
    assert (len(program.way.requests), program.tokens, len(program.waits)) == (3, 3, 2)


def test_each_try_sends_what_the_first_one_sent(program: Program) -> None:
    """The body is made once, so a program may go on with what it has handed over."""
    session_id, part = program.api.new(), {"type": "text", "text": "q"}

    async def goes_on(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        part["text"] = "changed"
        return await lost_reply(way, request)

    said = {"role": "user", "content": [part]}
    answer = program.call("append_messages", session_id, [said], troubles=[goes_on, goes_on])
    assert (answer["replayed"], answer["messages"][0]["content"][0]["text"]) == (True, "q")


def test_a_session_whose_reply_is_lost_is_created_once(program: Program) -> None:
    answer = program.call("create_session", messages=[user("q")], troubles=[lost_reply])
    listed = program.api.list().body
    assert (listed["total"], listed["sessions"][0]["session_id"]) == (1, answer["session_id"])


def test_a_tool_call_without_an_id_is_not_sent_again(program: Program) -> None:
    session_id = program.api.new(user("q"), assistant("a"))
    with pytest.raises(errors.Unanswered):
        program.call("add_tool_call", session_id, {"function": {"name": "f"}}, troubles=[lost_reply])
    assert len(program.api.get(session_id).body["messages"][1]["tool_calls"]) == 1
    assert len(program.way.requests) == 1
    with pytest.raises(errors.Unavailable):
        program.call("add_tool_call", session_id, {"function": {"name": "f"}}, troubles=[unavailable])
    assert len(program.way.requests) == 1
    # One of which is known that it did not arrive.
    troubles = [not_reached, throttled]
    program.call("add_tool_call", session_id, {"function": {"name": "f"}}, troubles=troubles)
    assert len(program.way.requests) == 3
    assert len(program.api.get(session_id).body["messages"][1]["tool_calls"]) == 2


def test_a_tool_call_with_an_id_is(program: Program) -> None:
    session_id = program.api.new(user("q"), assistant("a"))
    answer = program.call("add_tool_call", session_id, {"id": "c"}, troubles=[lost_reply])
    assert answer["message"]["tool_calls"] == [{"id": "c"}]


@pytest.mark.parametrize("trouble", [lost_reply, too_late])
def test_entries_whose_reply_is_lost_are_stored_once(program: Program, trouble: Trouble) -> None:
    """With a uuid and without: their batch has an id."""
    session_id, entries = program.api.new(), [{"uuid": "a"}, {"n": 1.5}]
    answer = program.call("append_entries", session_id, "main", entries, troubles=[trouble, trouble])
    assert (answer["entry_count"], answer["replayed"]) == (2, True)
    assert program.api.transcript(session_id, "main").body["entries"] == entries


def test_a_rewind_whose_reply_is_lost_is_one(program: Program) -> None:
    session_id = program.api.new(user("q"), assistant("a"))
    there = {"to_sequence": 1, "expected_sequence": 2, "if_match": 1}
    assert program.call("rewind_session", session_id, troubles=[lost_reply], **there)["replayed"] is True
    # Another's of as much is none of its own.
    with pytest.raises(errors.SequenceMismatch):
        program.call("rewind_session", session_id, troubles=[], to_sequence=1, expected_sequence=2)


def test_a_change_that_may_have_been_made(program: Program) -> None:
    """At a version it is sent again, and refused; without one it could undo another's, and is not."""
    session_id = program.api.new()
    for title, condition, requests in (("t", {"if_match": 1}, 2), ("u", {}, 1)):
        with pytest.raises(errors.Unanswered):
            program.call("set_title", session_id, title, troubles=[lost_reply], **condition)
        assert program.api.get(session_id).body["title"] == title
        assert len(program.way.requests) == requests
    # A change that did not arrive is sent again in either case.
    assert program.call("set_title", session_id, "v", troubles=[not_reached])["title"] == "v"


def test_what_its_own_first_try_deleted_is_deleted(program: Program) -> None:
    session_id = program.api.new()
    assert program.call("delete_session", session_id, troubles=[lost_reply]) is None
    with pytest.raises(errors.NotFound):
        program.call("delete_session", session_id, troubles=[throttled])


def test_it_waits_as_long_as_it_is_told_and_a_little(program: Program) -> None:
    session_id = program.api.new()
    troubles = [unavailable, throttled, not_reached]
    assert program.call("get_session", session_id, troubles=troubles)["version"] == 1
    assert 7 < program.waits[0] < 7 + 1
    assert all(0 < wait < 1 for wait in program.waits[1:])
    # Each waits another time than all that were refused with it.
    before = program.waits
    program.waits = []
    program.call("get_session", session_id, troubles=troubles)
    assert not {*before} & {*program.waits}


@pytest.mark.parametrize(
    ("trouble", "error"),
    [(unavailable, errors.Unavailable), (throttled, errors.Contended), (not_reached, errors.Contended)],
)
def test_it_gives_up(program: Program, trouble: Trouble, error: type[errors.TurnlogError]) -> None:
    with pytest.raises(error):
        program.call("list_sessions", troubles=[trouble] * 9)
    assert len(program.way.requests) == RETRIES + 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(401, json={"message": "Unauthorized"}), errors.Unauthenticated),
        # Of a wrong stage or host: it must not be taken for a session that is not there.
        (httpx.Response(404, json={"message": "Not Found"}), errors.UsageError),
        (httpx.Response(301, headers={"location": "/elsewhere"}), errors.UsageError),
        (httpx.Response(403, json={"message": "Forbidden"}), errors.TurnlogError),
        (httpx.Response(501, text="<html>"), errors.TurnlogError),
        (httpx.Response(501, json=["no", "object"]), errors.TurnlogError),
        (httpx.Response(500, json={"type": "internal", "detail": "It failed."}), errors.TurnlogError),
    ],
)
def test_answers_that_are_not_turnlogs_own(
    program: Program, reply: httpx.Response, error: type[errors.TurnlogError]
) -> None:
    async def answer(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:  # noqa: ARG001
        return reply

    with pytest.raises(error) as caught:
        program.call("list_sessions", troubles=[answer])
    assert (type(caught.value), caught.value.status) == (error, reply.status_code)
    assert len(program.way.requests) == 1
