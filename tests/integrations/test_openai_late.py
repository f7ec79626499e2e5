"""What arrives late of an `add_items` that failed: it takes nothing of what was acknowledged since."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.integrations.test_openai_take_back import REFUSED, items
from turnlog import AsyncTurnlog
from turnlog.client import http as client
from turnlog.client.http import RETRIES, HttpWay
from turnlog.errors import Gone, TooLarge, TurnlogError, Unavailable
from turnlog.integrations.openai_agents import TurnlogSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.integrations.conftest import Server
    from turnlog.client.request import Request

pytestmark = pytest.mark.anyio

UNAUTHORIZED = httpx.Response(401, json={"message": "Unauthorized"})


class Post(HttpWay):
    """A way on which requests may arrive late.

    Attributes:
        plan: says of an operation's first, second … request: None: it is sent; `late`; or its answer.
        sent: how many requests of each operation there were.
        late: those that did not arrive.
        overtaken: they arrive right behind the next append.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.plan: Callable[[str, int], httpx.Response | str | None] = lambda _operation, _number: None
        self.sent: dict[str, int] = {}
        self.late: list[tuple[Request, str]] = []
        self.overtaken = False

    async def _send(self, request: Request, token: str) -> httpx.Response:
        number = self.sent[request.operation] = self.sent.get(request.operation, 0) + 1
        planned = self.plan(request.operation, number)
        if planned == "late":
            self.late.append((request, token))
            raise httpx.ReadTimeout("No answer came.")
        if isinstance(planned, httpx.Response):
            return planned
        reply = await super()._send(request, token)
        if self.overtaken and request.operation == "append_messages":
            await self.arrive()  # right behind the append
        return reply

    async def arrive(self) -> None:
        """Have arrive what is late."""
        late, self.late = self.late, []
        for request, token in late:
            await super()._send(request, token)


@asynccontextmanager
async def posting(server: Server, user: str) -> AsyncIterator[tuple[TurnlogSession, Post]]:
    async with AsyncTurnlog(url=server.url, token=user) as turnlog:
        assert isinstance(turnlog._way, HttpWay)
        turnlog._way = way = Post(server.url, user, turnlog._way._link, RETRIES)
        await turnlog.create_session(session_id="s")
        yield TurnlogSession("s", turnlog), way


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.001)


def refused_and_late(operation: str, number: int) -> httpx.Response | str | None:
    """The second append is refused, and no answer comes to the take-back."""
    if operation == "append_messages" and number == 2:
        return UNAUTHORIZED
    return "late" if operation == "rewind_session" else None


async def test_a_late_take_back_takes_nothing_of_the_same_call_made_again(server: Server, user: str) -> None:
    async with posting(server, user) as (session, way):
        way.plan = refused_and_late
        with pytest.raises(TurnlogError, match="may still be stored"):
            await session.add_items(items(150))
        way.plan, way.late, way.overtaken = lambda *_: None, way.late[:1], True
        await session.add_items(items(150))
        await way.arrive()
        assert await session.get_items() == items(150)


async def test_nor_does_one_that_was_cancelled(server: Server, user: str) -> None:
    async with posting(server, user) as (session, way):
        way.plan = lambda operation, number: (
            UNAUTHORIZED if (operation, number) == ("append_messages", 2) else None
        )
        held = asyncio.Event()
        send = way._send

        async def holding(request: Request, token: str) -> httpx.Response:
            if request.operation != "rewind_session":
                return await send(request, token)
            way.late.append((request, token))
            held.set()
            never: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()
            return await never

        way._send = holding  # type: ignore[method-assign]
        adding = asyncio.create_task(session.add_items(items(150)))
        await held.wait()
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
        way._send, way.plan, way.overtaken = send, lambda *_: None, True  # type: ignore[method-assign]
        await session.add_items(items(150))
        await way.arrive()
        assert await session.get_items() == items(150)


async def test_what_is_said_to_be_stored_is_not_taken_later(server: Server, user: str) -> None:
    async with posting(server, user) as (session, way):
        way.plan = lambda operation, _: "late" if operation == "rewind_session" else None
        with pytest.raises(TooLarge, match="may still be stored"):
            await session.add_items(REFUSED)
        way.plan = lambda *_: None
        late, way.late = way.late[:1], []
        with pytest.raises(TooLarge) as refused:
            await session.add_items(REFUSED)
        way.late = late
        await way.arrive()
        assert len(await session.get_items()) == refused.value.extra.get("stored_items", 0)


async def test_nothing_is_taken_back_while_an_append_may_arrive(server: Server, user: str) -> None:
    """A refusal does not answer for the try before it."""
    plan: dict[int, httpx.Response | str] = {2: "late", 3: UNAUTHORIZED}
    async with posting(server, user) as (session, way):
        way.plan = lambda operation, number: plan.get(number) if operation == "append_messages" else None
        with pytest.raises(Unavailable):
            await session.add_items(items(150))
        await way.arrive()
        way.plan = lambda *_: None
        await session.add_items(items(150))
        assert await session.get_items() == items(150)


async def test_a_refusal_does_not_deny_what_the_same_call_sent_before(server: Server, user: str) -> None:
    async with posting(server, user) as (session, way):
        way.plan = lambda operation, _: "late" if operation == "append_messages" else None
        with pytest.raises(Unavailable):
            await session.add_items(items(2))
        await way.arrive()
        way.plan = lambda operation, _: UNAUTHORIZED if operation == "append_messages" else None
        for _ in range(2):
            with pytest.raises(TurnlogError, match=r"The same call before .* may still be stored"):
                await session.add_items(items(2))
        assert await session.get_items() == items(2)


async def test_nothing_is_taken_back_that_the_same_call_before_may_store_again(
    server: Server, user: str
) -> None:
    """A rewind would free the ids, and what arrives late would be stored behind it."""
    plan: dict[int, httpx.Response | str] = dict.fromkeys(range(1, RETRIES + 2), "late")
    plan[RETRIES + 3] = UNAUTHORIZED
    async with posting(server, user) as (session, way):
        way.plan = lambda operation, number: plan.get(number) if operation == "append_messages" else None
        with pytest.raises(Unavailable):
            await session.add_items(items(150))
        with pytest.raises(TurnlogError, match="The same call before") as refused:
            await session.add_items(items(150))
        assert refused.value.extra["stored_items"] == 99
        assert await session.get_items() == items(99)
        await way.arrive()
        assert await session.get_items() == items(99)


async def test_a_call_of_which_nothing_is_open_is_taken_back(server: Server, user: str) -> None:
    """An earlier refusal of the same call leaves nothing open."""
    async with posting(server, user) as (session, way):
        way.plan = lambda operation, number: (
            UNAUTHORIZED if operation == "append_messages" and number in {1, 3} else None
        )
        for _ in range(2):
            with pytest.raises(TurnlogError) as refused:
                await session.add_items(items(150))
            assert "stored" not in refused.value.detail
            assert await session.get_items() == []


async def test_a_session_that_was_deleted_meanwhile_has_no_items(server: Server, user: str) -> None:
    async with posting(server, user) as (session, way), AsyncTurnlog(url=server.url, token=user) as clear:
        send = way._send

        async def deleting(request: Request, token: str) -> httpx.Response:
            if request.operation == "append_messages" and way.sent.get("append_messages"):
                await clear.delete_session("s")
                way._send = send  # type: ignore[method-assign]
            return await send(request, token)

        way._send = deleting  # type: ignore[method-assign]
        with pytest.raises(Gone) as refused:
            await session.add_items(items(150))
        assert "stored" not in refused.value.detail
        assert "stored_items" not in refused.value.extra
        assert await session.get_items() == []


async def test_another_call_in_between(server: Server, user: str) -> None:
    """Then the same call is a new one: nothing tells it from one that means the same again."""
    async with posting(server, user) as (session, way):
        way.plan = lambda operation, _: "late" if operation == "append_messages" else None
        with pytest.raises(Unavailable):
            await session.add_items(items(2))
        await way.arrive()
        way.plan = lambda *_: None
        await session.add_items(items(1, "between"))
        await session.add_items(items(2))
        assert await session.get_items() == [*items(2), *items(1, "between"), *items(2)]
