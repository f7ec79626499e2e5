"""The operations on transcripts as methods, see `methods`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from turnlog.client.asking import Asking, Request, given

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from turnlog.client.asking import Body, Object


# As many as the API gives at once, if they fit.
_ENTRIES = 10_000


class TranscriptMethods(Asking):
    """The transcripts of a user's sessions."""

    async def list_transcripts(self, session_id: str) -> Body:
        """The session's transcripts by name, without entries."""
        return await self.body(Request("list_transcripts", session_id))

    async def append_entries(
        self,
        session_id: str,
        name: str,
        entries: Iterable[Object],
        *,
        expected_position: int | None = None,
        batch_id: str | None = None,
    ) -> Body:
        """Append entries to a transcript, all or none, each with a `uuid` once; a batch of one id once."""
        sent, batch_id = list(entries), batch_id or str(uuid4())
        body = given(entries=sent, expected_position=expected_position, batch_id=batch_id)
        return await self.body(Request("append_entries", session_id, name, body))

    async def read_entries(
        self, session_id: str, name: str, *, after: int | None = None, limit: int | None = None
    ) -> Body:
        """A transcript's entries, all or those behind a position, as many as fit into an answer."""
        query = {"after": after, "limit": limit}
        return await self.body(Request("read_entries", session_id, name, query=query))

    async def entries(self, session_id: str, name: str, *, after: int = -1) -> AsyncIterator[Body]:
        """All entries of a transcript behind a position."""
        while True:
            page = await self.read_entries(session_id, name, after=after, limit=_ENTRIES)
            for entry in page["entries"]:
                yield entry
            if not page["has_more"]:
                return
            after = page["last_position"]

    async def import_transcript(self, session_id: str, name: str, text: str) -> Body:
        """Make a transcript hold the entries of a JSONL text: what is stored must match."""
        return await self.body(Request("import_transcript", session_id, name, text))

    async def delete_transcript(self, session_id: str, name: str) -> None:
        """Delete a transcript.

        Not sent again when it may have been carried out: another may have begun the transcript anew since.
        """
        await self.ask(Request("delete_transcript", session_id, name, repeatable=False))
