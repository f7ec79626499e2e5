"""What the client does when one request meets several faults, and each kind of fault by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.functional.api import assistant, user
from tests.functional.test_client_others import lost_and_then
from tests.functional.test_client_retries import Program, lost_reply, not_reached, program, throttled
from turnlog import errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.functional.test_client_retries import Trouble

__all__ = ["program"]  # the fixture


def raised(kind: type[httpx.TransportError], *, arrives: bool) -> Trouble:
    """The request is carried out or not, and then this goes wrong."""

    async def trouble(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        if arrives:
            await (await way.handle_async_request(request)).aread()
        raise kind("trouble", request=request)

    return trouble


def answered(status: int, **headers: str) -> Trouble:
    """The request is carried out, and the gateway answers for the function."""

    async def trouble(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        await (await way.handle_async_request(request)).aread()
        return httpx.Response(status, json={"message": "Service Unavailable"}, headers=headers)

    return trouble


@pytest.mark.parametrize(
    "trouble",
    [
        *(
            raised(kind, arrives=True)
            for kind in (httpx.ReadError, httpx.ReadTimeout, httpx.WriteTimeout, httpx.RemoteProtocolError)
        ),
        *map(answered, (502, 503, 504)),
    ],
)
def test_what_may_have_been_made_is_not_made_twice(program: Program, trouble: Trouble) -> None:
    session_id = program.api.new(user("q"), assistant("a"))
    call = {"function": {"name": "f"}}
    with pytest.raises(errors.Unavailable):
        program.call("add_tool_call", session_id, call, troubles=[trouble])
    assert program.api.get(session_id).body["messages"][1]["tool_calls"] == [call]
    assert len(program.way.requests) == 1


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_what_was_not_sent_is_sent_again(program: Program, kind: type[httpx.TransportError]) -> None:
    session_id = program.api.new(user("q"), assistant("a"))
    program.call("add_tool_call", session_id, {"n": 1}, troubles=[raised(kind, arrives=False)])
    assert program.api.get(session_id).body["messages"][1]["tool_calls"] == [{"n": 1}]


@pytest.mark.thorough
@pytest.mark.parametrize("then", [[throttled], [not_reached], [throttled, not_reached, throttled]])
def test_a_refusal_does_not_answer_for_the_try_before_it(program: Program, then: Sequence[Trouble]) -> None:
    """The first try was made and its reply lost; what came of it is still not known after a refusal."""
    troubles = [lost_reply, *then]
    session_id = program.api.new(user("q"), user("r"))
    with pytest.raises(errors.Unanswered):
        program.call("set_title", session_id, "mine", if_match=1, troubles=troubles)
    assert program.api.get(session_id).body["title"] == "mine"
    rewind = lost_and_then(lambda: program.api.append(session_id, user("theirs")))
    there: dict[str, Any] = {"to_sequence": 1, "expected_sequence": 2, "if_match": 2}
    rewound = program.call("rewind_session", session_id, troubles=[rewind, *then], **there)
    assert (rewound["replayed"], program.api.contents(session_id)) == (True, ["q", "theirs"])
    assert program.call("delete_session", session_id, troubles=troubles) is None


def test_it_waits_no_longer_than_half_a_minute(program: Program) -> None:
    """Also where a proxy on the way names an hour, or a date."""
    session_id = program.api.new()
    date = "Wed, 21 Oct 2099 07:28:00 GMT"
    troubles = [answered(503, **{"retry-after": after}) for after in ("3600", date)]
    assert program.call("get_session", session_id, troubles=troubles)["version"] == 1
    first, second = program.waits
    assert 30 < first < 31
    assert second < 1


def test_a_draft_that_another_began_is_not_deleted(program: Program) -> None:
    path = f"/sessions/{program.api.new()}/draft"
    theirs = {"messages": [user("theirs")]}
    begun = lost_and_then(lambda: program.api.call("PUT", path, theirs))
    with pytest.raises(errors.Unanswered):
        program.call("delete_draft", path.split("/")[2], troubles=[begun])
    assert program.api.call("GET", path).body["messages"] == theirs["messages"]
