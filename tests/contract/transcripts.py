"""Transcripts, in the model and in requests: what the contract says of them, in plain Python."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.contract.model import Refused
from tests.contract.requests import Requests

if TYPE_CHECKING:
    from tests.contract.conversation import At

Entry = dict[str, Any]
NAMES = st.sampled_from(["main", "sub/a"])
VALUE = st.sampled_from([1, 2, "a", None, {"b": [True]}])
UUID = {"uuid": st.sampled_from(["u0", "u1", "u2", "u3", "u4"])}
ENTRY: st.SearchStrategy[Entry] = st.fixed_dictionaries({}, optional={"v": VALUE, **UUID})
ENTRIES = st.lists(ENTRY, min_size=1, max_size=3, unique_by=lambda entry: entry.get("uuid") or id(entry))
WHERE = st.sampled_from([None, None, "next", "last"])


@dataclass
class Transcript:
    """A transcript that is there, in which generation."""

    generation: int = 0
    log: list[Entry] = field(default_factory=list)

    def append(self, entries: list[Entry], expected: int | None) -> tuple[list[int], bool]:
        """The positions of the entries, and whether all of them were there."""
        known = {entry["uuid"]: at for at, entry in enumerate(self.log) if "uuid" in entry}
        places = [known.get(entry.get("uuid", "")) for entry in entries]
        both = zip(places, entries, strict=True)
        differing = [at for at, entry in both if at is not None and self.log[at] != entry]
        if differing:  # the first that is read
            raise Refused(409, "entry_uuid_reused", position=min(differing))
        if None not in places:
            return [at for at in places if at is not None], True
        if expected not in {None, len(self.log)}:
            raise Refused(409, "position_mismatch", entry_count=len(self.log))
        positions = []
        for at, entry in zip(places, entries, strict=True):
            positions.append(len(self.log) if at is None else at)
            if at is None:
                self.log.append(entry)
        return positions, False

    def put(self, entries: list[Entry]) -> int:
        """Append those that it lacks; how many they are.

        One with a uuid is the same wherever it stands. Of those without, each is looked for behind all that
        come before it.
        """
        known = {entry["uuid"]: entry for entry in self.log if "uuid" in entry}
        new: list[Entry] = []
        end = 0
        for line, entry in enumerate(entries, 1):
            if "uuid" in entry:
                if (there := known.get(entry["uuid"])) is None:
                    new.append(entry)
                elif there != entry:
                    position = self.log.index(there)
                    raise Refused(409, "entry_uuid_reused", position=position, line=line)
                else:
                    end = max(end, self.log.index(there) + 1)
            elif not new and entry in self.log[end:]:
                end += self.log[end:].index(entry) + 1
            else:
                new.append(entry)
        self.log += new
        return len(new)


class TranscriptRequests(Requests):
    """Requests about transcripts, each checked against the model as it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.transcripts: dict[tuple[str, str, str], Transcript] = {}
        self.ended: Counter[tuple[str, str, str]] = Counter()

    def transcript(self, user: str, sid: str, name: str) -> Transcript:
        """The transcript; one that is not there yet is empty."""
        at = (user, sid, name)
        return self.transcripts.get(at) or Transcript(self.ended[at])

    def do_entries(self, user: str, sid: str, name: str, entries: list[Entry], expected: int | None) -> None:
        body = {"entries": entries, **({} if expected is None else {"expected_position": expected})}
        reply = self.call(user, "POST", f"/sessions/{sid}/transcripts/{name}", body)
        if (session := self.expect(reply, user, sid)) is None:
            return
        there = self.transcript(user, sid, name)
        try:
            positions, replayed = there.append(entries, expected)
        except Refused as refused:
            self.refused(reply, refused)
            return
        if not replayed:
            self.transcripts[user, sid, name] = there
            session.touch(self.tick())
        assert (reply.status, reply.body) == (
            200 if replayed else 201,
            {
                "first_position": min(positions),
                "last_position": max(positions),
                "entry_count": len(there.log),
                "replayed": replayed,
            },
        )

    def do_import(self, user: str, sid: str, name: str, entries: list[Entry]) -> None:
        text = "".join(json.dumps(entry) + "\n" for entry in entries).encode()
        reply = self.apis[user].import_(sid, name, text)
        if (session := self.expect(reply, user, sid)) is None:
            return
        made = (user, sid, name) not in self.transcripts
        there = self.transcript(user, sid, name)
        try:
            added = there.put(entries)
        except Refused as refused:
            self.refused(reply, refused)
            return
        if added:
            self.transcripts[user, sid, name] = there
            session.touch(self.tick())
        assert reply.status == (201 if made else 200)
        shown = {name: reply.body[name] for name in ("entry_count", "added", "generation")}
        assert shown == {"entry_count": len(there.log), "added": added, "generation": there.generation}

    def do_delete_transcript(self, user: str, sid: str, name: str) -> None:
        reply = self.call(user, "DELETE", f"/sessions/{sid}/transcripts/{name}")
        if (session := self.expect(reply, user, sid)) is None:
            return
        if self.transcripts.pop((user, sid, name), None) is None:
            reply.problem(404, "not_found")
            return
        self.ended[user, sid, name] += 1
        session.touch(self.tick())
        assert reply.status == 204

    def do_read(self, at: At, name: str, after: int | None, limit: int | None) -> None:
        """A page of a transcript, as JSON and as lines."""
        path, query = f"/sessions/{at[1]}/transcripts/{name}", {"after": after, "limit": limit}
        reply = self.call(at[0], "GET", path, query=query)
        there = self.transcripts.get((*at, name))
        if there is None:
            reply.problem(404, "not_found")
            return
        count = len(there.log)
        first = min((-1 if after is None else after) + 1, count)
        end = count if limit is None else min(first + limit, count)
        assert reply.body == {
            "entries": there.log[first:end],
            "entry_count": count,
            "generation": there.generation,
            "has_more": end < count,
            "first_position": first if first < end else None,
            "last_position": end - 1 if first < end else None,
        }
        text = self.call(at[0], "GET", path, query={**query, "format": "jsonl"})
        assert [json.loads(line) for line in text.raw.splitlines()] == there.log[first:end]
        assert text.headers.get("x-turnlog-next-after") == (str(end - 1) if end < count else None)

    def do_names(self, at: At) -> None:
        """All of a session's transcripts."""
        shown = self.call(at[0], "GET", f"/sessions/{at[1]}/transcripts").body["transcripts"]
        own = {name: len(one.log) for (*of, name), one in self.transcripts.items() if tuple(of) == at}
        assert {one["name"]: one["entry_count"] for one in shown} == own
        assert [one["name"] for one in shown] == sorted(own)

    def do_delete(self, user: str, sid: str) -> None:
        """A session's transcripts go with it."""
        super().do_delete(user, sid)
        if (user, sid) not in self.there:
            for key in [key for key in self.transcripts if key[:2] == (user, sid)]:
                del self.transcripts[key]

    def teardown(self) -> None:
        """At the end each transcript is read, as a whole and page by page."""
        super().teardown()
        for user, sid, name in self.transcripts:
            self.do_read((user, sid), name, None, None)
            self.do_read((user, sid), name, 0, 1)
        for at in self.there:
            self.do_names(at)
