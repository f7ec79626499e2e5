"""Calls of the HTTP client that are cancelled at every moment, and whose answers are late, or in part."""

from __future__ import annotations

import asyncio
import json
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio
import httpx
import pytest

from tests.answering import answering, reply
from tests.cancelling import cancelled_in_turn, run_clean
from turnlog import AsyncTurnlog
from turnlog.client import http as client
from turnlog.client.request import Request
from turnlog.errors import Unanswered
from turnlog.http.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.answering import Asked

LARGE = 100_000
ALICE = "alice"
WRITES = {"POST", "PUT", "PATCH"}
REPEATABLE = Request("get_session", "first")
NOT_REPEATABLE = Request("put_draft", "first", body={"messages": []}, repeatable=False)


def own(asked: Asked, framed: str = "length") -> bytes:
    """An answer that says what it answers, and takes several turns to come."""
    body = {"asked": asked.path, "user": asked.headers["authorization"]}
    if "large" in asked.path:
        body["more"] = "x" * LARGE
    return reply(json.dumps(body).encode(), framed=framed, content_type="application/json")


async def http_of(turnlog: AsyncTurnlog) -> httpx.AsyncClient:
    """The client that was handed over."""
    http: httpx.AsyncClient = await turnlog._way._link._kept.get()  # type: ignore[attr-defined]
    return http


def one_connection(url: str, **time_outs: float) -> AsyncTurnlog:
    """A client that has one connection: who leaves it in use leaves none for the next."""
    limits = httpx.Limits(max_connections=1)
    time_out = httpx.Timeout(30, **{"pool": 1, **time_outs})
    http = httpx.AsyncClient(limits=limits, timeout=time_out, verify=client._trusted())
    return AsyncTurnlog(url=url, token=ALICE, http_client=http)


async def asks_for_its_own(turnlog: AsyncTurnlog, number: int) -> None:
    """Whoever comes next is answered what it asked for, also on the connection that is there then."""
    for at in range(2):
        answer = await turnlog._answer(Request("get_session", f"next-{number}-{at}"))
        assert answer == {"asked": f"/sessions/next-{number}-{at}", "user": "Bearer alice"}


def request_of(operation: str, session_id: str) -> Request:
    method, path = ROUTES[operation]
    name = "main" if "{name}" in path else None
    body = {"x": "x" * LARGE} if method in WRITES else None
    return Request(
        operation,
        session_id,
        name,
        body,
        sequence=0 if "{sequence}" in path else None,
        file_id="0" * 32 if "{file_id}" in path else None,
        stream_id="s" if "{stream_id}" in path else None,
        job_id=str(UUID(int=0)) if "{job_id}" in path else None,
    )


@pytest.mark.parametrize(
    ("operation", "idle", "again"),
    [
        *product(["get_session"], [False, True], [False, True]),
        ("append_messages", False, True),
        *(
            pytest.param(operation, False, False, marks=pytest.mark.thorough)
            for operation in ROUTES
            if operation != "get_session"
        ),
    ],
)
def test_whoever_comes_after_a_cancelled_call_is_answered(operation: str, idle: bool, again: bool) -> None:
    """With an answer of its own, on the one connection that the client may have."""

    async def main() -> int:
        async with answering(own) as server:
            turns = 0
            while True:
                turnlog = one_connection(server.url)
                async with await http_of(turnlog):
                    if idle:
                        await asks_for_its_own(turnlog, turns)
                    call = turnlog._answer(request_of(operation, f"large-{turns}"))
                    was_cancelled = await cancelled_in_turn(call, turns + 1, again=again)
                    await asks_for_its_own(turnlog, turns)
                    await server.settled(1)
                await server.settled(0)
                if not was_cancelled:
                    return turns
                turns += 1

    assert run_clean(main) >= 10


def test_a_client_closes_its_connections_though_it_is_cancelled() -> None:
    async def main() -> int:
        async with answering(own) as server:
            server.together = 3
            turns = 0
            while True:
                turnlog = AsyncTurnlog(url=server.url, token=ALICE)
                calls = [turnlog._answer(Request("get_session", "together")) for _ in range(server.together)]
                await asyncio.gather(*calls)
                assert server.open == server.together
                was_cancelled = await cancelled_in_turn(turnlog.aclose(), turns + 1, again=False)
                await server.settled(0)
                if not was_cancelled:
                    return turns
                turns += 1

    assert run_clean(main) >= 3


async def in_time(call: Awaitable[Any]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await call


async def beside_one_that_fails(call: Awaitable[Any]) -> None:
    async def wait() -> None:
        await call

    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise KeyError

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(wait())
            tasks.create_task(fail())

    with pytest.raises(ExceptionGroup) as failed:
        await both()
    assert [type(error) for error in failed.value.exceptions] == [KeyError]


async def in_a_scope(call: Awaitable[Any]) -> None:
    with anyio.move_on_after(0.05) as scope:
        await call
    assert scope.cancelled_caught


@pytest.mark.parametrize("ended", [in_time, beside_one_that_fails, in_a_scope])
def test_a_program_has_its_own_ways_to_end_a_call(ended: Callable[[Awaitable[Any]], Awaitable[None]]) -> None:
    async def main() -> None:
        async with answering(own) as server:
            turnlog = one_connection(server.url)
            async with await http_of(turnlog):
                for number in range(3):
                    server.held = 1
                    await ended(turnlog._answer(Request("get_session", "late")))
                    server.held = 0  # also if the time was over before it came there
                    await asks_for_its_own(turnlog, number)

    run_clean(main)


@pytest.mark.parametrize(
    ("framed", "reset", "step"),
    [
        ("length", True, 19),
        ("chunks", False, 19),
        ("end", False, 19),
        *(
            pytest.param(*each, 1, marks=pytest.mark.thorough)
            for each in product(["length", "chunks", "end"], [False, True])
        ),
    ],
)
@pytest.mark.parametrize("request_", [REPEATABLE, NOT_REPEATABLE], ids=lambda request: request.operation)
def test_an_answer_in_part_is_none(
    request_: Request, framed: str, reset: bool, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ends. What may be sent again is; and the next call's answer is its own."""
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.0001)

    async def main() -> int:
        async with answering(lambda asked: own(asked, framed)) as server:
            server.reset = reset
            turnlog = one_connection(server.url)
            async with await http_of(turnlog):
                for cut in server.each_cut(step):
                    server.asked = 0
                    if request_.repeatable:
                        assert (await turnlog._answer(request_))["asked"] == "/sessions/first"
                    else:
                        with pytest.raises(Unanswered):
                            await turnlog._answer(request_)
                    assert server.asked == 1 + request_.repeatable
                    answer = await turnlog._answer(Request("get_session", f"next-{cut}"))
                    assert answer["asked"] == f"/sessions/next-{cut}"
                return server.whole

    assert run_clean(main) > 100


def test_an_answer_that_comes_too_late_answers_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.0001)

    async def main() -> None:
        async with answering(own) as server:
            turnlog = one_connection(server.url, read=0.1)
            async with await http_of(turnlog):
                server.held = 1
                with pytest.raises(Unanswered):
                    await turnlog._answer(NOT_REPEATABLE)
                server.held = 0  # also if the time was over before it came there
                await asks_for_its_own(turnlog, 0)
                server.held = 1
                assert (await turnlog._answer(REPEATABLE))["asked"] == "/sessions/first"
                await asks_for_its_own(turnlog, 1)

    run_clean(main)


@pytest.mark.parametrize(
    "foreign",
    [
        reply(b"<html>Log in to the network</html>", content_type="text/html"),
        reply(b"caf\xe9", content_type="application/json"),
        reply(b"", content_type="application/json"),
        reply(b"no gzip", content_encoding="gzip"),
    ],
    ids=["a page", "no UTF-8", "nothing", "no gzip"],
)
def test_what_is_not_json_is_no_answer(foreign: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.0001)

    async def main() -> None:
        answers = [foreign, foreign]
        async with answering(lambda asked: answers.pop() if answers else own(asked)) as server:
            turnlog = one_connection(server.url)
            async with await http_of(turnlog):
                with pytest.raises(Unanswered):
                    await turnlog._answer(NOT_REPEATABLE)
                assert (await turnlog._answer(REPEATABLE))["asked"] == "/sessions/first"

    run_clean(main)
