"""Programs that write a stream and follow one: both clients, with a cache and without."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.functional.api import Api, user
from tests.functional.test_streams import HELLO, SAID, cached, throttled
from tests.functional.world import forget, hurried
from turnlog import AsyncTurnlog, Turnlog
from turnlog.errors import Fenced, StreamEnded, Unavailable
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from infra.local.server import LocalServer
    from tests.functional.world import TableView

__all__ = ["cached"]


def opened(server: LocalServer) -> tuple[Api, Turnlog, str]:
    """A client over HTTP of a user of its own, and a session."""
    name = f"user-{uuid4().hex}"
    api = Api(server.url, name)
    return api, Turnlog(url=server.url, token=name), api.new(user("Hi"))


def test_what_is_written_is_followed_while_it_is_written(server: LocalServer) -> None:
    api, turnlog, session = opened(server)
    with turnlog, ThreadPoolExecutor() as pool:
        with turnlog.write_stream(session, message_id="a") as stream:
            followed = pool.submit(lambda: [one.event for one in turnlog.follow(session, stream.stream_id)])
            for event in HELLO:
                stream.write(event)
            done = stream.finish([SAID], usage={"total_tokens": 3})
            with pytest.raises(StreamEnded):
                stream.write(HELLO[0])
        assert followed.result(60) == HELLO
        assert (done.stream.state, done.message_count, done.stream.seq) == ("completed", 2, len(HELLO))
        assert api.get(session).body["messages"][1]["stream_id"] == stream.stream_id


def test_what_is_written_goes_out_by_itself(server: LocalServer) -> None:
    _, turnlog, session = opened(server)
    with turnlog, turnlog.write_stream(session) as stream:
        stream.write(HELLO[0])
        page = turnlog.read_events(session, stream.stream_id, wait=20)
        assert page
        assert [one.event for one in page.events] == HELLO[:1]


def test_on_an_event_loop(server: LocalServer) -> None:
    _, _, session = opened(server)
    name = f"user-{uuid4().hex}"

    async def main() -> tuple[list[Any], int]:
        async with AsyncTurnlog(url=server.url, token=name) as turnlog:
            await turnlog.create_session(session_id=session)
            async with turnlog.write_stream(session) as stream:

                async def follow() -> list[Any]:
                    return [one.event async for one in turnlog.follow(session, stream.stream_id)]

                following = asyncio.create_task(follow())
                for event in HELLO:
                    await stream.write(event)
                done = await stream.finish([SAID])
            return await following, done.message_count

    assert asyncio.run(main()) == (HELLO, 1)


def test_what_the_cache_loses_is_sent_again(server: LocalServer, valkey: Any) -> None:
    _, turnlog, session = opened(server)
    with turnlog, turnlog.write_stream(session) as stream:
        for event in HELLO[:6]:
            stream.write(event)
            stream.flush()
            forget(valkey, session)
        done = stream.finish([SAID])
        assert done.stream.durable_seq == 6
        assert [one.event for one in turnlog.follow(session, stream.stream_id)] == HELLO[:6]


def test_a_program_that_fails_says_so(server: LocalServer) -> None:
    _, turnlog, session = opened(server)
    with turnlog:
        with pytest.raises(ZeroDivisionError), turnlog.write_stream(session) as stream:  # noqa: PT012
            stream.write(HELLO[0])
            _ = 1 / 0
        ended = turnlog.get_stream(session, stream.stream_id)
        assert (ended.state, ended.error, ended.seq) == ("failed", "ZeroDivisionError", 1)
        with turnlog.write_stream(session) as stream:
            stream.write(HELLO[0])
        assert turnlog.get_stream(session, stream.stream_id).state == "completed"


def test_a_writer_that_was_taken_over_stops_and_its_reader_drops_the_step(
    server: LocalServer, table: TableView
) -> None:
    api, turnlog, session = opened(server)
    with turnlog:
        with pytest.raises(Fenced), turnlog.write_stream(session) as stream:  # noqa: PT012
            stream.write(HELLO[0])
            stream.flush()
            item = table.item(api.user or "", session, f"STREAM#{stream.stream_id}")
            over = timestamp(datetime.now(UTC) - timedelta(seconds=11))
            table.put(item | {"lease_until": {"S": over}})
            taken = turnlog.take_over_stream(session, stream.stream_id)
            stream.write(HELLO[1])
            stream.flush()
        turnlog.finish_stream(session, stream.stream_id, epoch=taken.epoch, messages=[SAID])
        followed = [one.event for one in turnlog.follow(session, stream.stream_id)]
        assert followed == [HELLO[0], {"type": "reset-step"}]


def test_a_writer_is_told_to_stop(server: LocalServer) -> None:
    _, turnlog, session = opened(server)
    with turnlog, turnlog.write_stream(session) as stream:
        assert stream.cancel is None
        turnlog.cancel_stream(session, stream.stream_id, reason="stop")
        stream.write(HELLO[0])
        stream.flush()
        assert stream.cancel is not None
        assert stream.cancel["reason"] == "stop"
        stream.finish(state="cancelled")


def test_an_event_that_is_not_taken_now_is_kept_and_sent_once(server: LocalServer) -> None:
    """A program that is told of an error would write it again, or give the answer up."""
    name = f"user-{uuid4().hex}"
    session = Api(server.url, name).new(user("Hi"))
    with Turnlog(url=server.url, token=name, max_retries=0) as turnlog:
        with turnlog.write_stream(session) as stream:
            with throttled(), hurried():
                stream.write({"type": "finish-step"})
                with pytest.raises(Unavailable):
                    stream.flush()
            stream.write({"type": "finish"})
            stream.finish([SAID])
        said = [seen.event for seen in turnlog.follow(session, stream.stream_id)]
    assert said == [{"type": "finish-step"}, {"type": "finish"}]
