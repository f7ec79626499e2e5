"""Streams as server-sent events, at the local server: what a browser and `curl -N` get."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.client import IncompleteRead
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

from tests.functional.follower import Follower
from tests.functional.test_streams import HELLO, SAID, Streamed
from tests.functional.world import counted, unreachable, wait_until
from tests.http_client import request
from turnlog import Turnlog
from turnlog.http import sse
from turnlog.http.endpoints import follow_stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from tests.functional.api import Api
    from tests.functional.world import TableView
    from turnlog.client.sse import Frame


@pytest.fixture(autouse=True)
def nobody_follows_on(api: Api) -> Iterator[None]:
    """The local server sees that a reader has gone when it writes again. Until then it asks the table."""
    yield
    for session in api.list().body["sessions"]:
        api.call("DELETE", f"/sessions/{quote(session['session_id'])}")
    wait_until(lambda: not [one for one in threading.enumerate() if "process_request" in one.name])


def follow(stream: Streamed, api: Api | None = None, query: str = "", **headers: str) -> Follower:
    api = api or stream.api
    return Follower(api.url, f"{stream.path}/events{query}", api.user, **headers)


def data(frame: Frame | None) -> Any:
    assert frame is not None, "the answer has ended"
    return json.loads(frame.data)


@pytest.mark.thorough
def test_events_arrive_while_the_producer_writes(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    with follow(stream) as reader:
        assert reader.status == 200
        assert reader.headers["content-type"] == "text/event-stream"
        assert reader.headers["cache-control"] == "no-cache"
        assert data(reader.next()) == HELLO[0]
        for number, event in enumerate(HELLO[1:], 2):
            # The next one is written when the one before has been read.
            stream.append(number, event)
            assert data(reader.next()) == event
        stream.finish(SAID)
        last = reader.next()
        assert last is not None
        assert (last.event, data(last)) == ("end", {"cursor": last.id, "state": "completed"})
        assert reader.rest() == []


def test_the_first_line_says_when_to_come_again(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    stream.finish()
    accept = {"Accept": "text/event-stream"}
    answer = request(api.url, "GET", f"{stream.path}/events", headers=accept, user=api.user)
    assert answer.raw.startswith(b"retry: 1000\n\n")
    cursor = f"{stream.stream_id}.{stream.epoch}.1"
    first = json.dumps(HELLO[0], separators=(",", ":"))
    assert f"\n\nid: {cursor}\ndata: {first}\n\nevent: end\n" in answer.raw.decode()


def test_a_reader_that_was_cut_off_goes_on_behind_the_last_event_that_it_saw(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO)
    with follow(stream) as reader:
        seen = [reader.next() for _ in range(3)]
    stream.finish(SAID)
    assert seen[0] is not None
    assert seen[-1] is not None
    # A browser sends the address of before, which may have a cursor of its own in it.
    with follow(stream, query=f"?after={seen[0].id}", Last_Event_ID=seen[-1].id or "") as reader:
        *events, end = reader.rest()
        assert [data(frame) for frame in events] == HELLO[3:]
        assert end.event == "end"
    with follow(stream, query=f"?after={seen[0].id}") as reader:
        assert [data(frame) for frame in reader.rest()[:-1]] == HELLO[1:]


def test_its_cursors_are_those_of_the_long_poll(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO)
    with follow(stream) as reader:
        cursors = [frame.id for frame in (reader.next() for _ in HELLO) if frame]
    assert cursors == [event["cursor"] for event in stream.events().body["events"]]


def test_who_has_all_of_a_stream_that_has_ended_need_not_come_again(api: Api) -> None:
    """A browser's EventSource comes again after every end, but for this status."""
    stream = Streamed(api)
    stream.append(1, *HELLO)
    stream.finish(SAID)
    last = stream.events().body["cursor"]
    with follow(stream, Last_Event_ID=last) as reader:
        assert (reader.status, reader.body()) == (204, b"")


@pytest.mark.thorough
def test_an_answer_ends_after_its_time_and_says_meanwhile_that_it_is_alive(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "FOLLOW_SECONDS", 3)
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 1)
    stream = Streamed(api)
    began = time.monotonic()
    with follow(stream) as reader:
        found = reader.rest()
    assert found
    assert {(frame.event, frame.data) for frame in found} == {("", "hb")}
    assert time.monotonic() - began < 60


def test_a_reader_of_what_was_lost_drops_the_running_step(api: Api, table: TableView) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:2])
    with follow(stream, Last_Event_ID=f"{stream.stream_id}.{stream.epoch}.7") as reader:
        # It saw seven events, of which the table has two; then its producer is lost.
        stream.moved_back(table, 100, "lease_until")
        taken = stream.call("POST", "/take-over", {}).body
        reset = reader.next()
        assert reset is not None
        assert reset.event == "reset"
        assert data(reset)["cursor"] == reset.id
        assert data(reader.next()) == {"type": "reset-step"}
        stream.epoch = taken["epoch"]
        stream.append(taken["seq"] + 1, HELLO[2])
        assert data(reader.next()) == HELLO[2]


def test_a_reader_is_told_of_a_lost_step_also_where_the_stream_has_ended(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:2], flush=True)
    stream.finish(state="failed")
    # It saw five events more, which were in a cache alone.
    with follow(stream, Last_Event_ID=f"{stream.stream_id}.{stream.epoch}.7") as reader:
        reset, end = reader.rest()
        assert (reset.event, data(reset)) == ("reset", {"cursor": reset.id})
        assert (end.event, data(end)) == ("end", {"cursor": reset.id, "state": "failed"})
    with Turnlog(url=api.url, token=api.user) as turnlog:
        cursor = f"{stream.stream_id}.{stream.epoch}.7"
        found = [one.event for one in turnlog.follow(stream.session, stream.stream_id, after=cursor)]
        assert found == [{"type": "reset-step"}]


def test_a_reader_of_a_session_that_was_begun_anew_begins_anew(api: Api) -> None:
    stream = Streamed(api, stream_id="answer")
    stream.append(1, *HELLO)
    old = stream.events().body["cursor"]
    with follow(stream) as reader:
        assert [data(reader.next()) for _ in HELLO] == HELLO
        api.call("DELETE", f"/sessions/{stream.session}")
        api.call("POST", "/sessions", {"session_id": stream.session, "recreate": True})
        again = Streamed(api, stream.session, stream_id="answer")
        again.append(1, HELLO[0])
        # Nothing of the new stream; whoever came between the two sees that the old one is gone.
        assert {frame.event for frame in reader.rest()} <= {"resync", "reset", "end"}
    with follow(again, Last_Event_ID=old) as reader:
        assert (reader.status, json.loads(reader.body())["type"]) == (410, "resync")
        assert reader.headers["content-type"] == "application/problem+json"


def test_events_of_any_text_are_one_frame_each(api: Api) -> None:
    stream = Streamed(api)
    texts = ["a\nb", "a\r\n\r\ndata: x", "\n\nevent: end\n\n", "é\u2028\u2029\x85😀", "\x00", "\ud83d"]
    events = [{"type": "text-delta", "id": "ü\n", "delta": text} for text in texts]
    stream.append(1, *events)
    with follow(stream) as reader:
        found = [reader.next() for _ in events]
    assert [data(frame) for frame in found] == events
    assert {frame.event for frame in found if frame} == {"message"}


@pytest.mark.thorough
def test_a_reader_that_has_gone_leaves_nothing_behind(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server learns it when it says that the connection is alive."""
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 1)
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    ended: list[str] = []
    frames = sse.frames

    async def watched(*given: Any) -> AsyncGenerator[bytes, None]:
        chunks = frames(*given)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()
            ended.append("closed")

    monkeypatch.setattr(follow_stream, "frames", watched)
    with follow(stream) as reader:
        assert data(reader.next()) == HELLO[0]
    wait_until(lambda: ended == ["closed"])
    wait_until(lambda: not [one for one in threading.enumerate() if "process_request" in one.name])
    assert api.get(stream.session).body["active_stream"] == stream.stream_id


def test_an_answer_in_which_something_breaks_is_cut_off(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not look whole, nor does it say what broke; its reader comes again."""

    async def broken(*_: Any) -> AsyncGenerator[bytes, None]:
        yield sse.RETRY
        message = "a secret"
        raise ValueError(message)

    stream = Streamed(api)
    stream.append(1, HELLO[0])
    with monkeypatch.context() as patched:
        patched.setattr(follow_stream, "frames", broken)
        with follow(stream) as reader, pytest.raises(IncompleteRead) as cut:
            reader.body()
        assert cut.value.partial == sse.RETRY
    with follow(stream) as reader:
        assert data(reader.next()) == HELLO[0]


def test_what_is_kept_no_longer_is_told_in_the_middle_of_an_answer(api: Api, table: TableView) -> None:
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    with follow(stream) as reader:
        assert data(reader.next()) == HELLO[0]
        item = table.item(api.user or "", stream.session, f"STREAM#{stream.stream_id}")
        ended = {"state": {"S": "completed"}, "ended_at": {"S": "2020-01-01T00:00:00.000000Z"}}
        table.put(item | ended)
        told = reader.next()
        assert told is not None
        assert (told.event, data(told)["type"]) == ("resync", "resync")
        assert reader.rest() == []
    with follow(stream) as reader:
        assert (reader.status, json.loads(reader.body())["type"]) == (410, "resync")
    table.put(item)  # so that its session can be deleted


def test_what_is_wrong_with_a_request_is_an_answer_of_its_own(api: Api, other: Api) -> None:
    stream, foreign = Streamed(api), Streamed(api)
    for reader, status, kind in (
        (follow(stream, other), 404, "not_found"),
        (Follower(api.url, f"{stream.path}/events", None), 401, "unauthenticated"),
        (Follower(api.url, f"{stream.path}x/events", api.user), 404, "not_found"),
        (follow(stream, query="?after=x"), 422, "bad_cursor"),
        (follow(stream, Last_Event_ID="x"), 422, "bad_cursor"),
        (follow(stream, Last_Event_ID=foreign.opened.body["cursor"]), 422, "bad_cursor"),
    ):
        with reader:
            body = json.loads(reader.body())
            assert (reader.status, body["type"], body["status"]) == (status, kind, status)
            assert reader.headers["content-type"] == "application/problem+json"


def test_an_answer_to_a_deleted_session_ends_and_the_next_is_404(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    with follow(stream) as reader:
        assert data(reader.next()) == HELLO[0]
        api.call("DELETE", f"/sessions/{stream.session}")
        # A look in the middle of it may see that the stream has ended.
        assert {frame.event for frame in reader.rest()} <= {"reset", "end"}
    with follow(stream) as reader:
        assert reader.status == 404


def test_an_answer_ends_when_the_table_does(api: Api) -> None:
    """Its reader comes again, and is told 503."""
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    with unreachable("GetItem"), follow(stream) as reader:
        assert (reader.status, reader.headers["retry-after"]) == (503, "1")


def test_whoever_does_not_ask_for_a_stream_gets_a_page(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    for accept in ("*/*", "application/json"):
        with follow(stream, Accept=accept) as reader:
            assert json.loads(reader.body())["events"][0]["event"] == HELLO[0]


@pytest.mark.thorough
def test_readers_that_do_not_read_hold_nobody(api: Api) -> None:
    stream = Streamed(api)
    long = {"type": "text-delta", "id": "t", "delta": "x" * 200_000}
    place = urlsplit(api.url)
    lazy = [socket.create_connection((place.hostname or "", place.port or 0)) for _ in range(20)]
    head = f"GET {stream.path}/events HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: text/event-stream\r\n"
    try:
        for one in lazy:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(f"{head}Authorization: Bearer {api.user}\r\n\r\n".encode())
        with follow(stream) as reader:
            for number in range(1, 40):
                assert stream.append(number, long).status == 200
                assert data(reader.next()) == long
            assert stream.finish().status == 200
            assert [frame.event for frame in reader.rest()] == ["end"]
    finally:
        for one in lazy:
            one.close()


def test_a_page_of_this_machine_may_follow(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    page = "http://localhost:5173"
    asked = request(
        api.url,
        "OPTIONS",
        f"{stream.path}/events",
        headers={
            "Origin": page,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,last-event-id",
        },
    )
    allowed = asked.headers["access-control-allow-headers"].split(",")
    assert {"authorization", "last-event-id", "idempotency-key"} <= set(allowed)
    with follow(stream, Origin=page) as reader:
        assert reader.headers["access-control-allow-origin"] == page
        assert data(reader.next()) == HELLO[0]
    with follow(stream, Origin="https://elsewhere.example") as reader:
        assert reader.status == 403


def test_names_of_any_kind(api: Api) -> None:
    session = api.new(session_id="slack:C1 ü+a@b")
    stream = Streamed(api, session="slack%3AC1%20%C3%BC%2Ba@b", stream_id="s:ü+1 x")
    assert session
    stream.append(1, HELLO[0])
    with follow(stream) as reader:
        first = reader.next()
        assert data(first) == HELLO[0]
        assert first is not None
    with follow(stream, Last_Event_ID=first.id or "") as reader:
        stream.append(2, HELLO[1])
        assert data(reader.next()) == HELLO[1]


def test_a_direct_invoke_gets_a_page(api: Api) -> None:
    """Lambda gives it one answer, in one piece."""
    stream = Streamed(api)
    stream.append(1, HELLO[0])
    answer = api.invoke("FollowStreamFunction", stream.session, stream_id=stream.stream_id)
    assert (answer["status"], answer["body"]["events"][0]["event"]) == (200, HELLO[0])


def test_following_costs_what_asking_again_would(api: Api) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO, flush=True)
    stream.finish()
    with counted() as requests, follow(stream) as reader:
        reader.rest()
    # The session and the stream, and its events; once more, where it has ended.
    assert requests == ["GetItem", "GetItem", "Query", "GetItem", "GetItem"]
