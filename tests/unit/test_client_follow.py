"""Both clients follow a stream whose answers are cut anywhere: each event comes once, in order."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.answering import answering, answering_beside, reply
from tests.cancelling import cancelled_in_turn, run_clean
from turnlog import AsyncTurnlog, Turnlog
from turnlog.client import http
from turnlog.errors import Resync, Unanswered, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.answering import Asked

    Follow = Callable[..., list[Any]]

EVENTS = [{"type": "text-delta", "id": "t", "delta": f"{number} \u2028 é"} for number in range(3)]
STREAM = {"content_type": "text/event-stream"}


def behind(asked: Asked) -> int:
    """How many events the reader has."""
    given = parse_qs(urlsplit(asked.path).query)
    return int(given["after"][0].rpartition(".")[2]) if "after" in given else 0


def streamed(framed: str) -> Callable[[Asked], bytes]:
    def answer(asked: Asked) -> bytes:
        assert asked.headers["accept"].startswith("text/event-stream")
        frames = ["retry: 1\n\n: hb\n\n"]
        for number, event in enumerate(EVENTS[behind(asked) :], behind(asked) + 1):
            frames.append(f"id: s.1.{number}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n")
        frames.append('event: end\ndata: {"cursor":"s.1.3","state":"completed"}\n\n')
        return reply("".join(frames).encode(), framed=framed, **STREAM)

    return answer


def blocking(url: str, **given: Any) -> list[Any]:
    with Turnlog(url=url, token="alice", **given) as turnlog:  # noqa: S106
        return [one.event for one in turnlog.follow("session", "s")]


def on_a_loop(url: str, **given: Any) -> list[Any]:
    async def main() -> list[Any]:
        async with AsyncTurnlog(url=url, token="alice", **given) as turnlog:  # noqa: S106
            return [one.event async for one in turnlog.follow("session", "s")]

    return asyncio.run(main())


@pytest.fixture(params=[blocking, on_a_loop])
def follow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Follow:
    monkeypatch.setattr(http, "_FIRST_WAIT", 0.0)
    found: Follow = request.param
    return found


@pytest.mark.parametrize("framed", ["length", "chunks", "end"])
def test_an_answer_that_is_cut_anywhere(follow: Follow, framed: str) -> None:
    with answering_beside(streamed(framed)) as server:
        for _ in server.each_cut(23):
            assert follow(server.url) == EVENTS


@pytest.mark.parametrize("first", ['id: s.2.5\ndata: {"type":"reset-step"}\n\n', ""])
def test_what_was_lost_is_said_once(follow: Follow, first: str) -> None:
    """A producer that takes over puts it as the first event behind the cut."""

    def answer(_: Asked) -> bytes:
        frames = [
            'id: s.1.4\nevent: reset\ndata: {"cursor":"s.1.4"}\n\n',
            first,
            'id: s.2.6\ndata: {"type":"finish"}\n\n',
            "event: end\ndata: {}\n\n",
        ]
        return reply("".join(frames).encode(), **STREAM)

    with answering_beside(answer) as server:
        assert follow(server.url) == [{"type": "reset-step"}, {"type": "finish"}]


def test_what_was_lost_is_said_also_where_nothing_comes_behind_it(follow: Follow) -> None:
    """As of a stream that ended without what the reader has of its last step."""

    def answer(_: Asked) -> bytes:
        frames = 'id: s.1.4\nevent: reset\ndata: {"cursor":"s.1.4"}\n\nevent: end\ndata: {}\n\n'
        return reply(frames.encode(), **STREAM)

    with answering_beside(answer) as server:
        assert follow(server.url) == [{"type": "reset-step"}]


def test_a_quiet_stream_is_followed_however_often_its_connection_is_cut(follow: Follow) -> None:
    """As a load balancer does, to which a reader that only waits is idle."""

    def answer(asked: Asked) -> bytes:
        if server.asked > 20:
            return streamed("length")(asked)
        quiet = reply(b"retry: 1\n\n: hb\n\n: hb\n\n", framed="length", **STREAM)
        server.cut = len(quiet) - 1
        return quiet

    with answering_beside(answer) as server:
        assert follow(server.url, max_retries=0) == EVENTS


def test_what_is_kept_no_longer_is_an_error(follow: Follow) -> None:
    problem = {"type": "resync", "status": 410, "detail": "Begin anew.", "state": "completed"}

    def answer(_: Asked) -> bytes:
        return reply(f"event: resync\ndata: {json.dumps(problem)}\n\n".encode(), **STREAM)

    with answering_beside(answer) as server, pytest.raises(Resync, match="Begin anew") as raised:
        follow(server.url)
    assert raised.value.extra == {"state": "completed"}


def test_an_address_that_does_not_stream_is_asked_again_and_again(follow: Follow) -> None:
    """Such as the HTTP API's, which gives a page."""

    def answer(asked: Asked) -> bytes:
        assert "wait=20" in asked.path
        at = behind(asked)
        if at == len(EVENTS):
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        events = [{"cursor": f"s.1.{at + 1}", "event": EVENTS[at]}]
        page = {"events": events, "cursor": f"s.1.{at + 1}", "state": "open"}
        return reply(json.dumps(page).encode(), content_type="application/json")

    with answering_beside(answer) as server:
        assert follow(server.url) == EVENTS
        assert server.asked == len(EVENTS) + 1


def test_streams_are_followed_at_their_own_address(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering_beside(streamed("length")) as server:
        assert follow("http://127.0.0.1:1", stream_url=f"{server.url}/live/") == EVENTS
        monkeypatch.setenv("TURNLOG_STREAM_URL", server.url)
        monkeypatch.setenv("TURNLOG_URL", "http://127.0.0.1:1")
        with Turnlog(token="alice") as turnlog:  # noqa: S106
            assert [one.event for one in turnlog.follow("session", "s")] == EVENTS
    with pytest.raises(UsageError):
        follow("http://127.0.0.1:1", stream_url="nonsense")


def test_what_is_no_event_is_no_answer(follow: Follow) -> None:
    with (
        answering_beside(lambda _: reply(b"data: <html>\n\n", **STREAM)) as server,
        pytest.raises(Unanswered),
    ):
        follow(server.url)


def test_an_impatient_client_waits_for_events_as_long_as_the_api_does() -> None:
    """Else a stream in which nothing happens for some seconds would be an error, as of httpx's own 5."""

    def answer(asked: httpx.Request) -> httpx.Response:
        assert asked.extensions["timeout"] == {"connect": 5, "read": 30, "write": 5, "pool": 5}
        return httpx.Response(204)

    with (
        httpx.Client(transport=httpx.MockTransport(answer), timeout=5) as client,
        Turnlog(url="http://turnlog", token="alice", http_client=client) as turnlog,  # noqa: S106
    ):
        assert list(turnlog.follow("session", "s")) == []

    async def main() -> None:
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(answer), timeout=5) as beside,
            AsyncTurnlog(url="http://turnlog", token="alice", http_client=beside) as on_a_loop,  # noqa: S106
        ):
            assert [one async for one in on_a_loop.follow("session", "s")] == []

    asyncio.run(main())


def test_a_reader_that_has_enough_gives_its_connection_back() -> None:
    with (
        answering_beside(streamed("chunks")) as server,
        httpx.Client(limits=httpx.Limits(max_connections=1), timeout=httpx.Timeout(10, pool=1)) as client,
        Turnlog(url=server.url, token="alice", http_client=client, max_retries=0) as turnlog,  # noqa: S106
    ):
        for _ in range(3):
            coming = turnlog.follow("session", "s")
            assert next(coming).event == EVENTS[0]
            coming.close()


@pytest.mark.parametrize("again", [False, True])
def test_a_reader_that_is_cancelled_at_any_moment_gives_its_connection_back(*, again: bool) -> None:
    async def read(turnlog: AsyncTurnlog) -> list[Any]:
        return [one.event async for one in turnlog.follow("session", "s")]

    async def main() -> None:
        async with answering(streamed("chunks")) as server:
            limits, time_out = httpx.Limits(max_connections=1), httpx.Timeout(10, pool=1)
            async with httpx.AsyncClient(limits=limits, timeout=time_out) as client:
                turnlog = AsyncTurnlog(url=server.url, token="alice", http_client=client, max_retries=0)  # noqa: S106
                turn = 1
                while await cancelled_in_turn(read(turnlog), turn, again=again):
                    # On the one connection that there is.
                    assert await read(turnlog) == EVENTS
                    turn += 1
                assert turn > 10

    run_clean(main)
