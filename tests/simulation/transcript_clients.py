"""What clients ask of transcripts: entries once and again, whole files, and too much."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tests.simulation.requests import Request

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.requests import Reply
    from tests.simulation.texts import Texts

NAMES = ("main", "sub/a")
Entry = dict[str, Any]


class TranscriptRequests:
    """One client's requests about transcripts.

    Args:
        user: as whom.
        rng: decides.
        texts: what it says; shared with the other clients.
        sent: appends of all clients, which one of them may send again as its own.
    """

    def __init__(self, user: str, *, rng: Random, texts: Texts, sent: list[Request]) -> None:
        self._user = user
        self._rng = rng
        self._texts = texts
        self._sent = sent
        self._known: dict[tuple[str, str], list[Entry]] = {}

    def learn(self, request: Request, reply: Reply) -> None:
        """Keep what was read as a whole."""
        if request.kind == "read_entries" and reply.status == 200 and not request.query:
            self._known[request.session, request.name] = reply.body["entries"]

    def make(self, kind: str, session: str) -> Request:
        """A request of this kind."""
        name = self._rng.choice((NAMES[0], NAMES[0], NAMES[1]))
        match kind:
            case "append_entries":
                return self._append(session, name)
            case "import_transcript":
                return self._import(session, name)
            case "read_entries":
                query = self._rng.choice(
                    ({}, {}, {"limit": 1}, {"after": self._rng.randrange(-1, 5)}, {"after": 0, "limit": 2})
                )
                return Request(kind, self._user, session, query=dict(query), name=name)
        return Request(kind, self._user, session, name=name)

    def _append(self, session: str, name: str) -> Request:
        rng = self._rng
        again = [one for one in self._sent if (one.user, one.session) == (self._user, session)]
        again = [one for one in again if one.kind == "append_entries" and one.name == name]
        if again and rng.random() < 0.25:
            return self._repeated(rng.choice(again))
        named = rng.random() < 0.7
        entries = [self._entry(named=named) for _ in range(rng.choice((1, 1, 2, 3)))]
        body: dict[str, Any] = {"entries": entries}
        if rng.random() < 0.5:
            body["batch_id"] = f"batch-{self._texts.mark()}"
            named = True
        if rng.random() < 0.15:
            known = len(self._known.get((session, name), ()))
            body["expected_position"] = max(0, known + rng.choice((0, 0, 1)))
        request = Request("append_entries", self._user, session, body, again=named, name=name)
        if named:
            self._sent.append(request)
        return request

    def _repeated(self, first: Request) -> Request:
        """From another machine: the same; with more behind it; or under the same name something else."""
        entries = first.body["entries"]
        match self._rng.randrange(4):
            case 0:
                entries = [*entries, self._entry(named=True)]
            case 1:
                name = {"uuid": entries[0]["uuid"]} if "uuid" in entries[0] else {}
                entries = [{**self._entry(named=False), **name}]
        body = {**first.body, "entries": entries}
        body.pop("expected_position", None)
        return Request("append_entries", self._user, first.session, body, name=first.name)

    def _import(self, session: str, name: str) -> Request:
        rng = self._rng
        known = self._known.get((session, name), [])
        kept = known[: rng.choice((len(known), len(known), rng.randrange(9)))]
        new = [self._entry(named=rng.random() < 0.7) for _ in range(rng.choice((0, 1, 2, 5)))]
        entries = kept + new or [self._entry(named=True)]
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        return Request("import_transcript", self._user, session, {"text": text}, name=name)

    def _entry(self, *, named: bool) -> Entry:
        mark = self._texts.mark()
        noise = sha256(str(mark).encode()).hexdigest() * 4
        padding = noise[: self._rng.choice((0, 0, 60, 250))]
        entry: Entry = {"text": f"{mark} of {self._user}.{padding}"}
        return {"uuid": f"uuid-{mark}", **entry} if named else entry
