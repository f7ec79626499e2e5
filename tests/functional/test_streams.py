"""Streams: opened, appended to, followed by cursor, and ended together with their messages."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest
from botocore.exceptions import ClientError

from tests.functional.api import user
from tests.functional.test_large import noise
from tests.functional.world import forget, hook, hurried, purging, wait_until
from turnlog.drivers import blocking
from turnlog.drivers.blocking import SystemClock
from turnlog.records import streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.server import LocalServer
    from tests.functional.api import Api
    from tests.functional.world import TableView
    from tests.http_client import Reply

HELLO = [
    {"type": "start", "messageId": "a"},
    {"type": "start-step"},
    {"type": "text-start", "id": "t"},
    {"type": "text-delta", "id": "t", "delta": "Hel"},
    {"type": "text-delta", "id": "t", "delta": "lo"},
    {"type": "text-end", "id": "t"},
    {"type": "finish-step"},
    {"type": "finish"},
]
SAID = {"role": "assistant", "content": "Hello", "message_id": "a"}


@pytest.fixture(autouse=True, params=["cache", "table"])
def cached(request: pytest.FixtureRequest, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> bool:  # noqa: ARG001
    """Whether there is a cache, which the template's default has not."""
    table, cache = blocking.clients()
    if request.param == "table":
        monkeypatch.setattr(blocking, "clients", lambda: (table, None))
    return request.param == "cache" and cache is not None


@contextmanager
def throttled() -> Iterator[None]:
    """The table takes no transaction."""

    def refuse(**_: Any) -> None:
        if not purging():
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems")

    with hook("before-call.dynamodb.TransactWriteItems", refuse):
        yield


class Streamed:
    """A stream as its producer and its readers use it."""

    def __init__(self, api: Api, session: str | None = None, **body: Any) -> None:
        self.api = api
        self.session = session or api.new(user("Hi"))
        reply = api.call("POST", f"/sessions/{self.session}/streams", body)
        assert reply.status in {200, 201}, reply.raw
        self.opened = reply
        self.stream_id = reply.body["stream"]["stream_id"]
        self.epoch = reply.body["stream"]["epoch"]
        self.path = f"/sessions/{self.session}/streams/{quote(self.stream_id)}"

    def call(self, method: str, place: str = "", body: Any = None, **query: Any) -> Reply:
        return self.api.call(method, f"{self.path}{place}", body, query=query)

    def append(self, first: int, *events: Any, **body: Any) -> Reply:
        body = {"epoch": self.epoch, "first_seq": first, "events": events, **body}
        return self.call("POST", "/events", body)

    def events(self, **query: Any) -> Reply:
        return self.call("GET", "/events", **query)

    def all(self, after: str | None = None) -> tuple[list[Any], str]:
        """The events behind a cursor, page by page, and the cursor behind them."""
        found: list[Any] = []
        while True:
            page = self.events(**({"after": after} if after else {}), limit=3)
            if page.status == 204 or not page.body["events"]:
                return found, after or page.body["cursor"]
            found += [one["event"] for one in page.body["events"]]
            after = page.body["cursor"]

    def finish(self, *messages: Any, **body: Any) -> Reply:
        body = {"epoch": self.epoch, "state": "completed", "messages": messages, **body}
        return self.call("POST", "/finish", body)

    def moved_back(self, table: TableView, seconds: int, *names: str) -> None:
        """As if that was so long ago."""
        item = table.item(self.api.user or "", self.session, f"STREAM#{self.stream_id}")
        at = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for name in names:
            item[name] = {"S": f'{{"reason":null,"asked_at":"{at}"}}' if name == "cancel" else at}
        table.put(item)


def test_a_turn_from_its_first_event_to_its_message(api: Api, cached: bool) -> None:
    stream = Streamed(api)
    assert stream.opened.status == 201
    assert stream.opened.headers["location"] == stream.path
    assert api.get(stream.session).body["active_stream"] == stream.stream_id
    reply = stream.append(1, *HELLO[:4])
    durable = 0 if cached else 4
    assert reply.body == {"seq": 4, "durable_seq": durable, "cancel": None, "replayed": False}
    assert stream.append(1, *HELLO[:4]).body["replayed"]
    assert stream.append(3, *HELLO[2:6]).body["seq"] == 6
    before = stream.opened.body["cursor"]
    seen, cursor = stream.all(before)
    assert seen == HELLO[:6]
    assert stream.events(after=cursor).body == {"events": [], "cursor": cursor, "state": "open"}
    done = stream.finish(SAID, first_seq=6, events=HELLO[5:], usage={"total_tokens": 3})
    assert (done.body["first_sequence"], done.body["last_sequence"]) == (1, 1)
    assert done.body["stream"]["state"] == "completed"
    again = stream.finish(SAID, first_seq=6, events=HELLO[5:], usage={"total_tokens": 3})
    assert again.body == {**done.body, "replayed": True}
    assert stream.all(cursor)[0] == HELLO[6:]
    assert stream.events(after=stream.all()[1]).status == 204
    shown = api.get(stream.session).body
    assert shown["active_stream"] is None
    assert shown["messages"][1] == {**shown["messages"][1], **SAID, "stream_id": stream.stream_id}
    assert (shown["usage"]["total_tokens"], shown["version"]) == (3, done.body["version"])


@pytest.mark.parametrize("after", ["x", "", "{id}.1", "{id}.1.x", "other.{epoch}.1", "{id}.{epoch}9.1"])
def test_a_cursor_that_the_stream_never_gave_is_refused(api: Api, after: str) -> None:
    stream = Streamed(api)
    reply = stream.events(after=after.format(id=stream.stream_id, epoch=stream.epoch))
    assert (reply.status, reply.body["type"]) == (422, "bad_cursor")


@pytest.mark.thorough
def test_events_of_an_older_epoch_and_with_a_gap_are_refused(api: Api, table: TableView) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:3])
    reply = stream.append(5, *HELLO[4:])
    assert (reply.status, reply.body["type"], reply.body["expected"]) == (409, "sequence_gap", 4)
    reply = stream.finish(SAID, first_seq=5, events=HELLO[4:])
    assert (reply.status, reply.body["type"], reply.body["expected"]) == (409, "sequence_gap", 4)
    held = stream.call("POST", "/take-over", {})
    assert (held.status, held.body["type"]) == (409, "lease_held")
    assert held.body["lease_until"] == stream.call("GET").body["lease_until"]
    stream.moved_back(table, 11, "lease_until")
    taken = stream.call("POST", "/take-over", {"lease_seconds": 60}).body
    assert taken == {"epoch": stream.epoch + 1, "seq": 4, "durable_seq": 4}
    body = {"epoch": stream.epoch, "state": "completed", "messages": [SAID]}
    message = {"messages": [user("x")], "stream": {"stream_id": stream.stream_id, "epoch": stream.epoch}}
    for reply in (
        stream.append(4, *HELLO[3:]),
        stream.call("POST", "/heartbeat", {"epoch": stream.epoch}),
        stream.call("POST", "/finish", body),
        api.call("POST", f"/sessions/{stream.session}/messages", message),
    ):
        assert (reply.status, reply.body["type"], reply.body["epoch"]) == (409, "fenced", taken["epoch"])
    stream.epoch += 1
    assert stream.append(5, *HELLO[1:]).status == 200
    assert stream.all()[0] == [*HELLO[:3], {"type": "reset-step"}, *HELLO[1:]]
    assert stream.finish(SAID).body["message_count"] == 2


def test_who_cancels_a_stream_is_heard_by_its_producer(
    api: Api,
    table: TableView,
    cached: bool,
) -> None:
    stream = Streamed(api)
    asked = stream.call("POST", "/cancel", {"reason": "stop"})
    assert (asked.status, asked.body["state"]) == (202, "open")
    cancel = asked.body["cancel"]
    assert cancel["reason"] == "stop"
    assert stream.append(1, HELLO[0]).body == {
        "seq": 1, "durable_seq": 0 if cached else 1, "cancel": cancel, "replayed": False
    }  # fmt: skip
    assert stream.append(2, HELLO[1]).body["cancel"] == cancel
    assert stream.append(2, HELLO[1]).body["cancel"] == cancel
    assert stream.call("POST", "/heartbeat", {"epoch": stream.epoch}).body["cancel"] == cancel
    assert stream.call("POST", "/cancel", {}).status == 202
    stream.moved_back(table, 16, "cancel")
    ended = stream.call("POST", "/cancel", {})
    assert (ended.status, ended.body["state"], ended.body["epoch"]) == (200, "cancelled", stream.epoch + 1)
    assert api.get(stream.session).body["active_stream"] is None
    for reply in (stream.append(3, HELLO[2]), stream.finish(SAID)):
        assert (reply.status, reply.body["type"], reply.body["state"]) == (409, "stream_ended", "cancelled")
    assert stream.call("POST", "/cancel", {}).status == 200
    assert stream.all()[0] == HELLO[:2]


def test_a_cancel_after_the_end_answers_the_end(api: Api) -> None:
    stream = Streamed(api)
    assert stream.finish(SAID).status == 200
    reply = stream.call("POST", "/cancel", {})
    assert (reply.status, reply.body["state"], reply.body["cancel"]) == (200, "completed", None)
    other = stream.finish({**SAID, "content": "Bye"})
    assert (other.status, other.body["type"], other.body["state"]) == (409, "stream_ended", "completed")


@pytest.mark.thorough
def test_a_stream_whose_producer_is_dead_is_failed_by_whoever_looks(api: Api, table: TableView) -> None:
    for look in (
        lambda one: one.call("GET"),
        lambda one: one.events(),
        lambda one: one.call("GET", "/snapshot"),
        lambda one: Streamed(api, one.session).opened,
        lambda one: api.rewind(one.session, 0, 1),
        lambda one: api.edit(one.session, 0, removed=True),
    ):
        stream = Streamed(api)
        stream.moved_back(table, 119, "lease_until")
        assert api.rewind(stream.session, 0, 1).status == 409
        stream.moved_back(table, 121, "lease_until")
        assert look(stream).status in {200, 201, 204}
        shown = stream.call("GET").body
        assert (shown["state"], shown["ended_at"] is None) == ("failed", False)
        assert "lease" in shown["error"]
        assert stream.append(1, HELLO[0]).body["type"] == "stream_ended"


def test_streams_whose_ids_look_like_parts_of_a_key_are_two(api: Api) -> None:
    streams = []
    for session, stream_id in (("a", "b}:stream:c"), ("a}:stream:b", "c")):
        assert (
            api.call("PUT", f"/sessions/{quote(session, safe='')}", {"messages": [user("Hi")]}).status == 201
        )
        streams.append(Streamed(api, quote(session, safe=""), stream_id=stream_id))
    for stream, events in zip(streams, (HELLO[:4], HELLO[:1]), strict=True):
        assert stream.append(1, *events).body["replayed"] is False
    for stream, events in zip(streams, (HELLO[:4], HELLO[:1]), strict=True):
        assert stream.append(len(events) + 1, HELLO[4], flush=True).body["seq"] == len(events) + 1
        assert stream.all()[0] == [*events, HELLO[4]]


@pytest.mark.thorough
def test_a_session_has_one_stream_at_a_time(api: Api) -> None:
    stream = Streamed(api, stream_id="one", message_id="a")
    again = Streamed(api, stream.session, stream_id="one")
    assert (again.opened.status, again.epoch) == (200, stream.epoch)
    assert (stream.opened.body["replayed"], again.opened.body["replayed"]) == (False, True)
    assert again.opened.body["stream"] == stream.opened.body["stream"]
    body = {"stream_id": "two"}
    refused = api.call("POST", f"/sessions/{stream.session}/streams", body)
    assert (refused.status, refused.body["type"], refused.body["stream_id"]) == (409, "stream_active", "one")
    stream.append(1, *HELLO[:2])
    two = Streamed(api, stream.session, **body, on_active="interrupt")
    assert two.opened.status == 201
    old = stream.call("GET").body
    assert (old["state"], old["epoch"], old["seq"]) == ("cancelled", stream.epoch + 1, 2)
    assert api.get(stream.session).body["active_stream"] == "two"
    assert stream.finish(SAID).body["type"] == "stream_ended"
    assert Streamed(api, stream.session, stream_id="one").opened.body["stream"]["state"] == "cancelled"
    assert two.finish(SAID).status == 200


def test_an_open_that_is_sent_again_is_answered_as_the_first_time(api: Api, table: TableView) -> None:
    stream = Streamed(api, stream_id="one", open_id="o")
    again = Streamed(api, stream.session, stream_id="one", open_id="o")
    assert (again.opened.status, again.opened.body) == (201, stream.opened.body)
    other = Streamed(api, stream.session, stream_id="one", open_id="p")
    assert (other.opened.status, other.opened.body["replayed"]) == (200, True)
    stream.moved_back(table, 11, "lease_until")
    assert stream.call("POST", "/take-over", {}).status == 200
    late = Streamed(api, stream.session, stream_id="one", open_id="o")
    assert (late.opened.status, late.opened.body["replayed"]) == (200, True)


def test_steps_of_a_long_turn_are_put_by_its_producer_alone(api: Api) -> None:
    stream = Streamed(api)
    fence = {"stream_id": stream.stream_id, "epoch": stream.epoch}
    step = user("step", message_id="s")
    reply = api.append(stream.session, step, stream=fence)
    assert reply.body["messages"][0]["stream_id"] == stream.stream_id
    assert api.append(stream.session, user("beside")).status == 201
    assert stream.finish(step, SAID).body["first_sequence"] == 1
    assert api.append(stream.session, step, stream=fence).body["replayed"]
    late = api.append(stream.session, user("late"), stream=fence)
    assert (late.status, late.body["type"]) == (409, "stream_ended")
    none = api.append(stream.session, user("late"), stream={**fence, "stream_id": "none"})
    assert none.status == 404
    said = [message.get("stream_id") for message in api.get(stream.session).body["messages"]]
    assert said == [None, stream.stream_id, None, stream.stream_id]


def test_the_log_is_not_cut_under_a_stream(api: Api) -> None:
    stream = Streamed(api)
    fence = {"stream_id": stream.stream_id, "epoch": stream.epoch}
    for reply in (
        api.rewind(stream.session, 0, 1),
        api.edit(stream.session, 0, removed=True),
        api.edit(stream.session, 0, replace=user("other")),
    ):
        assert (reply.status, reply.body["type"]) == (409, "stream_active")
        assert reply.body["stream_id"] == stream.stream_id
    assert api.edit(stream.session, 0, metadata={"rating": 1}).status == 200
    assert api.edit(stream.session, 0, replace=user("other"), stream=fence).status == 200
    assert api.rewind(stream.session, 0, 1, stream={**fence, "epoch": 1}).body["type"] == "fenced"
    assert api.rewind(stream.session, 0, 1, stream=fence).status == 200
    assert stream.finish(SAID).status == 200
    assert api.rewind(stream.session, 0, 1).status == 200


def test_a_deleted_session_has_no_stream(api: Api) -> None:
    stream = Streamed(api, stream_id="one")
    stream.append(1, HELLO[0])
    assert api.delete(stream.session).status == 204
    for method, place, body in (
        ("GET", "", None),
        ("GET", "/events", None),
        ("GET", "/snapshot", None),
        ("POST", "/cancel", {}),
        ("POST", "/take-over", {}),
        ("POST", "/finish", {"epoch": stream.epoch, "state": "failed"}),
    ):
        assert stream.call(method, place, body).status == 404
    assert stream.append(2, HELLO[1]).status == 404
    assert stream.call("POST", "/heartbeat", {"epoch": stream.epoch}).status == 404
    api.call("POST", "/sessions", {"session_id": stream.session, "recreate": True})
    anew = Streamed(api, stream.session, stream_id="one")
    assert anew.append(1, *HELLO[:2]).status == 200
    assert anew.call("POST", "/heartbeat", {"epoch": anew.epoch}).status == 200
    assert anew.all()[0] == HELLO[:2]
    assert anew.finish(SAID).status == 200


@pytest.mark.thorough
def test_what_was_meant_for_a_deleted_sessions_stream_reaches_no_other(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a second, under the same ids: no clock tells the two streams apart."""
    now = SystemClock(0.0).now()
    monkeypatch.setattr(SystemClock, "now", lambda _: now)
    former = Streamed(api, stream_id="turn-1")
    former.append(1, *HELLO[:3])
    cursor = former.all()[1]
    api.delete(former.session)
    api.call("POST", "/sessions", {"session_id": former.session, "recreate": True, "messages": [user("new")]})
    stream = Streamed(api, former.session, stream_id="turn-1")
    fence = {"stream_id": "turn-1", "epoch": former.epoch}
    zombie = [user("zombie")]
    for reply in (
        former.append(1, HELLO[0]),
        former.append(4, HELLO[3], flush=True),
        former.call("POST", "/heartbeat", {"epoch": former.epoch}),
        former.finish(*zombie),
        api.call("POST", f"/sessions/{stream.session}/messages", {"messages": zombie, "stream": fence}),
        api.rewind(stream.session, 0, 1, stream=fence),
    ):
        assert (reply.status, reply.body["type"], reply.body["epoch"]) == (409, "fenced", stream.epoch)
    assert stream.append(1, HELLO[0]).body["replayed"] is False
    read = stream.events(after=cursor)
    assert (read.status, read.body["type"]) == (410, "resync")
    assert stream.all()[0] == HELLO[:1]
    assert [one["content"] for one in api.get(stream.session).body["messages"]] == ["new"]


def test_another_user_finds_no_stream(api: Api, other: Api) -> None:
    stream = Streamed(api)
    stream.api = other
    for reply in (
        stream.call("GET"),
        stream.append(1, HELLO[0]),
        stream.events(after=stream.opened.body["cursor"]),
        stream.finish(SAID),
        other.call("POST", f"/sessions/{stream.session}/streams", {}),
    ):
        assert reply.status == 404


@pytest.mark.thorough
def test_an_ended_stream_is_forgotten_after_a_while(api: Api, table: TableView) -> None:
    stream = Streamed(api, stream_id="one")
    stream.append(1, *HELLO)
    stream.finish(SAID)
    key = f"STREAM#{stream.stream_id}"
    ends = int(table.item(api.user or "", stream.session, key)["expires_at"]["N"])
    assert 7.9 < (ends - datetime.now(UTC).timestamp()) / 86_400 < 8.1
    stream.moved_back(table, 86_401, "ended_at")
    for reply in (
        stream.call("GET"),
        stream.events(),
        stream.call("GET", "/snapshot"),
        stream.call("POST", "/cancel", {}),
        stream.call("POST", "/take-over", {}),
        stream.finish(SAID),
        api.call("POST", f"/sessions/{stream.session}/streams", {"stream_id": "one"}),
    ):
        assert (reply.status, reply.body["type"]) == (410, "resync")
    for late in (stream.append(9, HELLO[0]), stream.call("POST", "/heartbeat", {"epoch": stream.epoch})):
        assert (late.status, late.body["type"]) == (409, "stream_ended")
    # Its time to live is over.
    item = table.item(api.user or "", stream.session, key)
    table.put(item | {"expires_at": {"N": "1"}})
    wait_until(lambda: not [name for _, name in table.session(api.user, stream.session) if "SEG" in name])
    anew = Streamed(api, stream.session, stream_id="one")
    assert anew.opened.status == 201
    old = stream.events(after=f"one.{stream.epoch - 1}.2")
    assert (old.status, old.body["type"]) == (410, "resync")


def test_a_reader_waits_for_what_comes(api: Api) -> None:
    stream = Streamed(api)
    before = stream.opened.body["cursor"]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(stream.events, after=before, wait=20)
        stream.append(1, HELLO[0])
        assert [one["event"] for one in waiting.result().body["events"]] == HELLO[:1]
        cursor = waiting.result().body["cursor"]
        waiting = pool.submit(stream.events, after=cursor, wait=20)
        stream.finish(SAID)
        assert waiting.result().status == 204


def test_a_snapshot_says_what_was_said_in_few_events(api: Api, table: TableView) -> None:
    stream = Streamed(api, message_id="a")
    stream.append(1, *HELLO[:5])
    snapshot = stream.call("GET", "/snapshot")
    assert snapshot.body["events"] == [*HELLO[:3], {**HELLO[3], "delta": "Hello"}]
    assert snapshot.body["message_id"] == "a"
    stream.append(6, *HELLO[5:7])
    assert stream.all(snapshot.body["cursor"])[0] == HELLO[5:7]
    stream.append(8, {"type": "start-step"}, {"type": "text-start", "id": "t"}, {**HELLO[3], "delta": "no"})
    stream.moved_back(table, 11, "lease_until")
    stream.epoch = stream.call("POST", "/take-over", {}).body["epoch"]
    stream.append(12, *HELLO[1:4])
    joined = [*HELLO[:3], {**HELLO[3], "delta": "Hello"}, *HELLO[5:7], *HELLO[1:4]]
    assert stream.call("GET", "/snapshot").body["events"] == joined


@pytest.mark.thorough
def test_a_large_batch_comes_back_as_it_was(api: Api) -> None:
    stream = Streamed(api)
    noise = [{"type": "data-x", "data": random.randbytes(200_000).hex(), "a": "\ud83d"} for _ in range(2)]
    assert stream.append(1, *noise).status == 200
    assert stream.append(3, *[{"type": "n", "n": n} for n in range(500)]).status == 200
    assert stream.all()[0] == [*noise, *({"type": "n", "n": n} for n in range(500))]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"events": ["x"]}, 422),
        ({"events": [{"no": "type"}]}, 422),
        ({"events": [{"type": 1}]}, 422),
        ({"events": []}, 422),
        ({"events": [{"type": "a"}] * 501}, 422),
        ({"events": [{"type": "a"}], "first_seq": 0}, 422),
        ({"events": [{"type": "a"}], "epoch": "1"}, 422),
        ({"events": [{"type": "a", "x": "y" * 1_000_000}]}, 413),
        ({"events": [{"type": "a", "x": "y" * 5_000_000}]}, 413),
        ({"events": [{"type": "a"}], "what": 1}, 422),
    ],
)
def test_events_that_are_none_are_refused(api: Api, body: Any, status: int) -> None:
    stream = Streamed(api)
    reply = stream.call("POST", "/events", {"epoch": stream.epoch, "first_seq": 1, **body})
    assert reply.status == status, reply.raw
    assert stream.call("GET").body["seq"] == 0


@pytest.mark.parametrize(
    "query", [{"wait": 10_000}, {"wait": 21}, {"wait": -1}, {"limit": 0}, {"limit": 5000}]
)
def test_a_read_that_asks_for_too_much_is_refused(api: Api, query: Any) -> None:
    assert Streamed(api).events(**query).status == 422


@pytest.mark.parametrize("stream_id", ["a%2Fb", "%23", "%20", "a" * 65, "%ED%A0%BD"])
def test_what_cannot_be_a_streams_id_is_refused(api: Api, stream_id: str) -> None:
    session = api.new()
    assert api.call("GET", f"/sessions/{session}/streams/{stream_id}").status in {400, 404, 422}
    body = {"stream_id": unquote(stream_id, errors="surrogatepass")}
    assert api.call("POST", f"/sessions/{session}/streams", body).status == 422
    assert Streamed(api, session, stream_id="é.ü 1@:+").append(1, HELLO[0]).status == 200


def test_a_step_that_has_ended_is_in_the_table(api: Api, valkey: Any) -> None:
    for last in ({"type": "finish-step"}, {"type": "tool-output-available", "toolCallId": "c", "output": 1}):
        stream = Streamed(api)
        stream.append(1, *HELLO[:3])
        assert stream.append(4, last).body["durable_seq"] == 4
        forget(valkey, stream.session)
        assert stream.all()[0] == [*HELLO[:3], last]


def test_what_is_in_the_cache_alone_is_little_and_new(api: Api, cached: bool, valkey: Any) -> None:
    stream = Streamed(api)
    large = {"type": "data-x", "data": "x" * 40_000}
    assert stream.append(1, large).body["durable_seq"] == (0 if cached else 1)
    assert stream.append(2, large).body["durable_seq"] == 2
    assert stream.append(3, HELLO[0]).body["durable_seq"] == (2 if cached else 3)
    for key in valkey.scan_iter(f"turnlog:*{stream.session}*:stream:*"):
        valkey.hset(key, "at", 1)  # as if it was long ago
    assert stream.append(4, HELLO[0]).body["durable_seq"] == 4
    assert stream.all()[0] == [large, large, HELLO[0], HELLO[0]]


def test_a_heartbeat_puts_what_a_silent_producer_has_said_into_the_table(
    api: Api, cached: bool, valkey: Any
) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:3])
    beat = {"epoch": stream.epoch}
    assert stream.call("POST", "/heartbeat", beat).body["durable_seq"] == (0 if cached else 3)
    for key in valkey.scan_iter(f"turnlog:*{stream.session}*:stream:*"):
        valkey.hset(key, "at", 1)  # as if it was long ago
    stream.call("POST", "/cancel", {})
    assert stream.call("POST", "/heartbeat", beat).body["durable_seq"] == 3
    forget(valkey, stream.session)
    assert stream.all()[0] == HELLO[:3]
    assert stream.append(4, HELLO[3]).body["seq"] == 4


def test_a_heartbeat_is_heard_though_the_table_takes_no_events(api: Api, cached: bool, valkey: Any) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:3])
    for key in valkey.scan_iter(f"turnlog:*{stream.session}*:stream:*"):
        valkey.hset(key, "at", 1)
    with throttled():
        beat = stream.call("POST", "/heartbeat", {"epoch": stream.epoch})
    assert (beat.status, beat.body["durable_seq"]) == (200, 0 if cached else 3)


@pytest.mark.thorough
def test_events_that_come_faster_than_the_table_takes_them_have_to_wait(api: Api, cached: bool) -> None:
    stream = Streamed(api)
    large = [{"type": "data-x", "data": noise(300_000)} for _ in range(5)]
    with throttled(), hurried():
        statuses = [stream.append(at, event).status for at, event in enumerate(large, 1)]
        assert statuses == ([503, 503, 503, 429, 409] if cached else [503, 503, 503, 503, 503])
        if cached:
            reply = stream.append(4, large[3])
            assert (reply.body["type"], reply.headers["retry-after"]) == ("too_fast", "1")
            assert stream.all()[0] == large[:3]  # what was taken is with the readers
    first = 4 if cached else 1
    for at, event in enumerate(large[first - 1 :], first):
        assert stream.append(at, event).status == 200
    assert stream.finish(SAID, first_seq=6).status == 200
    assert stream.all()[0] == large


@pytest.mark.thorough
def test_the_end_of_a_stream_is_one_transaction_however_much_it_says(api: Api, table: TableView) -> None:
    """DynamoDB takes 4 MB: messages that would go beyond are objects."""
    stream = Streamed(api)
    events = [{"type": "data-x", "data": noise(300_000)} for _ in range(6)]
    with throttled(), hurried():
        for at, event in enumerate(events[:3], 1):
            assert stream.append(at, event).status == 503  # a cache has them
    first = 4 if stream.call("GET", "/snapshot").body["events"] else 1
    for at, event in enumerate(events[:3], 1):
        assert first == 4 or stream.append(at, event).status == 200
    were = stored(api, stream, table)
    said = [{"role": "assistant", "content": noise(300_000)} for _ in range(13)]
    assert stream.finish(*said, first_seq=4, events=events[3:]).status == 200
    assert 3_600_000 < stored(api, stream, table) - were < 3_950_000
    assert stream.all()[0] == events
    shown = api.get(stream.session, limit=13).body["messages"]
    assert [message["content"] for message in shown] == [message["content"] for message in said]


def stored(api: Api, stream: Streamed, table: TableView) -> int:
    """Bytes of messages and events in the table."""
    items = table.session(api.user, stream.session).values()
    return sum(len(value["B"]) for item in items for value in item.values() if "B" in value)


def test_what_the_cache_has_lost_is_asked_for_again(api: Api, cached: bool, valkey: Any) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:3])
    cursor = stream.all()[1]
    forget(valkey, stream.session)
    lost = stream.append(4, HELLO[3])
    if cached:
        assert (lost.status, lost.body["type"], lost.body["expected"]) == (409, "sequence_gap", 1)
        assert stream.finish(SAID, first_seq=4).body["type"] == "sequence_gap"
        assert stream.append(1, *HELLO[:4]).status == 200
    assert stream.all(cursor)[0] == HELLO[3:4]
    assert stream.finish(SAID, first_seq=5).status == 200
    assert stream.all()[0] == HELLO[:4]


@pytest.mark.parametrize("lost", ["*", "*:events:*"])
def test_an_end_does_not_pass_over_what_the_cache_has_lost(
    api: Api, cached: bool, valkey: Any, lost: str
) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:3])
    cursor = stream.all()[1]
    forget(valkey, stream.session, lost)
    reply = stream.finish(SAID)
    if cached:
        assert (reply.status, reply.body["type"], reply.body["expected"]) == (409, "sequence_gap", 1)
        again = stream.finish(SAID)  # as a client does that got no answer
        assert (again.status, again.body) == (reply.status, reply.body)
        assert stream.append(1, *HELLO[:3]).body["replayed"] is False
        reply = stream.finish(SAID, first_seq=4)
    assert reply.status == 200
    assert stream.all()[0] == HELLO[:3]
    assert stream.events(after=cursor).status == 204


def test_what_the_cache_has_lost_is_stored_when_it_is_sent_again(api: Api, cached: bool, valkey: Any) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:2])
    for _ in range(2):
        forget(valkey, stream.session, "*:events:*")
        assert stream.append(1, *HELLO[:2]).body["replayed"] is not cached
        assert stream.all()[0] == HELLO[:2]
    forget(valkey, stream.session, "*:events:*")
    reply = stream.finish(SAID, first_seq=3)
    if cached:
        assert (reply.status, reply.body["type"], reply.body["expected"]) == (409, "sequence_gap", 1)
        assert stream.append(1, *HELLO[:2]).body["replayed"] is False
        reply = stream.finish(SAID, first_seq=3)
    assert reply.status == 200
    assert stream.all()[0] == HELLO[:2]


@pytest.mark.parametrize("flush", [False, True])
def test_events_that_a_cache_damaged_are_stored_when_they_are_sent_again(
    api: Api, cached: bool, valkey: Any, flush: bool
) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:3])
    for key in valkey.scan_iter(f"turnlog:*{stream.session}*:events:*"):
        valkey.xdel(key, "2-0")
        valkey.xadd(key, {"e": "nobody's"}, id="4-0")
    if cached:
        gap = stream.append(5, HELLO[4], flush=True) if flush else stream.finish(SAID, first_seq=4)
        assert (gap.status, gap.body["type"], gap.body["expected"]) == (409, "sequence_gap", 1)
        assert stream.append(1, *HELLO[:3]).body["replayed"] is False
    assert stream.finish(SAID, first_seq=4).status == 200
    assert stream.all()[0] == HELLO[:3]


def test_a_reader_of_an_end_without_what_it_has_seen_is_told(api: Api, cached: bool, valkey: Any) -> None:
    """The producer has lost its events too, and says so by the number at which it ends."""
    stream = Streamed(api)
    stream.append(1, *HELLO[:3])
    cursor = stream.all()[1]
    forget(valkey, stream.session)
    assert stream.finish(SAID, first_seq=1).status == 200
    if cached:
        told = stream.events(after=cursor).body
        assert (told["events"], told["reset"], told["state"]) == ([], True, "completed")
        cursor = told["cursor"]
    assert stream.events(after=cursor).status == 204


@pytest.mark.parametrize("events", [[], HELLO[3:6]])
def test_an_end_that_overlaps_with_what_is_there_cuts_nothing_off(api: Api, events: list[Any]) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:5], flush=True)
    stream.append(6, HELLO[5], {"type": "data-x"}, {"type": "data-y"})
    assert stream.finish(SAID, first_seq=4, events=events).status == 200
    assert stream.all()[0] == [*HELLO[:6], {"type": "data-x"}, {"type": "data-y"}]


@pytest.mark.thorough
def test_a_stream_is_read_however_often_it_was_taken_over(
    api: Api, table: TableView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "CUTS_KEPT", 3)
    stream = Streamed(api)
    said, first, seen = [], 1, ""
    for at in range(6):
        said += [{"type": "data-x", "at": at}, {"type": "reset-step"}]
        stream.append(first, said[-2])
        seen = seen or stream.all()[1]
        stream.moved_back(table, 11, "lease_until")
        taken = stream.call("POST", "/take-over", {}).body
        stream.epoch, first = taken["epoch"], taken["seq"] + 1
    assert stream.all()[0] == stream.all(stream.opened.body["cursor"])[0] == said
    assert stream.call("GET", "/snapshot").body["events"] == []
    old = stream.events(after=seen)
    assert (old.status, old.body["type"]) == (410, "resync")


def test_a_snapshot_drops_what_a_lost_step_said_in_a_group_of_an_earlier_one(
    api: Api, table: TableView
) -> None:
    stream = Streamed(api)
    stream.append(1, *HELLO[:5], HELLO[6], {**HELLO[3], "delta": " LOST"})
    assert stream.call("GET", "/snapshot").body["events"][-1] == {**HELLO[3], "delta": " LOST"}
    stream.moved_back(table, 11, "lease_until")
    stream.call("POST", "/take-over", {})
    kept = [*HELLO[:3], {**HELLO[3], "delta": "Hello"}, HELLO[6]]
    assert stream.call("GET", "/snapshot").body["events"] == kept


def test_the_purge_of_a_forgotten_stream_spares_the_next_one(api: Api, table: TableView) -> None:
    stream = Streamed(api, stream_id="one")
    stream.append(1, *HELLO)
    old = table.session(api.user, stream.session)
    segments = [item for (_, name), item in old.items() if "#SEG#" in name]
    for item in segments:  # as if an earlier stream had left it
        epoch = f"{stream.epoch:016d}"
        table.put(item | {"SK": {"S": item["SK"]["S"].replace(epoch, f"{stream.epoch - 9:016d}")}})
    key = {"PK": segments[0]["PK"], "SK": {"S": "STREAM#one"}}
    record = {"eventName": "REMOVE", "dynamodb": {"Keys": key, "SequenceNumber": "1"}}
    reply = api.call("POST", "/2015-03-31/functions/PurgeSessionFunction/invocations", {"Records": [record]})
    assert reply.body == {"batchItemFailures": []}
    left = [name for _, name in table.session(api.user, stream.session) if "#SEG#" in name]
    assert left == [item["SK"]["S"] for item in segments]
    assert stream.all()[0] == HELLO
