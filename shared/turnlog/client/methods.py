"""The operations as methods, for programs: one list of them, whatever carries them out.

`TurnlogDirect` works on the table and the cache, `TurnlogClient` through the HTTP API. Both take and give
what the contract says of an operation, and raise the errors of `turnlog.errors`; the same models find what is
wrong with an argument.

A message and a batch of entries have an id before the first try, so that they may be sent again after a lost
reply. What has none (a tool call without `id`) is not sent again when it may have been stored. Nor is a
change of fields without `if_match`, when it may have been made: another may have changed them since, and the
second time would undo that. Then the call raises `Unavailable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from turnlog.client.asking import Request, given
from turnlog.client.transcript_methods import TranscriptMethods

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from turnlog.client.asking import Body, Object

# As much as the API gives at once.
_MESSAGES = 1_000
SESSIONS_AT_ONCE = 100


class Turnlog(TranscriptMethods):
    """A user's sessions. The `objects` of a session are those of `head.JSON_FIELDS`, such as `metadata`."""

    async def create_session(
        self,
        *,
        session_id: str | None = None,
        title: str | None = None,
        messages: Iterable[Object] = (),
        usage: Object | None = None,
        **objects: Object,
    ) -> Body:
        """Create a session; the one that there is, if this user has that id already."""
        body = given(
            session_id=session_id or str(uuid4()),
            title=title,
            messages=_identified(messages),
            usage=usage,
            **objects,
        )
        return await self.body(Request("create_session", body=body))

    async def list_sessions(
        self, *, limit: int | None = None, cursor: str | None = None, offset: int | None = None
    ) -> Body:
        """A page of the sessions, most recently changed first."""
        query = {"limit": limit, "cursor": cursor, "offset": offset}
        return await self.body(Request("list_sessions", query=query))

    async def sessions(self) -> AsyncIterator[Body]:
        """All sessions, most recently changed first, without messages.

        One that changes while the pages are read comes twice, or, behind the first page, not at all.
        """
        cursor = None
        while True:
            page = await self.list_sessions(limit=SESSIONS_AT_ONCE, cursor=cursor)
            for session in page["sessions"]:
                yield session
            if (cursor := page["next_cursor"]) is None:
                return

    async def get_session(
        self,
        session_id: str,
        *,
        limit: int | None = None,
        before: int | None = None,
        draft: bool | None = None,
    ) -> Body:
        """The session with its newest messages."""
        query = {"limit": limit, "before": before, "draft": draft}
        return await self.body(Request("get_session", session_id, query=query))

    async def put_session(
        self,
        session_id: str,
        *,
        messages: Iterable[Object] = (),
        start_sequence: int | None = None,
        title: str | None = None,
        usage: Object | None = None,
        if_match: int | None = None,
        **objects: Object,
    ) -> Body:
        """Make the session hold these messages from `start_sequence` on, and these fields."""
        body = given(
            messages=list(messages),
            start_sequence=start_sequence,
            title=title,
            usage=usage,
            **objects,
        )
        # Messages are compared. Fields are set, and would be set once more.
        fields = body.keys() - {"messages", "start_sequence"}
        return await self._change("put_session", session_id, body, if_match, undoes=bool(fields))

    async def patch_session(
        self,
        session_id: str,
        *,
        if_match: int | None = None,
        touch: bool = True,
        **objects: Object,
    ) -> Body:
        """Apply a JSON merge patch to each of the session's objects that is given."""
        body = objects if touch else {**objects, "touch": touch}
        return await self._change("patch_session", session_id, body, if_match)

    async def set_title(
        self, session_id: str, title: str, *, only_if_unset: bool = False, if_match: int | None = None
    ) -> Body:
        """Set the title."""
        body = {"title": title, "only_if_unset": only_if_unset}
        return await self._change("set_title", session_id, body, if_match, undoes=not only_if_unset)

    async def delete_session(self, session_id: str) -> None:
        """Delete the session and all that is in it."""
        await self.ask(Request("delete_session", session_id))

    async def append_messages(
        self,
        session_id: str,
        messages: Iterable[Object],
        *,
        usage: Object | None = None,
        expected_sequence: int | None = None,
    ) -> Body:
        """Append messages, all or none, each once."""
        body = given(messages=_identified(messages), usage=usage, expected_sequence=expected_sequence)
        return await self.body(Request("append_messages", session_id, body=body))

    async def list_messages(
        self,
        session_id: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> Body:
        """A page of messages in ascending order."""
        query = {"after": after, "before": before, "limit": limit}
        return await self.body(Request("list_messages", session_id, query=query))

    async def messages(self, session_id: str, *, after: int = -1) -> AsyncIterator[Body]:
        """All messages behind a sequence. After a rewind between two pages they are not of one history."""
        while True:
            page = await self.list_messages(session_id, after=after, limit=_MESSAGES)
            for message in page["messages"]:
                yield message
            if not page["has_more"]:
                return
            after = page["newest_sequence"]

    async def rewind_session(
        self,
        session_id: str,
        *,
        to_sequence: int,
        expected_sequence: int,
        rewind_id: str | None = None,
        if_match: int | None = None,
    ) -> Body:
        """Take away the messages from a sequence on, if the session still ends at the expected one."""
        body = {
            "to_sequence": to_sequence,
            "expected_sequence": expected_sequence,
            "rewind_id": rewind_id or str(uuid4()),
        }
        # It knows its own repeat by the id, before it looks at the version. Without a version, the log may be
        # as long again when another rewind and appends came between: what went would be theirs.
        return await self.body(
            Request(
                "rewind_session", session_id, body=body, if_match=if_match, repeatable=if_match is not None
            )
        )

    async def add_tool_call(self, session_id: str, tool_call: Object) -> Body:
        """Add a tool call to the current turn's assistant message."""
        body, known = {"tool_call": tool_call}, bool(tool_call.get("id"))
        return await self.body(Request("add_tool_call", session_id, body=body, repeatable=known))

    async def export_openai_messages(self, session_id: str) -> Body:
        """The history as Chat Completions messages."""
        return await self.body(Request("export_openai_messages", session_id))

    async def put_draft(self, session_id: str, messages: Iterable[Object]) -> Body:
        """Keep a turn in progress, in the cache alone."""
        body = {"messages": list(messages)}
        return await self.body(Request("put_draft", session_id, body=body, repeatable=False))

    async def get_draft(self, session_id: str) -> Body:
        """The turn in progress."""
        return await self.body(Request("get_draft", session_id))

    async def delete_draft(self, session_id: str) -> None:
        """Drop the turn in progress."""
        await self.ask(Request("delete_draft", session_id, repeatable=False))

    async def _change(
        self, operation: str, session_id: str, body: Object, if_match: int | None, *, undoes: bool = True
    ) -> Body:
        """Change a session.

        Args:
            operation: its name.
            session_id: of the session.
            body: of the request.
            if_match: only if the session is of this version.
            undoes: sent once more, it could undo what another changed since the first try. With `if_match`
                it cannot: the first try has changed the version.
        """
        repeatable = if_match is not None or not undoes
        return await self.body(
            Request(operation, session_id, body=body, if_match=if_match, repeatable=repeatable)
        )


def _identified(messages: Iterable[Object]) -> list[Body]:
    return [{**message, "message_id": message.get("message_id") or str(uuid4())} for message in messages]
