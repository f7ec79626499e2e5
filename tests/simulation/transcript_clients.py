"""What clients ask of transcripts: entries once and again, whole files, and too much."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tests.simulation.client_requests import ClientRequests
from tests.simulation.requests import Request

if TYPE_CHECKING:
    from tests.simulation.requests import Reply

NAMES = ("main", "sub/a")
Entry = dict[str, Any]


@dataclass
class TranscriptRequests(ClientRequests):
    """One client's requests about transcripts.

    Attributes:
        known: what was read as a whole, and of which generation, by session and name.
    """

    known: dict[tuple[str, str], tuple[list[Entry], int]] = field(default_factory=dict)

    def learn(self, request: Request, reply: Reply) -> None:
        """Keep what was read as a whole."""
        if request.kind == "read_entries" and reply.status == 200 and not request.query:
            read = reply.body["entries"], reply.body["generation"]
            self.known[request.session, request.name] = read

    def make(self, kind: str, session: str) -> Request:
        """A request of this kind."""
        name = self.rng.choice((NAMES[0], NAMES[0], NAMES[1]))
        match kind:
            case "append_entries":
                return self._append(session, name)
            case "import_transcript":
                return self._import(session, name)
            case "read_entries":
                query = self.rng.choice(
                    ({}, {}, {"limit": 1}, {"after": self.rng.randrange(-1, 5)}, {"after": 0, "limit": 2})
                )
                return Request(kind, self.user, session, query=dict(query), name=name)
        return Request(kind, self.user, session, name=name)

    def _append(self, session: str, name: str) -> Request:
        rng = self.rng
        again = [one for one in self._sent_to(session, "append_entries") if one.name == name]
        if again and rng.random() < 0.25:
            return self._repeated(rng.choice(again))
        named = rng.random() < 0.7
        entries = [self._entry(named=named) for _ in range(rng.choice((1, 1, 2, 3, 5)))]
        body: dict[str, Any] = {"entries": entries}
        if rng.random() < 0.5:
            body["batch_id"] = f"batch-{self.texts.mark()}"
            named = True
        if rng.random() < 0.15:
            known = len(self.known.get((session, name), ([], 0))[0])
            body["expected_position"] = max(0, known + rng.choice((0, 0, 1)))
        request = Request("append_entries", self.user, session, body, again=named, name=name)
        if named:
            self.sent.append(request)
        return request

    def _repeated(self, first: Request) -> Request:
        """From another machine: the same; with more behind it; or under the same name something else."""
        entries = first.body["entries"]
        match self.rng.randrange(4):
            case 0:
                entries = [*entries, self._entry(named=True)]
            case 1:
                name = {"uuid": entries[0]["uuid"]} if "uuid" in entries[0] else {}
                entries = [{**self._entry(named=False), **name}]
        body = {**first.body, "entries": entries}
        body.pop("expected_position", None)
        return Request("append_entries", self.user, first.session, body, name=first.name)

    def _import(self, session: str, name: str) -> Request:
        """What was read, or a part of it, and more; or a later step of it, from where it was read to."""
        rng = self.rng
        known, generation = self.known.get((session, name), ([], 0))
        query: dict[str, int] = {}
        if rng.random() < 0.3:
            query = {"start_position": rng.choice((len(known), rng.randrange(len(known) + 2)))}
            query |= rng.choice(({}, {"generation": generation}))
        kept = known[query.get("start_position", 0) :]
        kept = kept[: rng.choice((len(kept), len(kept), rng.randrange(9)))]
        new = [self._entry(named=rng.random() < 0.7) for _ in range(rng.choice((0, 1, 2, 5)))]
        entries = kept + new or [self._entry(named=True)]
        match rng.randrange(8):
            case 0:  # as others have stored it: in another order, or not all of it
                entries = rng.sample(entries, rng.randrange(1, len(entries) + 1))
            case 1:  # it comes again
                entries += [entry for entry in entries if "uuid" in entry][:2]
            case 2 if "uuid" in entries[0]:  # another content
                entries = [{**entries[0], "text": self._entry(named=False)["text"]}, *entries[1:]]
        once: dict[str, Entry] = {}
        for entry in entries:  # an agent writes what has no uuid once, here, so that it is told apart
            once.setdefault(entry["text"] if "uuid" not in entry else f"{len(once)}", entry)
        text = "".join(json.dumps(entry) + "\n" for entry in once.values())
        return Request("import_transcript", self.user, session, {"text": text}, query, name=name)

    def _entry(self, *, named: bool) -> Entry:
        mark = self.texts.mark()
        noise = sha256(str(mark).encode()).hexdigest() * 4
        padding = noise[: self.rng.choice((0, 0, 60, 250))]
        entry: Entry = {"text": f"{mark} of {self.user}.{padding}"}
        return {"uuid": f"uuid-{mark}", **entry} if named else entry
