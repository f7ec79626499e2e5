"""Writers in each other's way, and writers that are given what no stream takes: no event is lost silently.

Each test runs with both clients, over HTTP and on the table, with a cache and without.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from tests.functional.api import Api, user
from tests.functional.test_streams import HELLO, SAID, cached
from tests.functional.world import forget, wait_until
from turnlog import AsyncTurnlog, Turnlog
from turnlog.errors import Fenced, Invalid, LeaseHeld, StreamEnded, TooLarge
from turnlog.settings import from_environment
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from anyio.from_thread import BlockingPortal

    from infra.local.server import LocalServer
    from tests.functional.world import TableView

__all__ = ["cached"]


class Writer:
    """A writer of an event loop, as one without a loop is used."""

    def __init__(self, portal: BlockingPortal, writer: Any) -> None:
        self._portal = portal
        self._writer = writer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._writer, name)
        if name not in {"write", "flush", "finish"}:
            return found

        async def call(*given: Any, **named: Any) -> Any:
            return await found(*given, **named)

        return lambda *given, **named: self._portal.call(lambda: call(*given, **named))


class Place(NamedTuple):
    """A session, who writes streams on it, and who looks at them.

    Attributes:
        write_stream: makes a writer of the client that is tried.
        looking: a client over HTTP.
    """

    api: Api
    session: str
    write_stream: Callable[..., AbstractContextManager[Any]]
    looking: Turnlog

    def seen(self, stream_id: str) -> list[Any]:
        """What is in the stream."""
        return self.looking.read_snapshot(self.session, stream_id).events

    def lease_is_over(self, table: TableView, stream_id: str) -> None:
        """Move the end of the stream's lease back by so much that another may take it over."""
        item = table.item(self.api.user or "", self.session, f"STREAM#{stream_id}")
        over = timestamp(datetime.now(UTC) - timedelta(seconds=11))
        table.put(item | {"lease_until": {"S": over}})


@pytest.fixture(params=["blocking over HTTP", "blocking on the table", "loop over HTTP", "loop on the table"])
def place(request: pytest.FixtureRequest, server: LocalServer, cached: bool) -> Iterator[Place]:
    name = f"user-{uuid4().hex}"
    api = Api(server.url, name)
    session = api.new(user("Hi"))
    to: dict[str, Any] = {"url": server.url, "token": name}
    if "table" in request.param:
        here = from_environment()
        to = {"user_id": name, "settings": here if cached else here._replace(cache_url="")}
    with Turnlog(url=server.url, token=name) as looking:
        if "blocking" in request.param:
            with Turnlog(**to) as turnlog:
                yield Place(api, session, turnlog.write_stream, looking)
            return
        with start_blocking_portal() as portal:
            on_loop = AsyncTurnlog(**to)

            @contextmanager
            def write_stream(*given: Any, **named: Any) -> Iterator[Writer]:
                writer = on_loop.write_stream(*given, **named)
                with portal.wrap_async_context_manager(writer) as entered:
                    yield Writer(portal, entered)

            yield Place(api, session, write_stream, looking)
            portal.call(on_loop.aclose)


def said(text: str) -> dict[str, Any]:
    return {"type": "data-said", "data": text}


@pytest.mark.thorough
def test_of_two_writers_of_one_stream_the_second_one_is_refused(place: Place) -> None:
    with place.write_stream(place.session, stream_id="turn", message_id="a") as first:
        first.write(said("A1"))
        first.flush()
        with (
            pytest.raises(LeaseHeld, match="has its lease until"),
            place.write_stream(place.session, stream_id="turn", message_id="a"),
        ):
            pytest.fail("it is open")
        first.write(said("A2"))
        first.write(said("A3"))
        assert not first.taken_over
        first.finish([SAID])
    assert place.seen("turn") == [said("A1"), said("A2"), said("A3")]
    with pytest.raises(StreamEnded), place.write_stream(place.session, stream_id="turn"):
        pytest.fail("it is open")


@pytest.mark.thorough
def test_after_the_lease_the_second_one_takes_over_and_the_first_one_is_told(
    place: Place, table: TableView
) -> None:
    step = {"type": "start-step"}
    with pytest.raises(Fenced), place.write_stream(place.session, stream_id="turn") as first:  # noqa: PT012
        first.write(said("A1"))
        first.flush(durable=True)
        first.write(step)
        first.write(said("A2"))
        first.flush(durable=True)
        place.lease_is_over(table, "turn")
        with place.write_stream(place.session, stream_id="turn") as second:
            assert second.taken_over
            assert second.epoch > first.epoch
            second.write(said("B"))
            with suppress(Fenced):  # by the thread beside it, or by the flush
                first.write(said("A3"))
                first.flush()
            second.finish([SAID])
    followed = [one.event for one in place.looking.follow(place.session, "turn")]
    assert followed == [said("A1"), step, said("A2"), {"type": "reset-step"}, said("B")]
    assert place.seen("turn") == [said("A1"), said("B")]


@pytest.mark.thorough
def test_who_leaves_after_it_was_taken_over_is_told(place: Place, table: TableView) -> None:
    """Also where nothing was written since: the thread beside the program found out."""
    with pytest.raises(Fenced), place.write_stream(place.session, stream_id="turn") as first:  # noqa: PT012
        first.write(said("A1"))
        first.flush()
        place.lease_is_over(table, "turn")
        taken = place.looking.take_over_stream(place.session, "turn")
        first.write(said("lost"))
        wait_until(lambda: first._failed)
    assert place.looking.get_stream(place.session, "turn").epoch == taken.epoch


def test_events_that_a_writer_never_sent_are_not_taken_for_its_own(place: Place) -> None:
    """Another one writes in its epoch, as a program may that keeps epochs itself."""
    with pytest.raises(Fenced, match="Another producer"), place.write_stream(place.session) as first:  # noqa: PT012
        place.looking.append_events(
            place.session, first.stream_id, [said("B1")], epoch=first.epoch, first_seq=1
        )
        first.write(said("A1"))
        first.flush()


class Loses(httpx.BaseTransport):
    """The way to the API; the first reply of each of some paths is lost.

    Args:
        meanwhile: what goes on before its sender knows.
    """

    def __init__(self, *paths: str, meanwhile: Callable[[], Any] = lambda: None) -> None:
        self._way = httpx.HTTPTransport()
        self.lost = list(paths)
        self._meanwhile = meanwhile

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = self._way.handle_request(request)
        for path in self.lost:
            if request.method == "POST" and request.url.path.endswith(path):
                reply.read()
                self.lost.remove(path)
                self._meanwhile()
                raise httpx.ReadError("lost", request=request)
        return reply


def test_a_writer_whose_replies_are_lost_goes_on_with_its_own(server: LocalServer) -> None:
    name = f"user-{uuid4().hex}"
    session = Api(server.url, name).new(user("Hi"))
    way = Loses("/streams", "/events", "/finish")
    with (
        httpx.Client(transport=way) as http,
        Turnlog(url=server.url, token=name, http_client=http) as turnlog,
        turnlog.write_stream(session, stream_id="turn", message_id="a") as stream,
    ):
        assert not stream.taken_over
        for event in HELLO:
            stream.write(event)
        stream.flush()
        assert stream.finish([SAID]).message_count == 2
        assert way.lost == []
        assert [one.event for one in turnlog.follow(session, "turn")] == HELLO


def test_events_behind_its_own_tell_a_writer_of_another_one(server: LocalServer) -> None:
    """It cannot tell its own event from the other's, as the reply was lost; but it knows where it is."""
    name = f"user-{uuid4().hex}"
    session = Api(server.url, name).new(user("Hi"))

    def meanwhile() -> None:
        looking.append_events(session, "turn", [said("B2")], epoch=first.epoch, first_seq=2)

    with (
        httpx.Client(transport=Loses("/events", meanwhile=meanwhile)) as http,
        Turnlog(url=server.url, token=name) as looking,
        Turnlog(url=server.url, token=name, http_client=http) as turnlog,
    ):
        writer = turnlog.write_stream(session, stream_id="turn")
        with pytest.raises(Fenced, match="Another producer"), writer as first:  # noqa: PT012
            first.write(said("A1"))
            first.flush()


BAD: list[tuple[Any, type[Exception], str]] = [
    ({"x": 1}, Invalid, "string `type`"),
    ({"type": 1}, Invalid, "string `type`"),
    ([1], Invalid, "string `type`"),
    ({"type": "a", "x": {1}}, Invalid, "JSON has no word for"),
    ({"type": "a", "x": float("inf")}, Invalid, "number"),
    ({"type": "a", "x": json.loads("[" * 501 + "]" * 501)}, Invalid, "nested"),
    ({"type": "a", "x": "x" * 1_000_000}, TooLarge, "at most 1000000 bytes"),
]


@pytest.mark.thorough
def test_events_that_no_stream_takes_are_refused_and_leave_the_writer_whole(place: Place) -> None:
    with place.write_stream(place.session) as stream:
        for at, (event, error, told) in enumerate(BAD):
            stream.write(said(f"A{at}"))
            with pytest.raises(error, match=told):
                stream.write(event)
        assert stream.finish([SAID]).stream.seq == len(BAD)
    assert place.seen(stream.stream_id) == [said(f"A{at}") for at in range(len(BAD))]


@pytest.mark.thorough
def test_a_writer_whose_events_are_refused_ends_its_stream_as_failed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream is full."""
    monkeypatch.setattr("turnlog.operations.append_events.STREAM_LIMIT", 100)
    with pytest.raises(TooLarge, match="open another one"), place.write_stream(place.session) as stream:  # noqa: PT012
        stream.write(said("A1"))
        stream.flush(durable=True)
        stream.write(said("A2" * 100))
        stream.flush(durable=True)
    ended = place.looking.get_stream(place.session, stream.stream_id)
    assert (ended.state, ended.error) == ("failed", "TooLarge")
    # A program that goes on regardless is told when it leaves.
    with pytest.raises(TooLarge, match="open another one"), place.write_stream(place.session) as stream:  # noqa: PT012
        stream.write(said("A2" * 100))
        with suppress(TooLarge):
            stream.flush(durable=True)
    assert place.looking.get_stream(place.session, stream.stream_id).state == "failed"
    with place.write_stream(place.session) as stream:
        stream.write(said("A1"))


@pytest.mark.thorough
def test_what_was_sent_is_in_the_table_soon_though_nothing_follows(
    place: Place, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnlog.streams.gathering.SEGMENT_SECONDS", 0.3)
    with place.write_stream(place.session) as stream:
        stream.write({"type": "start-step"})
        stream.write(said("A1"))
        stream.flush()
        get = place.looking.get_stream
        wait_until(lambda: get(place.session, stream.stream_id).durable_seq == 2, 20)
        forget(valkey, place.session)
        assert place.seen(stream.stream_id) == [{"type": "start-step"}, said("A1")]


@pytest.mark.thorough
def test_a_flush_makes_durable_what_was_sent_before(place: Place) -> None:
    with place.write_stream(place.session) as stream:
        stream.write(said("A1"))
        stream.flush()
        stream.flush(durable=True)
        assert place.looking.get_stream(place.session, stream.stream_id).durable_seq == 1
