"""The session of the OpenAI Agents SDK, both ways: limits, many at once, large ones, bad input."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from agents import SessionSettings
from agents.memory import Session

from turnlog.errors import Gone, Invalid, TooLarge
from turnlog.integrations.openai_agents import TurnlogSession, turnlog_id

if TYPE_CHECKING:
    from turnlog import AsyncTurnlog

pytestmark = pytest.mark.anyio


def said(*texts: object) -> list[dict[str, Any]]:
    return [{"role": "user", "content": str(text)} for text in texts]


async def texts(session: TurnlogSession, limit: int | None = None) -> list[str]:
    return [item["content"] for item in await session.get_items(limit)]


def noise(length: int) -> str:
    """Text that hardly gets smaller by compression."""
    return b64encode(Random(1).randbytes(length)).decode()[:length]


@pytest.fixture
def session(turnlog: AsyncTurnlog) -> TurnlogSession:
    return TurnlogSession("conversation-1", turnlog)


async def test_what_is_added_is_there(session: TurnlogSession) -> None:
    assert isinstance(session, Session)
    assert await session.get_items() == []
    assert await session.pop_item() is None
    await session.clear_session()
    await session.add_items([])
    await session.add_items(said(*range(5)))
    await session.add_items(said("last"))
    assert await texts(session) == ["0", "1", "2", "3", "4", "last"]
    assert await texts(session, 2) == ["4", "last"]
    assert await texts(session, 99) == await texts(session)
    for none in (0, -1):
        assert await session.get_items(none) == []
    assert await session.pop_item() == said("last")[0]
    assert await texts(session) == ["0", "1", "2", "3", "4"]
    await session.clear_session()
    assert await session.get_items() == []
    assert await session.pop_item() is None
    await session.add_items(said("again"))
    assert await texts(session) == ["again"]


async def test_removed_messages_are_passed_over(session: TurnlogSession, turnlog: AsyncTurnlog) -> None:
    await session.add_items(said(*range(6)))
    for sequence in (1, 4, 5):
        await turnlog.edit_message("conversation-1", sequence, removed=True)
    assert await texts(session) == ["0", "2", "3"]
    assert await texts(session, 2) == ["2", "3"]
    assert await texts(session, 9) == ["0", "2", "3"]
    assert [await session.pop_item() for _ in range(4)] == [*reversed(said(0, 2, 3)), None]
    assert (await turnlog.get_session("conversation-1")).message_count == 0


async def test_a_limit_that_is_set(turnlog: AsyncTurnlog) -> None:
    session = TurnlogSession("s", turnlog, session_settings=SessionSettings(limit=2))
    await session.add_items(said(1, 2, 3))
    assert await texts(session) == ["2", "3"]
    assert await texts(session, 3) == ["1", "2", "3"]
    assert await texts(TurnlogSession("s", turnlog, session_settings={"limit": 0})) == []


@pytest.mark.parametrize("session_id", ["", "a b", "ü" * 300, "a/../b", "x" * 65, "x" * 64, "a#b"])
async def test_ids_of_every_kind(turnlog: AsyncTurnlog, session_id: str) -> None:
    session = TurnlogSession(session_id, turnlog)
    await session.add_items(said(1))
    assert await texts(TurnlogSession(session_id, turnlog)) == ["1"]
    (listed,) = [one async for one in turnlog.sessions()]
    assert (listed["session_id"], listed["metadata"]) == (
        turnlog_id(session_id),
        {"openai_session_id": session_id},
    )


async def test_more_than_an_append_takes(session: TurnlogSession) -> None:
    await session.add_items(said(*range(250)))
    assert await texts(session) == [str(number) for number in range(250)]
    await session.add_items(said(*("x" * 900_000 for _ in range(6))))
    assert [len(text) for text in await texts(session, 7)] == [3, *[900_000] * 6]


@pytest.mark.usefixtures("small_messages")
async def test_a_later_part_is_refused(session: TurnlogSession) -> None:
    """What was stored of the call goes again, also when the same call is made again."""
    await session.add_items(said("before"))
    too_large = [*said(*range(150)), *said("x" * 68_000_000)]
    for _ in range(2):
        with pytest.raises(TooLarge):
            await session.add_items(too_large)
        assert await texts(session) == ["before"]
    await session.add_items(said(*range(150)))
    assert await texts(session) == ["before", *(str(number) for number in range(150))]


async def test_a_history_of_several_answers(session: TurnlogSession) -> None:
    for number in range(8):
        await session.add_items(said(f"{number}" * 900_000))
    assert [text[0] for text in await texts(session)] == list("01234567")
    assert [text[0] for text in await texts(session, 7)] == list("1234567")


async def test_a_history_that_is_rewound_while_it_is_read(
    session: TurnlogSession, turnlog: AsyncTurnlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of one time, not the end of one conversation behind the beginning of another."""
    for number in range(8):
        await session.add_items(said(f"{number}" * 900_000))
    list_messages, other = turnlog.list_messages, TurnlogSession("conversation-1", turnlog)

    async def meanwhile(*arguments: Any, **more: Any) -> Any:
        monkeypatch.undo()
        await other.clear_session()
        await other.add_items(said(*range(8)))
        return await list_messages(*arguments, **more)

    monkeypatch.setattr(turnlog, "list_messages", meanwhile)
    assert await texts(session) == list("01234567")


async def test_many_who_add_and_pop_at_once(session: TurnlogSession, turnlog: AsyncTurnlog) -> None:
    """Each item that was added was popped by one, or is there; what was added together stands together."""
    await session.add_items(said(*range(100, 130)))
    popped: list[Any] = []

    async def add(writer: int) -> None:
        own = TurnlogSession("conversation-1", turnlog)
        for turn in range(3):
            await own.add_items(said(*(f"{writer}.{turn}.{part}" for part in range(3))))

    async def pop() -> None:
        own = TurnlogSession("conversation-1", turnlog)
        for _ in range(5):
            popped.append(await own.pop_item())  # noqa: PERF401 (one after the other)

    async with anyio.create_task_group() as tasks:
        for writer in range(6):
            tasks.start_soon(add, writer)
            tasks.start_soon(pop)
    left = await texts(session)
    everything = Counter(left) + Counter(item["content"] for item in popped)
    added = [f"{writer}.{turn}.{part}" for writer in range(6) for turn in range(3) for part in range(3)]
    assert everything == Counter([*map(str, range(100, 130)), *added])
    # Of three that were added at once those are left that came first.
    for turn in {text[:4] for text in left if "." in text}:
        parts = [text for text in left if text.startswith(turn)]
        assert parts == [f"{turn}{part}" for part in range(len(parts))]


async def test_a_pop_between_whose_steps_another_item_comes(
    session: TurnlogSession, turnlog: AsyncTurnlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the place of the one that was seen: what goes is what is returned."""
    await session.add_items(said("first", "seen"))
    get_session, other = turnlog.get_session, TurnlogSession("conversation-1", turnlog)

    async def read(*arguments: Any, **more: Any) -> Any:
        monkeypatch.undo()
        answer = await get_session(*arguments, **more)
        assert await other.pop_item() == said("seen")[0]
        await other.add_items(said("other"))
        return answer

    monkeypatch.setattr(turnlog, "get_session", read)
    assert await session.pop_item() == said("other")[0]
    assert await texts(session) == ["first"]


async def test_20_who_pop_at_once(session: TurnlogSession, turnlog: AsyncTurnlog) -> None:
    await session.add_items(said(*range(20)))
    popped: list[Any] = []

    async def pop() -> None:
        popped.append(await TurnlogSession("conversation-1", turnlog).pop_item())

    async with anyio.create_task_group() as tasks:
        for _ in range(21):
            tasks.start_soon(pop)
    assert sorted(int(item["content"]) for item in popped if item) == [*range(20)]
    assert popped.count(None) == 1


@pytest.mark.usefixtures("small_messages")
async def test_an_item_that_is_too_large(session: TurnlogSession) -> None:
    with pytest.raises(TooLarge):
        await session.add_items(said("fine", "x" * 68_000_000))
    assert await session.get_items() == []


async def test_the_output_of_a_tool_that_is_large(session: TurnlogSession) -> None:
    """A log of 1.3 MB, as it is; the run goes on, and the next one reads it."""
    call = {"type": "function_call", "call_id": "c", "name": "read_log", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "log line\n" * 150_000}
    await session.add_items([*said("What is in the log?"), call, output, *said("So?")])
    assert await session.get_items() == [*said("What is in the log?"), call, output, *said("So?")]


@pytest.mark.parametrize("turnlog", ["direct"], indirect=True)
@pytest.mark.parametrize("large", ["log line\n" * 555_556, noise(5_000_000)], ids=["log", "noise"])
async def test_the_output_of_a_tool_that_no_answer_holds(session: TurnlogSession, large: str) -> None:
    """On the table 5 MB and more; and what comes after it."""
    output = {"type": "function_call_output", "call_id": "c", "output": large}
    call = {"type": "function_call", "call_id": "c", "name": "read_log", "arguments": "{}"}
    history = [*said("q"), call, output, *said("r", "s")]
    await session.add_items(history)
    assert await session.get_items() == history
    assert await session.get_items(3) == history[-3:]
    assert await session.pop_item() == history[-1]
    assert await session.get_items() == history[:-1]


async def test_what_is_no_item(session: TurnlogSession) -> None:
    await session.add_items(said(1))
    no_items: list[tuple[Any, type[Exception]]] = [
        (None, Invalid),
        ("q", Invalid),
        ({"content": {1}}, TypeError),
    ]
    for item, error in no_items:
        with pytest.raises(error):
            await session.add_items([*said(2), item])
    assert await texts(session) == ["1"]


async def test_a_deleted_session(session: TurnlogSession, turnlog: AsyncTurnlog) -> None:
    await session.add_items(said(1))
    await turnlog.delete_session("conversation-1")
    assert await session.get_items() == []
    assert await session.pop_item() is None
    await session.clear_session()
    with pytest.raises(Gone):
        await session.add_items(said(2))


async def test_a_front_end_reads_along(session: TurnlogSession, turnlog: AsyncTurnlog) -> None:
    call = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "4"}
    await session.add_items([*said("2 + 2?"), {"type": "reasoning", "id": "rs", "summary": []}, call, output])
    await turnlog.append_messages("conversation-1", [{"role": "assistant", "content": "4, I am told."}])
    assert (await turnlog.export_openai_messages("conversation-1"))["messages"] == [
        {"role": "user", "content": "2 + 2?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "4", "tool_call_id": "c"},
        {"role": "assistant", "content": "4, I am told."},
    ]
    assert (await session.get_items(2)) == [output, {"role": "assistant", "content": "4, I am told."}]
