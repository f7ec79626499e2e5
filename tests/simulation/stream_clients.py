"""What clients ask of streams: as producers, two of which may take themselves for one, and as readers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.client_requests import ClientRequests
from tests.simulation.requests import Request

if TYPE_CHECKING:
    from tests.simulation.requests import Reply

_IDS = ("a", "a", "a", "b")
_LEASES = (1, 1, 30)


@dataclass
class StreamRequests(ClientRequests):
    """One client's requests about streams.

    Attributes:
        known: epoch and number of the last event of a stream that it takes for its own, by session and id.
        cursors: how far it has followed a stream.
    """

    known: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    cursors: dict[tuple[str, str], str] = field(default_factory=dict)

    def learn(self, request: Request, reply: Reply) -> None:
        """Keep what the answer tells of the stream."""
        place, body = (request.session, request.stream_id), reply.body
        match request.kind, reply.status:
            case "open_stream", 200 | 201:
                stream = body["stream"]
                place = (request.session, stream["stream_id"])
                self.known[place] = (stream["epoch"], stream["seq"])
            case "get_stream", 200:
                self.known[place] = (body["epoch"], body["seq"])
            case "append_events", 200 if place in self.known:
                self.known[place] = (self.known[place][0], body["seq"])
            case "append_events", 409 if place in self.known and body["type"] == "sequence_gap":
                self.known[place] = (self.known[place][0], body["expected"] - 1)
            case "take_over_stream", 200:
                self.known[place] = (body["epoch"], body["seq"])
            case (("read_events" | "read_snapshot"), 200):
                self.cursors[place] = body["cursor"]
            case _, 410:
                self.cursors.pop(place, None)

    def make(self, kind: str, session: str) -> Request:
        """A request of this kind."""
        rng = self.rng
        mine = [place for place in self.known if place[0] == session]
        if kind == "open_stream" or (not mine and kind in {"append_events", "finish_stream"}):
            body = {
                "stream_id": rng.choice(_IDS),
                "on_active": rng.choice(("reject", "reject", "interrupt")),
                "lease_seconds": rng.choice(_LEASES),
            }
            return Request("open_stream", self.user, session, body)
        stream_id = rng.choice(mine)[1] if mine else rng.choice(_IDS)
        epoch, seq = self.known.get((session, stream_id), (1_800_000_000, 0))
        body = {}
        query: dict[str, Any] = {}
        match kind:
            case "append_events":
                body = {"epoch": epoch, **self._events(stream_id, epoch, seq)}
                body["flush"] = rng.random() < 0.2
            case "read_events":
                query = {"wait": rng.choice((0, 0, 3)), "limit": rng.choice((1, 2, 1000))}
                if cursor := self.cursors.get((session, stream_id)):
                    query["after"] = cursor
            case "heartbeat_stream":
                body = {"epoch": epoch, "lease_seconds": rng.choice(_LEASES)}
            case "take_over_stream":
                body = {"lease_seconds": rng.choice(_LEASES)}
            case "finish_stream":
                body = {"epoch": epoch, **self._end(stream_id, epoch, seq)}
        return Request(kind, self.user, session, body, query, stream_id=stream_id)

    def fence(self, session: str) -> dict[str, Any]:
        """What names a stream that it takes for its own."""
        mine = [place for place in self.known if place[0] == session]
        if not mine:
            return {}
        stream_id = self.rng.choice(mine)[1]
        return {"stream": {"stream_id": stream_id, "epoch": self.known[session, stream_id][0]}}

    def _events(self, stream_id: str, epoch: int, seq: int) -> dict[str, Any]:
        """A batch: as a rule the next one; or one that comes again, in part, or too early."""
        first = max(1, seq + 1 + self.rng.choice((0, 0, 0, 0, -1, -2, 1)))
        count = self.rng.choice((1, 2, 3))
        events = [event(self.user, stream_id, epoch, first + at) for at in range(count)]
        return {"first_seq": first, "events": events}

    def _end(self, stream_id: str, epoch: int, seq: int) -> dict[str, Any]:
        rng = self.rng
        said = [self.texts.message(self.user, named=True) for _ in range(rng.choice((0, 1, 2)))]
        if said and rng.random() < 0.3 and (sent := self._sent_of(stream_id)):
            said.append(sent)
        body: dict[str, Any] = {"state": rng.choice(("completed", "completed", "failed")), "messages": said}
        if rng.random() < 0.5:
            body |= self._events(stream_id, epoch, seq)
        if rng.random() < 0.3:
            body["usage"] = {"prompt_tokens": rng.randrange(100)}
        return body

    def _sent_of(self, stream_id: str) -> dict[str, Any] | None:
        """A message that was put earlier by the stream's producer."""
        for one in self.sent:
            named = one.body.get("stream", {}).get("stream_id") == stream_id
            if one.user == self.user and named and one.kind == "append":
                for message in one.body["messages"]:
                    if "message_id" in message:
                        found: dict[str, Any] = message
                        return found
        return None


def event(user: str, stream_id: str, epoch: int, seq: int) -> dict[str, Any]:
    """The event of this number, which says where it belongs."""
    return {"type": "data-x", "says": f"{stream_id}.{epoch}.{seq} of {user}."}
