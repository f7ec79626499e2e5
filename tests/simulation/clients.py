"""Clients that do what clients do: talk, try again, know too little, and mean the same thing twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.simulation.file_clients import FileRequests
from tests.simulation.file_rules import KINDS as FILE_KINDS
from tests.simulation.requests import FUNCTIONS, Reply, Request
from tests.simulation.scheduler import Point, suspended
from tests.simulation.session_clients import SessionRequests
from tests.simulation.stream_clients import StreamRequests
from tests.simulation.stream_rules import KINDS as STREAM_KINDS
from tests.simulation.texts import Texts
from tests.simulation.transcript_answers import KINDS
from tests.simulation.transcript_clients import TranscriptRequests
from turnlog.store.retry import RESERVE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tests.simulation.world import World

# The second would stand in the middle of the first one's keys, were its name not encoded.
USERS = ("ann", "ann#SESSION#s0")
SESSIONS = ("s0", "s1", "s2")
_TRIES = 4
_OFTEN = (
    ("append_entries",) * 5
    + ("read_entries",) * 2
    + ("append",) * 8
    + ("get",) * 3
    + ("rewind", "tool_call", "edit") * 4
    + ("put",) * 3
    + ("title", "patch") * 2
)
_WITH_FILES = 0.3  # in how many schedules clients have files
_WITH_STREAMS = 0.4  # in how many schedules clients have streams
_MORTAL = 0.3  # in how many schedules a client may delete
_REBORN = 0.25  # in how many schedules clients delete often, and begin anew what was deleted
# That a function has: plenty, for some tries more, for one more, for none.
SECONDS = (29.0, 29.0, RESERVE + 0.2, RESERVE + 0.02, 1.0)
_NEVER_AGAIN = 0.2  # how often a client that got no answer lets it be


class Client:
    """One client.

    Args:
        world: where.
        name: in the trace.
        user: as whom.
        rng: decides what it asks for.
        texts: what it says; shared with the other clients.
        sent: appends of all clients, which one of them may send again as its own.
        kinds: what it asks for.
    """

    def __init__(
        self,
        world: World,
        name: str,
        user: str,
        *,
        rng: Random,
        texts: Texts,
        sent: list[Request],
        kinds: list[str],
    ) -> None:
        self._world = world
        self.name = name
        self._rng = rng
        self._kinds = kinds
        self._about_sessions = SessionRequests(user, rng=rng, texts=texts, sent=sent)
        self._about_transcripts = TranscriptRequests(user, rng=rng, texts=texts, sent=sent)
        self._about_files = FileRequests(user, rng=rng, texts=texts, sent=sent)
        self._about_streams = StreamRequests(user, rng=rng, texts=texts, sent=sent)
        self._skew = rng.choice((0.0, 0.0, 0.0, 0.05, -0.05, 30.0))

    async def run(self, requests: int) -> None:
        """Ask for so many things, one after the other."""
        for _ in range(requests):
            await suspended(Point())
            request = self._request(
                self._rng.choice(self._kinds), self._rng.choice(SESSIONS[: self._width()])
            )
            for _ in range(_TRIES):
                seconds = self._rng.choice(SECONDS)
                reply = await self._world.serve(self.name, request, seconds=seconds, skew=self._skew)
                if reply is not None:
                    self._learn(request, reply)
                    if reply.status != 503:
                        break
                if not request.again or self._rng.random() < _NEVER_AGAIN:
                    break

    def _width(self) -> int:
        """How many sessions are in play: most often one, where clients meet."""
        return self._rng.choice((1, 1, 1, 2, 3))

    def _learn(self, request: Request, reply: Reply) -> None:
        self._about_sessions.learn(request, reply)
        self._about_transcripts.learn(request, reply)
        self._about_streams.learn(request, reply)
        for address, data in self._about_files.learn(request, reply):
            self._world.upload(address, data)

    def _request(self, kind: str, session: str) -> Request:
        if kind in FILE_KINDS or kind == "body_file":
            return self._about_files.make(kind, session)
        if kind in KINDS:
            return self._about_transcripts.make(kind, session)
        if kind in STREAM_KINDS:
            return self._about_streams.make(kind, session)
        request = self._about_sessions.make(kind, session)
        # Some of what a client writes is a producer's.
        if kind in {"append", "rewind", "edit"} and self._rng.random() < 0.3:
            return replace(request, body={**request.body, **self._about_streams.fence(session)})
        return request


def mixture(rng: Random, *, reborn: bool) -> list[str]:
    """Kinds of requests, of which some are left out and some are frequent."""
    kinds = [kind for kind in FUNCTIONS if rng.random() < (_MORTAL if "delete" in kind else 0.5)]
    anew = ["delete"] * 2 + ["create"] * 5 if reborn and rng.random() < 0.7 else []
    if rng.random() < _WITH_FILES:
        kinds += [*("create_file",) * 3, *("body_file", "get_file", "delete_file", "list_files") * 2]
    if rng.random() < _WITH_STREAMS:
        kinds += [*("append_events",) * 6, *("open_stream", "read_events") * 4, *("finish_stream",) * 2]
        kinds += [*("read_snapshot", "take_over_stream", "heartbeat_stream", "cancel_stream", "get_stream")]
    else:
        kinds = [kind for kind in kinds if kind not in STREAM_KINDS]
    return kinds + [kind for kind in _OFTEN if rng.random() < 0.6] + ["append", "get"] + anew


def crew(world: World, rng: Random, size: int) -> Iterator[Client]:
    """Clients, most of them of one user."""
    texts, sent, reborn = Texts(rng), list[Request](), rng.random() < _REBORN
    for number in range(size):
        user = USERS[number % 4 == 3]
        kinds = mixture(rng, reborn=reborn)
        yield Client(world, f"client {number}", user, rng=rng, texts=texts, sent=sent, kinds=kinds)
