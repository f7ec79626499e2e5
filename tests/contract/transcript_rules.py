"""What the stateful test asks of transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.contract.transcripts import ENTRIES, NAMES, WHERE, Entry, TranscriptRequests
from tests.contract.words import SESSIONS

if TYPE_CHECKING:
    from tests.contract.conversation import At


class TranscriptRules(TranscriptRequests):
    """Requests about transcripts, in any order."""

    @rule(at=SESSIONS, name=NAMES, entries=ENTRIES, where=WHERE)
    def entries(self, at: At, name: str, entries: list[Entry], where: str | None) -> None:
        there = self.transcripts.get((*at, name))
        count = len(there.log) if there else 0
        position = {None: None, "next": count, "last": max(0, count - 1)}[where]
        self.send(self.do_entries, *at, name, entries, position)

    @rule(at=SESSIONS, name=NAMES, kept=st.integers(0, 9), more=ENTRIES)
    def import_what_is_there_and_more(self, at: At, name: str, kept: int, more: list[Entry]) -> None:
        there = self.transcripts.get((*at, name))
        known = there.log[:kept] if there else []
        uuids = {entry.get("uuid") for entry in known} - {None}
        new = [entry for entry in more if entry.get("uuid") not in uuids]
        if known or new:
            self.send(self.do_import, *at, name, [*known, *new])

    @rule(at=SESSIONS, name=NAMES)
    def delete_transcript(self, at: At, name: str) -> None:
        self.send(self.do_delete_transcript, *at, name)

    @rule(at=SESSIONS, name=NAMES, after=st.none() | st.integers(-1, 9), limit=st.none() | st.integers(1, 5))
    def read_transcript(self, at: At, name: str, after: int | None, limit: int | None) -> None:
        self.do_read(at, name, after, limit)
        self.do_names(at)
