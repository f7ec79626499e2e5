"""G1, G2, G7: replies get lost on the way to Turnlog; items are added once, and popped once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from turnlog import AsyncTurnlog
from turnlog.errors import Unavailable
from turnlog.integrations.openai_agents import TurnlogSession

if TYPE_CHECKING:
    from tests.integrations.conftest import Lossy, Server
    from tests.integrations.ways import LossyWay

pytestmark = pytest.mark.anyio

TURN: list[dict[str, Any]] = [{"role": "user", "content": "q"}, {"type": "reasoning", "id": "rs"}]


async def test_the_same_call_after_an_error(lost: Lossy) -> None:
    session = TurnlogSession("s", lost.turnlog)
    await session.add_items(TURN)
    with lost.losing(lost.tries), pytest.raises(Unavailable):
        await session.add_items(TURN)
    await session.add_items(TURN)
    assert lost.way.lost == lost.tries
    assert await session.get_items() == TURN * 2
    await session.add_items(TURN)
    assert await session.get_items() == TURN * 3


async def test_the_same_call_of_several_appends(lost: Lossy) -> None:
    """Where it got stuck in the middle, the next call goes on."""
    session = TurnlogSession("s", lost.turnlog)
    await session.add_items(TURN)
    with lost.losing(lost.tries), pytest.raises(Unavailable):
        await session.add_items(TURN * 60)
    await session.add_items(TURN * 60)
    assert await session.get_items() == TURN * 61


async def test_lost_replies_that_are_not_heard_of(server: Server, user: str, http_way: LossyWay) -> None:
    """Also that of a pop behind which another has added something: it is known as made, by its id."""
    async with (
        AsyncTurnlog(url=http_way.url, token=user) as turnlog,
        AsyncTurnlog(url=server.url, token=user) as clear,
    ):
        session, other = TurnlogSession("s", turnlog), TurnlogSession("s", clear)
        http_way.lose(b"/messages")
        await session.add_items(TURN)
        http_way.lose(b"/messages")
        await session.add_items(TURN)
        assert await session.get_items() == TURN * 2
        http_way.lose(b"/rewind")
        assert await session.pop_item() == TURN[1]
        http_way.lose(b"/rewind")
        assert await session.pop_item() == TURN[0]
        assert await other.get_items() == TURN
        http_way.lose(b"/rewind")
        await session.clear_session()
        assert await session.get_items() == []
        assert http_way.lost == 5


async def test_a_pop_whose_reply_is_lost_until_it_gives_up(lost: Lossy) -> None:
    """It says so; what it took away is one item, and no more."""
    session = TurnlogSession("s", lost.turnlog)
    await session.add_items([*TURN, *TURN])
    with lost.losing(lost.tries), pytest.raises(Unavailable):
        await session.pop_item()
    assert await session.get_items() == [*TURN, TURN[0]]
    assert await session.pop_item() == TURN[0]
