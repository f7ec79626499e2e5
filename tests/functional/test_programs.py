"""The operations as methods, on the table and through the HTTP API: the same arguments, answers, errors."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

import turnlog as turnlog_
from tests.functional.api import assistant, user
from turnlog import AsyncTurnlog, Turnlog, errors
from turnlog.client import methods
from turnlog.http.endpoints import load
from turnlog.http.routes import ROUTES
from turnlog.models.answers import Answer
from turnlog.records import messages as stored_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from infra.local.server import LocalServer

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@asynccontextmanager
async def direct(server: LocalServer, name: str) -> AsyncIterator[AsyncTurnlog]:  # noqa: ARG001
    async with AsyncTurnlog(user_id=name) as turnlog:
        yield turnlog


@asynccontextmanager
async def client(server: LocalServer, name: str) -> AsyncIterator[AsyncTurnlog]:
    async with AsyncTurnlog(url=f"{server.url}/", token=lambda: name) as turnlog:
        yield turnlog


class Awaited:
    """A `Turnlog` whose methods are awaited, so that one test is for both clients."""

    def __init__(self, turnlog: Turnlog) -> None:
        self._turnlog = turnlog

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._turnlog, name)

        async def called(*args: Any, **given: Any) -> Any:
            return method(*args, **given)

        async def iterated(*args: Any, **given: Any) -> Any:
            for one in method(*args, **given):
                yield one

        return iterated if name in {"sessions", "messages", "entries"} else called


@asynccontextmanager
async def blocking_direct(server: LocalServer, name: str) -> AsyncIterator[Any]:  # noqa: ARG001
    with Turnlog(user_id=name) as turnlog:
        yield Awaited(turnlog)


@asynccontextmanager
async def blocking_client(server: LocalServer, name: str) -> AsyncIterator[Any]:
    with Turnlog(url=f"{server.url}/", token=lambda: name) as turnlog:
        yield Awaited(turnlog)


WAYS = (direct, client, blocking_direct, blocking_client)
BOTH = pytest.mark.parametrize("way", WAYS)


def program(way: Any, server: LocalServer, what: Callable[[AsyncTurnlog], Awaitable[Any]]) -> Any:
    """What a program gets, as a user whom no other test knows."""

    async def main() -> Any:
        async with way(server, f"user-{uuid4().hex}") as turnlog:
            return await what(turnlog)

    return asyncio.run(main())


@pytest.mark.parametrize("operation", ROUTES)
def test_every_operation_is_a_method_that_returns_its_answer(operation: str) -> None:
    returned = getattr(AsyncTurnlog, operation).__annotations__["return"]
    optional = returned.endswith(" | None")
    returned = returned.removesuffix(" | None")
    shapes = {f"answers.{shape}" if shape else "None" for shape in load(operation).answers.values()}
    assert returned in shapes
    assert {*filter(None, load(operation).answers.values())} <= {*turnlog_.__all__}
    assert shapes <= {returned, "None"}
    assert not optional or "None" in shapes


async def everything(turnlog: Any) -> list[Any]:
    """Every operation on messages, with all that it takes."""
    first = [user("q", message_id="q"), assistant("a", message_id="a")]
    fields: dict[str, Any] = {
        "metadata": {"m": 1},
        "credentials": {"p": {"k": "v"}},
        "successful_agent_runs": {"r": 1},
    }
    return [
        await turnlog.create_session(
            session_id="s", title="t", messages=first, usage={"prompt_tokens": 1}, **fields
        ),
        await turnlog.create_session(session_id="s"),
        await turnlog.append_messages(
            "s", [user("r", message_id="r")], usage={"prompt_tokens": 2}, expected_sequence=2
        ),
        await turnlog.append_messages("s", [user("r", message_id="r")]),
        await turnlog.add_tool_call("s", CALL),
        await turnlog.get_message("s", 2),
        await turnlog.edit_message("s", 2, metadata={"x": 1}, message_id="r", edit_id="e"),
        await turnlog.edit_message("s", await turnlog.get_message("s", 2), replace=user("R"), if_match=4),
        await turnlog.edit_message("s", 2, metadata={"x": 2}, edit_id="e"),
        await turnlog.edit_message("s", 2, removed=True),
        await turnlog.rewind_session("s", to_sequence=2, expected_sequence=4, if_match=6),
        await turnlog.put_session(
            "s", messages=[user("u", message_id="u")], start_sequence=2, title="v", if_match=7, **fields
        ),
        await turnlog.patch_session("s", if_match=8, metadata={"m": None, "n": 2}),
        await turnlog.patch_session("s", touch=False, successful_agent_schedules={"n": 2}),
        await turnlog.set_title("s", "w", only_if_unset=True),
        await turnlog.set_title("s", "w", if_match=10),
        await turnlog.put_draft("s", [user("draft")]),
        await turnlog.get_draft("s"),
        await turnlog.get_session("s"),
        await turnlog.get_session("s", limit=1, before=2, draft=True),
        await turnlog.delete_draft("s"),
        await turnlog.list_messages("s", after=0, limit=1),
        await turnlog.list_messages("s", before=2),
        await turnlog.export_openai_messages("s"),
        await turnlog.export_openai_messages("s", limit=1, before=2, keep_system=True),
        *[await turnlog.export_session("s", form) for form in ("openai-responses", "anthropic", "ai-sdk")],
        await turnlog.export_text("s", "markdown", limit=1),
        await turnlog.export_session("s", "markdown", limit=1),
        await turnlog.list_sessions(limit=1),
        await turnlog.fork_session("s", fork_id="f", to_sequence=1, title="x"),
        await turnlog.fork_session("s", fork_id="f"),
        await turnlog.get_session("f"),
        await turnlog.delete_session("f"),
        await turnlog.delete_session("s"),
        await turnlog.list_sessions(offset=1),
    ]


async def streams(turnlog: Any) -> list[Any]:
    """Every operation on streams, with all that it takes."""
    event = {"type": "data-x", "data": "\ud83d"}
    await turnlog.create_session(session_id="s", messages=[user("q", message_id="q")])
    opened = await turnlog.open_stream(
        "s", stream_id="a b", message_id="a", on_active="interrupt", lease_seconds=60
    )
    epoch = opened.stream.epoch
    fence = {"stream_id": "a b", "epoch": epoch}
    found = [
        await turnlog.append_events("s", "a b", [event, event], epoch=epoch, first_seq=1, flush=True),
        await turnlog.append_events("s", "a b", [event, event], epoch=epoch, first_seq=1),
        await turnlog.append_messages("s", [user("r", message_id="r")], stream=fence),
        await turnlog.edit_message("s", 1, replace=user("R"), edit_id="e", stream=fence),
        await turnlog.rewind_session("s", to_sequence=1, expected_sequence=2, stream=fence),
        await turnlog.read_events("s", "a b", after=opened.cursor, wait=1, limit=1),
        await turnlog.read_snapshot("s", "a b"),
        await turnlog.heartbeat_stream("s", "a b", epoch=epoch, lease_seconds=60),
        await turnlog.get_stream("s", "a b"),
        await turnlog.cancel_stream("s", "a b", reason="stop"),
        await turnlog.finish_stream(
            "s", "a b", epoch=epoch, state="cancelled", first_seq=3, events=[event], error="e",
            messages=[user("m", message_id="m")], usage={"prompt_tokens": 1}, set={"title": "t"},
        ),
        await turnlog.get_session("s"),
        await turnlog.open_stream("s", stream_id="a b"),
    ]  # fmt: skip
    last = await turnlog.read_events("s", "a b")
    assert last is not None
    assert await turnlog.read_events("s", "a b", after=last.cursor) is None
    return [opened, *found, last]


async def transcripts(turnlog: Any) -> list[Any]:
    """Every operation on transcripts, with all that it takes."""
    name = "subagents/agent-7f3a"
    entries = [{"uuid": str(at), "text": "ä\u2028"} for at in range(3)]
    await turnlog.create_session(session_id="s")
    return [
        await turnlog.append_entries("s", name, entries[:2], expected_position=0),
        await turnlog.append_entries("s", name, entries),
        await turnlog.read_entries("s", name, after=0, limit=1),
        await turnlog.read_entries("s", name),
        await turnlog.import_transcript("s", "main", '{"text": "ä"}\n{}\n'),
        await turnlog.read_entries("s", "main"),
        await turnlog.list_transcripts("s"),
        await turnlog.delete_transcript("s", name),
        await turnlog.drop_cache("s"),
        await turnlog.check_health(),
        await turnlog.list_transcripts("s"),
    ]


def same(answer: Any) -> Any:
    """An answer without what differs each time it is given."""
    if isinstance(answer, Answer):
        answer = answer.raw
    if isinstance(answer, dict):
        varying = ("_at", "_until", "user_id", "epoch", "cursor")
        given = {name: same(value) for name, value in answer.items() if not name.endswith(varying)}
        # A tool call makes a message, whose id is the store's.
        return given | {"message_id": ""} if len(given.get("message_id", "")) > 1 else given
    return [same(one) for one in answer] if isinstance(answer, list) else answer


@pytest.mark.thorough
def test_both_ways_give_the_same(server: LocalServer) -> None:
    answers = [same(program(way, server, everything)) for way in WAYS]
    assert all(each == answers[0] for each in answers)
    created, _, appended, replayed, *_ = answers[0]
    assert created["metadata"] == {"m": 1}
    assert (appended["first_sequence"], appended["replayed"], replayed["replayed"]) == (2, False, True)
    assert [message["content"] for message in answers[0][18]["messages"]] == ["q", "a", "u"]
    replaced, replayed, removed = answers[0][7:10]
    assert (replaced["message"]["content"], replayed, removed["message"]["removed"]) == ("R", replaced, True)
    answers = [same(program(way, server, transcripts)) for way in WAYS]
    assert all(each == answers[0] for each in answers)
    assert [entry["uuid"] for entry in answers[0][3]["entries"]] == ["0", "1", "2"]
    assert answers[0][5]["entries"] == [{"text": "ä"}, {}]
    assert [one["name"] for one in answers[0][6]["transcripts"]] == ["main", "subagents/agent-7f3a"]


@pytest.mark.thorough
def test_both_ways_give_the_same_of_streams(server: LocalServer) -> None:
    answers = [same(program(way, server, streams)) for way in WAYS]
    assert all(each == answers[0] for each in answers)
    (_, appended, again), read, finished, last = answers[0][:3], answers[0][6], answers[0][11], answers[0][-1]
    assert (appended["durable_seq"], appended["replayed"], again["replayed"]) == (2, False, True)
    assert read["events"][0]["event"] == {"type": "data-x", "data": "\ud83d"}
    assert finished["stream"]["cancel"]["reason"] == "stop"
    assert (last["state"], len(last["events"])) == ("cancelled", 3)


@BOTH
def test_lines_are_exported_by_either_name(server: LocalServer, way: Any) -> None:
    async def what(turnlog: Any) -> None:
        await turnlog.create_session(session_id="s", messages=[user("q"), user("r")])
        lines = await turnlog.export_session("s", "jsonl")
        assert [json.loads(line)["content"] for line in lines["text"].splitlines()] == ["q", "r"]
        assert (await turnlog.export_text("s", "jsonl"))["text"] == lines["text"]

    program(way, server, what)


@BOTH
def test_ids_are_given_before_the_first_try(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        session = await turnlog.create_session(messages=[user("q")])
        await turnlog.append_messages(session["session_id"], [user("r"), user("s", message_id="mine")])
        found = await turnlog.get_session(session["session_id"])
        ids = [message["message_id"] for message in found["messages"]]
        assert (len(set(ids)), ids[2]) == (3, "mine")

    program(way, server, what)


@pytest.mark.thorough
@BOTH
def test_pages_are_read_on(server: LocalServer, way: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "MESSAGES_AT_ONCE", 3)
    monkeypatch.setattr(methods, "SESSIONS_AT_ONCE", 2)
    monkeypatch.setattr(methods, "ENTRIES_AT_ONCE", 4)

    async def what(turnlog: AsyncTurnlog) -> None:
        for at in range(5):
            await turnlog.create_session(session_id=f"s{at}")
        await turnlog.append_messages("s0", [user(str(at)) for at in range(10)])
        assert [one.content async for one in turnlog.messages("s0")] == [str(at) for at in range(10)]
        assert [one["sequence"] async for one in turnlog.messages("s0", after=5)] == [6, 7, 8, 9]
        assert [one["sequence"] async for one in turnlog.messages("s1")] == []
        await turnlog.append_entries("s0", "main", [{"at": at} for at in range(10)])
        assert [one["at"] async for one in turnlog.entries("s0", "main")] == [*range(10)]
        assert [one["at"] async for one in turnlog.entries("s0", "main", after=7)] == [8, 9]
        listed = [session["session_id"] async for session in turnlog.sessions()]
        assert listed == ["s0", "s4", "s3", "s2", "s1"]

    program(way, server, what)


@pytest.mark.thorough
@BOTH
def test_errors_are_those_of_the_tree(server: LocalServer, way: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_messages, "MESSAGE_LIMIT", 1 << 20)  # on the table it is 64 MB

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s", messages=[user("q", message_id="q")])
        wrong: list[tuple[type[errors.TurnlogError], Awaitable[Any]]] = [
            (errors.NotFound, turnlog.get_session("nothing")),
            (errors.SequenceMismatch, turnlog.append_messages("s", [user("r")], expected_sequence=5)),
            (errors.MessageIdReused, turnlog.append_messages("s", [user("other", message_id="q")])),
            (errors.Diverged, turnlog.put_session("s", messages=[user("other")])),
            (errors.PreconditionFailed, turnlog.set_title("s", "t", if_match=9)),
            (errors.TooLarge, turnlog.append_messages("s", [user("x" * 5_100_000)])),
            (errors.Invalid, turnlog.append_messages("s", [{"role": "nobody"}])),
            (errors.Invalid, turnlog.append_messages("s", [])),
            (errors.Invalid, turnlog.list_sessions(limit=1_000)),
            (errors.Invalid, turnlog.get_session("../s")),
            (errors.Invalid, turnlog.patch_session("s", **cast("Any", {"unheard_of": {}}))),
            (errors.Invalid, turnlog.read_entries("s", "subagents/../../x")),
            (errors.PositionMismatch, turnlog.append_entries("s", "t", [{}], expected_position=1)),
            (errors.EntryNotJson, turnlog.import_transcript("s", "t", "{}\nno\n")),
        ]
        found = []
        for expected, call in wrong:
            with pytest.raises(expected) as caught:
                await call
            assert (type(caught.value), caught.value.status) == (expected, expected.status)
            assert bool(caught.value.errors) is issubclass(expected, errors.Invalid)
            found.append(caught.value)
        assert found[1].extra == {"message_count": 1}
        assert found[6].errors[0]["loc"] == ["body", "messages", 0, "role"]
        assert found[9].errors[0]["loc"] == ["path", "session_id"]
        assert (await turnlog.get_session("s"))["message_count"] == 1
        await turnlog.delete_session("s")
        with pytest.raises(errors.Gone):
            await turnlog.create_session(session_id="s")

    program(way, server, what)


@pytest.mark.thorough
@BOTH
def test_many_at_once_on_one_client(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        appended = await asyncio.gather(
            *[turnlog.append_messages("s", [user(str(number))]) for number in range(12)]
        )
        found = await turnlog.get_session("s")
        assert found["message_count"] == 12
        for number, one in enumerate(appended):
            assert found["messages"][one["first_sequence"]]["content"] == str(number)

    program(way, server, what)


def test_another_users_session_is_not_there(server: LocalServer) -> None:
    """G5: the user is the adapter's, not the caller's, to say."""

    async def main() -> None:
        async with direct(server, "alice-of-programs") as alice, client(server, "mallory") as mallory:
            await alice.create_session(session_id="s")
            for turnlog in (alice.as_user("mallory"), mallory):
                with pytest.raises(errors.NotFound):
                    await turnlog.get_session("s")
                with pytest.raises(errors.NotFound):
                    await turnlog.append_messages("s", [user("q")])

    asyncio.run(main())
