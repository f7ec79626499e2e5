"""Streams: opened, appended to, followed by cursor, and ended together with their messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import user

if TYPE_CHECKING:
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
        self.path = f"/sessions/{self.session}/streams/{self.stream_id}"

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


def test_a_turn_from_its_first_event_to_its_message(api: Api) -> None:
    stream = Streamed(api)
    assert stream.opened.status == 201
    assert stream.opened.headers["location"] == stream.path
    assert api.get(stream.session).body["active_stream"] == stream.stream_id
    reply = stream.append(1, *HELLO[:4])
    assert reply.body == {"seq": 4, "durable_seq": 4, "cancel": None, "replayed": False}
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
