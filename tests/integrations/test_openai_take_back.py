"""G1: an add that fails takes back what it stored itself, and nothing of another's."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from turnlog import AsyncTurnlog
from turnlog.client import http as client
from turnlog.client.http import RETRIES, HttpWay
from turnlog.errors import TooLarge, TurnlogError, Unavailable
from turnlog.integrations.openai_agents import TurnlogSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from tests.integrations.conftest import Server
    from turnlog.client.request import Request

Kind = TypeVar("Kind", bound=HttpWay)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_messages")]


def items(count: int, name: str = "mine") -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"{name} {number}"} for number in range(count)]


# 99 that one append takes, and one that no append does.
# Above what a file holds, which is what a body goes as that no request holds.
REFUSED = [*items(99), {"role": "user", "content": "x" * 68_000_000}]


@asynccontextmanager
async def on(kind: type[Kind], server: Server, user: str) -> AsyncIterator[tuple[AsyncTurnlog, Kind]]:
    """A client on a way of this kind."""
    async with AsyncTurnlog(url=server.url, token=user) as turnlog:
        assert isinstance(turnlog._way, HttpWay)
        turnlog._way = way = kind(server.url, user, turnlog._way._link, RETRIES)
        yield turnlog, way


class Meddled(HttpWay):
    """A way of which the reply to its first append is lost, and another acts before it is sent again."""

    meanwhile: Callable[[], Awaitable[None]]
    appends = 0

    async def _send(self, request: Request, token: str) -> Any:
        reply = await super()._send(request, token)
        if request.operation == "append_messages" and reply.is_success:
            self.appends += 1
            if self.appends == 1:
                await self.meanwhile()
                reply.status_code = 502
                reply._content = b""
        return reply


async def test_what_it_stored_itself_is_taken_back(turnlog: AsyncTurnlog) -> None:
    session = TurnlogSession("s", turnlog)
    await session.add_items(items(3, "before"))
    with pytest.raises(TooLarge) as refused:
        await session.add_items(REFUSED)
    assert "stored_items" not in refused.value.extra
    assert await session.get_items() == items(3, "before")


async def test_another_adds_after_a_lost_reply(server: Server, user: str) -> None:
    async with on(Meddled, server, user) as (turnlog, way), AsyncTurnlog(url=server.url, token=user) as clear:
        other = TurnlogSession("s", clear)
        await other.add_items(items(2, "first"))

        async def add() -> None:
            await other.add_items(items(40, "theirs"))

        way.meanwhile = add
        session = TurnlogSession("s", turnlog)
        for _ in range(2):  # also when the same call is made again
            with pytest.raises(TooLarge, match="The first 99 of 100 items were stored") as refused:
                await session.add_items(REFUSED)
            assert refused.value.extra["stored_items"] == 99
            assert await other.get_items() == [*items(2, "first"), *items(99), *items(40, "theirs")]


async def test_another_pops_one_and_adds_one_after_a_lost_reply(server: Server, user: str) -> None:
    async with on(Meddled, server, user) as (turnlog, way), AsyncTurnlog(url=server.url, token=user) as clear:
        other = TurnlogSession("s", clear)
        await other.add_items(items(2, "first"))

        async def exchange() -> None:
            await other.pop_item()
            await other.add_items(items(1, "theirs"))

        way.meanwhile = exchange
        with pytest.raises(TooLarge, match="items were stored"):
            await TurnlogSession("s", turnlog).add_items(REFUSED)
        kept = await other.get_items()
        assert [one for one in kept if "mine" not in json.dumps(one)] == [
            *items(2, "first"),
            *items(1, "theirs"),
        ]


class Overloaded(HttpWay):
    """A way whose appends but for the first are refused for now, and which writes down its operations."""

    overloaded = True

    async def _send(self, request: Request, token: str) -> Any:
        self.operations = [*getattr(self, "operations", []), request.operation]
        if self.overloaded and self.operations.count("append_messages") > 1:
            return httpx.Response(503, json={"message": "Service Unavailable"})
        return await super()._send(request, token)


async def test_nothing_is_taken_back_when_the_same_call_can_store_the_others(
    server: Server, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rewind that arrives late would take away what that call has found stored."""
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.001)
    async with AsyncTurnlog(url=server.url, token=user) as clear:
        await clear.create_session(session_id="s")
    async with on(Overloaded, server, user) as (turnlog, way):
        session = TurnlogSession("s", turnlog)
        with pytest.raises(Unavailable, match="The first 99 of 150 items were stored") as failed:
            await session.add_items(items(150))
        assert failed.value.extra["stored_items"] == 99
        assert "rewind_session" not in way.operations
        way.overloaded = False
        assert await session.get_items() == items(99)
        await session.add_items(items(150))
        assert await session.get_items() == items(150)


class Forbidden(HttpWay):
    """A way on which a gateway lets no rewind pass."""

    async def _send(self, request: Request, token: str) -> Any:
        if request.operation == "rewind_session":
            return httpx.Response(403, json={"message": "Forbidden"})
        return await super()._send(request, token)


async def test_a_take_back_that_the_gateway_refuses_is_not_anothers_change(server: Server, user: str) -> None:
    """And the next call is not kept from adding."""
    async with on(Forbidden, server, user) as (turnlog, _way):
        session = TurnlogSession("s", turnlog)
        told = "The first 99 of 100 items were stored. To take them back was refused: .* 403"
        with pytest.raises(TooLarge, match=told) as refused:
            await session.add_items(REFUSED)
        assert refused.value.extra["stored_items"] == 99
        assert "another" not in str(refused.value)
        await session.add_items(items(1, "next"))
        assert await session.get_items() == [*items(99), *items(1, "next")]


class Failing(HttpWay):
    """A way whose rewinds are made, and then answered with 500."""

    async def _send(self, request: Request, token: str) -> Any:
        reply = await super()._send(request, token)
        if request.operation == "rewind_session" and reply.is_success:
            reply.status_code = 500
            reply._content = b'{"type": "internal", "detail": "The request failed."}'
        return reply


async def test_a_take_back_that_failed_may_have_been_made(server: Server, user: str) -> None:
    async with on(Failing, server, user) as (turnlog, _way):
        session = TurnlogSession("s", turnlog)
        with pytest.raises(TooLarge, match="The first 99 of 100 items may still be stored") as refused:
            await session.add_items(REFUSED)
        assert "stored_items" not in refused.value.extra
        assert await session.get_items() == []


@contextmanager
def meddling(turnlog: AsyncTurnlog, meanwhile: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Another acts right after the first append that comes here."""
    append, calls = turnlog.append_messages, 0

    async def followed(*given: Any, **more: Any) -> Any:
        nonlocal calls
        answer = await append(*given, **more)
        calls += 1
        if calls == 1:
            await meanwhile()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turnlog, "append_messages", followed)
        yield


async def test_another_adds_between_two_appends(turnlog: AsyncTurnlog) -> None:
    session, other = TurnlogSession("s", turnlog), TurnlogSession("s", turnlog)

    async def add() -> None:
        await other.add_items(items(1, "theirs"))

    await other.add_items(items(1, "first"))
    with (
        meddling(turnlog, add),
        pytest.raises(TurnlogError, match="The first 198 of 199 items were stored") as refused,
    ):
        await session.add_items([*items(198), REFUSED[-1]])
    assert refused.value.extra["stored_items"] == 198
    assert await other.get_items() == [
        *items(1, "first"),
        *items(99),
        *items(1, "theirs"),
        *items(198)[99:],
    ]


async def test_another_exchanges_the_last_one_before_the_take_back(turnlog: AsyncTurnlog) -> None:
    """The log is as long as after the append, and yet it is another."""
    session, other = TurnlogSession("s", turnlog), TurnlogSession("s", turnlog)

    async def exchange() -> None:
        await other.pop_item()
        await other.add_items(items(1, "theirs"))

    with meddling(turnlog, exchange), pytest.raises(TooLarge, match="items were stored"):
        await session.add_items(REFUSED)
    assert await other.get_items() == [*items(98), *items(1, "theirs")]
