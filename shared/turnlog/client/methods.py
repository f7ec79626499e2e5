"""The operations as methods, for programs: one list of them for both clients and both ways.

Both ways take and give what the contract says of an operation, and raise the errors of `turnlog.errors`; the
same models find what is wrong with an argument.

A message and a batch of entries have an id before the first try, so that they may be sent again after a lost
reply. What has none (a tool call without `id`) is not sent again when it may have been stored. Nor is a
change of fields without `if_match`, when it may have been made: another may have changed them since, and the
second time would undo that. Then the call raises `Unavailable`. Nor is a `recreate`: see `create_session`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar
from uuid import uuid4

from turnlog.client.both import method, pages
from turnlog.client.request import Request, described, given
from turnlog.errors import (
    Conflict,
    Contended,
    Diverged,
    FilesOff,
    Invalid,
    NotFound,
    TooLarge,
    TurnlogError,
    Unanswered,
    Unavailable,
)
from turnlog.limits import BODY_LIMIT
from turnlog.models import answers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from datetime import datetime
    from typing import Unpack

    from turnlog.client.importing import Source
    from turnlog.client.request import Object, Way

    NewMessage: TypeAlias = Object | answers.Message | answers.DraftMessage
    Place: TypeAlias = int | answers.Message
    Provider: TypeAlias = Literal["openai-responses", "anthropic", "ai-sdk"]
    TextFormat: TypeAlias = Literal["markdown", "jsonl"]

T = TypeVar("T", bound=answers.Answer)

# As much as the API gives at once.
MESSAGES_AT_ONCE = 1_000
SESSIONS_AT_ONCE = 100
ENTRIES_AT_ONCE = 10_000

# A request of 29 seconds copies some thousand messages, so these copy all that a session can well have.
_FORK_REQUESTS = 100

# The index of the list is some milliseconds behind, and the clocks that it is sorted by differ a little.
_BEHIND = timedelta(seconds=5)
# Where more sessions change than a page holds while it is read, the list would never stand still.
_IDLE_PASSES = 3


class Objects(TypedDict, total=False):
    """The objects of a session: its application's own JSON, at most 32 KB together."""

    metadata: Mapping[str, Any]
    credentials: Mapping[str, Any]
    successful_agent_runs: Mapping[str, Any]
    successful_agent_schedules: Mapping[str, Any]


class Window(TypedDict, total=False):
    """A window of a session's log.

    Attributes:
        limit: at most so many of the newest messages, and those before them that the first turn needs; None:
            as many as fit into an answer.
        before: only messages with a lower sequence.
        keep_system: put the system message with which the session begins in front.
    """

    limit: int | None
    before: int | None
    keep_system: bool


class Methods:
    """The operations on the sessions of a user.

    Each raises errors of `turnlog.errors`: `NotFound` if the session is not there or another user's,
    `Invalid` or `TooLarge` if an argument is wrong, `Unavailable` if no answer came or Turnlog is busy.
    """

    _way: Way

    async def _answer(self, request: Request) -> Any:
        return await self._way.ask(request)

    async def _ask(self, shape: type[T], request: Request) -> T:
        answer = await self._answer(request)
        try:
            return shape.of(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise Unanswered("What answered is no Turnlog, or one of another version.") from error

    @method
    async def create_session(
        self,
        *,
        session_id: str | None = None,
        title: str | None = None,
        messages: Iterable[NewMessage] = (),
        usage: Object | None = None,
        recreate: bool = False,
        **objects: Unpack[Objects],
    ) -> answers.Session:
        """Create a session; the one that there is, if this user has that id already.

        Args:
            session_id: of the session; None: it is given one.
            title: of the session.
            messages: its first, at most 97. Where no request holds them, the session is created without them,
                and a PUT brings them; if that is refused, the session stays, and the error bears its
                `session_id`. The same call finishes.
            usage: tokens to begin the sum with.
            recreate: begin another session if the one of that id was deleted. If no answer comes, the request
                is not sent again, because another may have deleted since what it began. The session that is
                there then is returned, begun by this call or by another; if none is, the error is raised.
            objects: of the session.

        Raises:
            Gone: the session of that id was deleted, and `recreate` is not asked for.
            TooLarge: no request holds the messages, and there is no bucket for more; nothing was created.
        """
        body = given(
            session_id=str(uuid4()) if session_id is None else session_id,
            title=title,
            messages=_identified(messages),
            usage=usage,
            recreate=recreate or None,
            **objects,
        )
        if self._way.holds(Request("create_session", body=body)):
            return await self._created(body)
        late: dict[str, Any] = {name: body.pop(name) for name in ("messages", "usage") if name in body}
        await self._check_bucket(body["session_id"])
        session = await self._created(body)
        if session.message_count >= len(late.get("messages", ())):
            return session
        try:
            return await self._change("put_session", session.session_id, late, None, undoes="usage" in late)
        except Diverged as error:
            if session.message_count and error.extra.get("sequence") == 0:
                return session  # it was there before, with messages of its own
            raise
        except (Invalid, TooLarge) as error:
            session_id = session.session_id
            error.told(f"The session {session_id} is there, without these messages.", session_id=session_id)
            raise

    @method
    async def fork_session(
        self,
        session_id: str,
        *,
        fork_id: str | None = None,
        to_sequence: int | None = None,
        title: str | None = None,
    ) -> answers.Session:
        """Begin another session with the messages of this one, which are copied where they are stored.

        A fork that takes longer than one request has time for is gone on with until it is whole.

        Args:
            session_id: of the session that is forked.
            fork_id: of the other session; None: it is given one. With an id of your own the call can be made
                again, and then returns the same fork.
            to_sequence: the fork has the messages before this one; None: all that there are.
            title: of the fork; None: the session's.

        Raises:
            NotFound: there is no such session, or it was deleted before the fork was whole.
            SequenceMismatch: the session has fewer messages.
            SessionExists: there is a session with the fork's id, and it is no such fork.
            ForkUnfinished: there is another fork with that id, which is not whole yet.
            Gone: the session with that id was deleted.
        """
        body = given(
            session_id=str(uuid4()) if fork_id is None else fork_id, to_sequence=to_sequence, title=title
        )
        request = Request("fork_session", session_id, body=body)
        for _ in range(_FORK_REQUESTS - 1):
            try:
                return await self._ask(answers.Session, request)
            except Unavailable as error:
                if not error.extra.get("copied"):  # it was no lack of time
                    raise
        return await self._ask(answers.Session, request)

    @method
    async def list_sessions(
        self, *, limit: int | None = None, cursor: str | None = None, offset: int | None = None
    ) -> answers.SessionPage:
        """A page of the sessions, most recently changed first."""
        return await self._sessions_page(limit=limit, cursor=cursor, offset=offset)

    @pages
    async def sessions(self) -> AsyncGenerator[answers.Session, None]:
        """All sessions, most recently changed first, without messages.

        A session that is there from the first to the last page comes exactly once, also if it changes
        meanwhile: it then moves to the top of the list, which is read again at the end as far as it has
        changed. One that is created or deleted meanwhile may come or not. The list is read from an index that
        may be some milliseconds behind.
        """
        known: set[str] = set()
        reach: datetime | None = None  # as far back as this pass reads; None: to the end of the list
        idle = 0  # passes one after the other that found nothing new
        while idle < _IDLE_PASSES:
            now, several, cursor, found = None, False, None, len(known)
            while True:
                page = await self._sessions_page(limit=SESSIONS_AT_ONCE, cursor=cursor)
                for session in page.sessions:
                    now = now or session.updated_at
                    if session.session_id not in known:
                        known.add(session.session_id)
                        yield session
                cursor = page.next_cursor
                if cursor is None or (reach and page.sessions and page.sessions[-1].updated_at < reach):
                    break
                several = True
            if not several or now is None:  # one page is the list at one time: nothing has moved past it
                return
            idle = idle + 1 if len(known) == found else 0
            reach = now - _BEHIND

    @method
    async def get_session(
        self,
        session_id: str,
        *,
        limit: int | None = None,
        before: int | None = None,
        draft: bool | None = None,
    ) -> answers.SessionWithMessages:
        """The session with its newest messages.

        Args:
            session_id: of the session.
            limit: so many messages; None: all, as far as they fit into an answer. 0: none.
            before: the newest before this sequence.
            draft: with the turn in progress.
        """
        query = {"limit": limit, "before": before, "draft": draft}
        return await self._ask(answers.SessionWithMessages, Request("get_session", session_id, query=query))

    @method
    async def put_session(
        self,
        session_id: str,
        *,
        messages: Iterable[NewMessage] = (),
        start_sequence: int | None = None,
        title: str | None = None,
        usage: Object | None = None,
        if_match: int | None = None,
        **objects: Unpack[Objects],
    ) -> answers.Session:
        """Make the session hold these messages from `start_sequence` on, and these fields.

        Raises:
            Diverged: a message that is stored differs, or a gap would arise; nothing was written.
            Gone: the session was deleted.
            PreconditionFailed: the session is of another version than `if_match`.
        """
        body = given(
            messages=_plain(messages),
            start_sequence=start_sequence,
            title=title,
            usage=usage,
            **objects,
        )
        # Messages are compared. Fields are set, and would be set once more.
        fields = body.keys() - {"messages", "start_sequence"}
        return await self._change("put_session", session_id, body, if_match, undoes=bool(fields))

    @method
    async def patch_session(
        self,
        session_id: str,
        *,
        if_match: int | None = None,
        touch: bool = True,
        **objects: Unpack[Objects],
    ) -> answers.Session:
        """Apply a JSON merge patch (RFC 7386) to each of the session's objects that is given.

        Args:
            session_id: of the session.
            if_match: only if the session is of this version.
            touch: False leaves the session in its place in the list.
            objects: the patches.

        Raises:
            PreconditionFailed: the session is of another version than `if_match`.
        """
        body: Object = objects if touch else {**objects, "touch": touch}
        return await self._change("patch_session", session_id, body, if_match)

    @method
    async def set_title(
        self, session_id: str, title: str, *, only_if_unset: bool = False, if_match: int | None = None
    ) -> answers.Session:
        """Set the title.

        Raises:
            PreconditionFailed: the session is of another version than `if_match`.
        """
        body = {"title": title, "only_if_unset": only_if_unset}
        return await self._change("set_title", session_id, body, if_match, undoes=not only_if_unset)

    @method
    async def delete_session(self, session_id: str) -> None:
        """Delete the session and all that is in it."""
        await self._answer(Request("delete_session", session_id))

    @method
    async def append_messages(
        self,
        session_id: str,
        messages: Iterable[NewMessage],
        *,
        usage: Object | None = None,
        expected_sequence: int | None = None,
        set: Object | None = None,  # noqa: A002 (the contract's word)
        minimal: bool = False,
    ) -> answers.Appended:
        """Append messages, at most 99, all or none, each once.

        Args:
            session_id: of the session.
            messages: objects with `role` and `content`. A message without a `message_id` is given one.
            usage: tokens as the provider returned them, added to the session's sum.
            expected_sequence: only if the next one is this.
            set: fields of the session that are replaced with it: `title`, `metadata` and the other objects.
            minimal: the answer is to leave out the messages.

        Raises:
            MessageIdReused: a `message_id` is taken by a message with other content.
            SequenceMismatch: the next sequence is not the expected one.
        """
        body = given(
            messages=_identified(messages), usage=usage, expected_sequence=expected_sequence, set=set
        )
        request = Request("append_messages", session_id, body=body, minimal=minimal)
        appended = await self._ask(answers.Appended, request)
        if minimal or "messages" in appended:
            return appended
        # They went as a file, and no answer holds them all.
        sent = {message["message_id"]: message for message in body["messages"]}
        first, end = appended.first_sequence, appended.last_sequence + 1
        found = []
        try:
            async for page in self._message_pages(session_id, first - 1, end, sent):
                found += [message.raw for message in page.messages if message.message_id in sent]
        except Unavailable as error:
            raise Unanswered(
                f"The messages are stored, within the sequences {first} to {end - 1}, but were not read:"
                f" {error.detail}"
            ) from error
        return answers.Appended.of({**appended.raw, "messages": found})

    @method
    async def list_messages(
        self,
        session_id: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> answers.MessagePage:
        """A page of messages in ascending order."""
        return await self._messages_page(session_id, after=after, before=before, limit=limit)

    @pages
    async def messages(self, session_id: str, *, after: int = -1) -> AsyncGenerator[answers.Message, None]:
        """All messages behind a sequence, the oldest first.

        After a rewind between two pages they are not of one history.
        """
        async for page in self._message_pages(session_id, after):
            for message in page.messages:
                yield message

    @method
    async def get_message(self, session_id: str, sequence: int) -> answers.Message:
        """The message at a sequence."""
        return await self._ask(answers.Message, Request("get_message", session_id, sequence=sequence))

    @method
    async def edit_message(
        self,
        session_id: str,
        message: Place,
        *,
        metadata: Object | None = None,
        replace: NewMessage | None = None,
        removed: bool | None = None,
        message_id: str | None = None,
        edit_id: str | None = None,
        if_match: int | None = None,
    ) -> answers.MessageEdited:
        """Edit a stored message: by one of `metadata`, `replace` and `removed`.

        Args:
            session_id: of the session.
            message: as it was answered: then only if it still stands there. Or its sequence.
            metadata: a JSON merge patch (RFC 7386) of the message's metadata.
            replace: what the message is to be from now on.
            removed: True: all that it says goes.
            message_id: only if the message with this id stands at the sequence.
            edit_id: the name of the edit, if it may be made again by another call.
            if_match: only if the session is of this version.

        Raises:
            MessageMoved: another message stands there.
            MessageRemoved: the message was removed.
            PreconditionFailed: the session is of another version than `if_match`.
        """
        place = message
        if isinstance(place, answers.Message):
            message_id, place = message_id or place.message_id, place.sequence
        body = given(
            metadata=metadata,
            replace=None if replace is None else _plain([replace])[0],
            removed=removed,
            message_id=message_id,
            edit_id=edit_id or str(uuid4()),
        )
        # The message knows its edit again by the id. Where it is not named, another may stand there by then.
        request = Request(
            "edit_message",
            session_id,
            body=body,
            if_match=if_match,
            repeatable=message_id is not None or if_match is not None,
            sequence=place,
        )
        return await self._ask(answers.MessageEdited, request)

    @method
    async def rewind_session(
        self,
        session_id: str,
        *,
        to_sequence: int,
        expected_sequence: int,
        rewind_id: str | None = None,
        if_match: int | None = None,
    ) -> answers.Rewound:
        """Take away the messages from a sequence on, if the session still ends at the expected one.

        Raises:
            SequenceMismatch: the session ends elsewhere; nothing was taken away.
            PreconditionFailed: the session is of another version than `if_match`.
        """
        body = {
            "to_sequence": to_sequence,
            "expected_sequence": expected_sequence,
            "rewind_id": rewind_id or str(uuid4()),
        }
        # It knows its own repeat by the id, before it looks at the version. Without a version, the log may be
        # as long again when another rewind and appends came between: what went would be theirs.
        request = Request(
            "rewind_session", session_id, body=body, if_match=if_match, repeatable=if_match is not None
        )
        return await self._ask(answers.Rewound, request)

    @method
    async def add_tool_call(self, session_id: str, tool_call: Object) -> answers.ToolCallAdded:
        """Add a tool call to the current turn's assistant message."""
        if not isinstance(tool_call, Mapping):
            raise Invalid.at("body", "tool_call", msg=_no_object(tool_call))
        body, known = {"tool_call": tool_call}, bool(tool_call.get("id"))
        request = Request("add_tool_call", session_id, body=body, repeatable=known)
        return await self._ask(answers.ToolCallAdded, request)

    @method
    async def export_openai_messages(
        self, session_id: str, **window: Unpack[Window]
    ) -> answers.OpenAIMessages:
        """The history as Chat Completions messages that the API accepts, whatever is stored."""
        request = Request("export_openai_messages", session_id, query=window)
        return await self._ask(answers.OpenAIMessages, request)

    @method
    async def export_session(
        self,
        session_id: str,
        format: Provider,  # noqa: A002
        **window: Unpack[Window],
    ) -> answers.ExportedSession:
        """The history in the words of a provider, which accepts it, whatever is stored.

        A text's format gives what `export_text` gives.
        """
        text = format in {"markdown", "jsonl"}
        shape: Any = answers.ExportedText if text else answers.ExportedSession
        request = Request("export_session", session_id, query={"format": format, **window}, text=text)
        exported: answers.ExportedSession = await self._ask(shape, request)
        return exported

    @method
    async def export_text(
        self,
        session_id: str,
        format: TextFormat,  # noqa: A002
        **window: Unpack[Window],
    ) -> answers.ExportedText:
        """The history as Markdown, or as JSON lines, of which each is a message as `get_session` gives it."""
        request = Request("export_session", session_id, query={"format": format, **window}, text=True)
        return await self._ask(answers.ExportedText, request)

    @method
    async def put_draft(self, session_id: str, messages: Iterable[NewMessage]) -> answers.Draft:
        """Keep a turn in progress, in the cache alone."""
        body = {"messages": _plain(messages)}
        return await self._ask(answers.Draft, Request("put_draft", session_id, body=body, repeatable=False))

    @method
    async def get_draft(self, session_id: str) -> answers.Draft:
        """The turn in progress."""
        return await self._ask(answers.Draft, Request("get_draft", session_id))

    @method
    async def delete_draft(self, session_id: str) -> None:
        """Drop the turn in progress."""
        await self._answer(Request("delete_draft", session_id, repeatable=False))

    @method
    async def drop_cache(self, session_id: str) -> None:
        """Drop what the cache holds of the session, for whoever has changed the table by other means."""
        await self._answer(Request("drop_cache", session_id))

    @method
    async def check_health(self) -> answers.Health:
        """Whether the table answers, and the cache."""
        return await self._ask(answers.Health, Request("check_health"))

    @method
    async def create_file(
        self, session_id: str, *, name: str, media_type: str, size: int, sha256: str
    ) -> answers.CreatedFile:
        """Promise a file of the session. Its bytes are sent to the `upload` in the answer, within 15 minutes.

        Args:
            session_id: of the session.
            name: under which a browser saves it.
            media_type: such as `image/png`.
            size: bytes, at most 512 MB.
            sha256: of the bytes, as 64 hexadecimal digits.
        """
        body = {"name": name, "media_type": media_type, "size": size, "sha256": sha256}
        return await self._ask(answers.CreatedFile, Request("create_file", session_id, body=body))

    @method
    async def list_files(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> answers.Files:
        """A page of the session's files, the oldest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._ask(answers.Files, Request("list_files", session_id, query=query))

    @method
    async def get_file(self, session_id: str, file_id: str) -> answers.File:
        """A file, and where its bytes can be read for 15 minutes.

        Raises:
            NotUploaded: its bytes have not come.
        """
        return await self._ask(answers.File, Request("get_file", session_id, file_id=file_id))

    @method
    async def delete_file(self, session_id: str, file_id: str) -> None:
        """Delete a file."""
        await self._answer(Request("delete_file", session_id, file_id=file_id))

    @method
    async def list_transcripts(self, session_id: str) -> answers.Transcripts:
        """The session's transcripts by name, without entries."""
        return await self._ask(answers.Transcripts, Request("list_transcripts", session_id))

    @method
    async def append_entries(
        self,
        session_id: str,
        name: str,
        entries: Iterable[Object],
        *,
        expected_position: int | None = None,
        batch_id: str | None = None,
    ) -> answers.AppendedEntries:
        """Append entries to a transcript, all or none, each with a `uuid` once; a batch of one id once.

        Raises:
            EntryUuidReused: a `uuid` is taken by an entry with other content.
            PositionMismatch: the next position is not the expected one.
        """
        batch_id = batch_id or str(uuid4())
        body = given(
            entries=_list_of("entries", entries), expected_position=expected_position, batch_id=batch_id
        )
        request = Request("append_entries", session_id, name, body)
        return await self._ask(answers.AppendedEntries, request)

    @method
    async def read_entries(
        self, session_id: str, name: str, *, after: int | None = None, limit: int | None = None
    ) -> answers.EntryPage:
        """A transcript's entries, all or those behind a position, as many as fit into an answer."""
        return await self._entries_page(session_id, name, after=after, limit=limit)

    @pages
    async def entries(
        self, session_id: str, name: str, *, after: int = -1
    ) -> AsyncGenerator[answers.Json, None]:
        """All entries of a transcript behind a position, as plain JSON.

        Raises:
            Conflict: the transcript was deleted and begun anew between two pages.
        """
        async for page in self._entry_pages(session_id, name, after):
            for entry in page.entries:
                yield entry

    @method
    async def import_transcript(
        self, session_id: str, name: str, source: Source
    ) -> answers.ImportedTranscript:
        """Make a transcript hold the entries of JSON lines: those that it lacks are appended.

        A text above 5 MB or 10,000 lines is stored in steps; the steps before a line that is refused stay.
        The same import may be made again, also after a crash: it passes over what is stored, and finishes.

        Args:
            session_id: of the session.
            name: of the transcript.
            source: the text; or the path of a file of any length, or such a file, open to read bytes.

        Raises:
            EntryNotJson, TornLastLine, Invalid: a line cannot be taken; the error says which.
            EntryUuidReused: a stored entry has the `uuid` of a line, and other content.
            PositionMismatch: the transcript was deleted between two steps. Import again.
        """
        from turnlog.client.importing import Known, steps  # noqa: PLC0415 (no other call needs it)

        with closing(Known()) as known:
            begin: dict[str, int] = {}
            imported, added, others = None, 0, 0
            for step in steps(source, known):
                try:
                    request = Request("import_transcript", session_id, name, step.text, begin)
                    imported = await self._ask(answers.ImportedTranscript, request)
                except TurnlogError as error:
                    raise step.told(error) from error
                if imported.others:  # a later line may have the uuid of one of them
                    first, end = begin.get("start_position", 0), imported.next_position
                    async for page in self._entry_pages(session_id, name, first - 1, end):
                        for entry in page.entries:
                            known.add(entry)
                begin = {"start_position": imported.next_position, "generation": imported.generation}
                added += imported.added
                others += imported.others
        if imported is None:
            raise Invalid.at("body", msg="must hold at least one entry")
        return answers.ImportedTranscript.of({**imported.raw, "added": added, "others": others})

    @method
    async def delete_transcript(self, session_id: str, name: str) -> None:
        """Delete a transcript.

        Not sent again when it may have been carried out: another may have begun the transcript anew since.
        """
        await self._answer(Request("delete_transcript", session_id, name, repeatable=False))

    async def _sessions_page(self, **query: Any) -> answers.SessionPage:
        return await self._ask(answers.SessionPage, Request("list_sessions", query=query))

    async def _messages_page(self, session_id: str, **query: Any) -> answers.MessagePage:
        return await self._ask(answers.MessagePage, Request("list_messages", session_id, query=query))

    async def _message_pages(
        self, session_id: str, after: int, before: int | None = None, sent: Mapping[str, Object] | None = None
    ) -> AsyncGenerator[answers.MessagePage, None]:
        """The messages behind a sequence, and before another, page by page; for `sent` see `Request`."""
        while True:
            query = {"after": after, "before": before, "limit": MESSAGES_AT_ONCE}
            request = Request("list_messages", session_id, query=query, sent=sent or {})
            page = await self._ask(answers.MessagePage, request)
            yield page
            if not page.has_more or page.newest_sequence is None:
                return
            after = page.newest_sequence

    async def _entry_pages(
        self, session_id: str, name: str, after: int, end: int | None = None
    ) -> AsyncGenerator[answers.EntryPage, None]:
        """The entries behind a position, and before another, page by page.

        Raises:
            Conflict: see `entries`.
        """
        generation = None
        while end is None or after + 1 < end:
            limit = min(ENTRIES_AT_ONCE, end - after - 1) if end else ENTRIES_AT_ONCE
            page = await self._entries_page(session_id, name, after=after, limit=limit)
            if generation not in {None, page.generation}:
                raise Conflict("The transcript was deleted and begun anew while it was read. Read it again.")
            generation = page.generation
            yield page
            if not page.has_more or page.last_position is None:
                return
            after = page.last_position

    async def _entries_page(self, session_id: str, name: str, **query: Any) -> answers.EntryPage:
        return await self._ask(answers.EntryPage, Request("read_entries", session_id, name, query=query))

    async def _check_bucket(self, session_id: str) -> None:
        """Refuse messages that no request holds, before the session is created that would stay without them.

        Raises:
            TooLarge: there is no bucket. The API says so also of a session that is not there.
        """
        try:
            await self._answer(Request("create_file", session_id, body=described(b"")))
        except NotFound:
            return
        except FilesOff:
            raise TooLarge(
                f"The messages are more than a request holds, which is {BODY_LIMIT} bytes. That needs the"
                " stack's bucket, which is not there. Create the session with fewer, then append the others."
            ) from None

    async def _created(self, body: Mapping[str, Any]) -> answers.Session:
        """See `create_session`."""
        recreate = "recreate" in body
        request = Request("create_session", body=body, repeatable=not recreate)
        try:
            return await self._ask(answers.Session, request)
        except Contended:
            raise  # it was not carried out
        except Unavailable as doubt:
            if not recreate:
                raise
            look = Request("get_session", body["session_id"], query={"limit": 0})
            try:
                return await self._ask(answers.Session, look)
            except TurnlogError as blind:  # also one that refuses the look: it is not about the create
                raise doubt from blind

    async def _change(
        self, operation: str, session_id: str, body: Object, if_match: int | None, *, undoes: bool = True
    ) -> answers.Session:
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
        request = Request(operation, session_id, body=body, if_match=if_match, repeatable=repeatable)
        return await self._ask(answers.Session, request)


def _list_of(name: str, objects: Any) -> list[Any]:
    """What is to be a list of objects, as a list.

    Raises:
        Invalid: it is none.
    """
    if isinstance(objects, str | bytes | Mapping) or not isinstance(objects, Iterable):
        raise Invalid.at("body", name, msg="must be a list of objects")
    listed = list(objects)
    for at, one in enumerate(listed):
        if not isinstance(one, Mapping | answers.Answer):
            raise Invalid.at("body", name, at, msg=_no_object(one))
    return listed


def _no_object(one: Any) -> str:
    """What is wrong with what should be an object, and what to do about that of an SDK."""
    way_out = ': call its model_dump(mode="json")' if hasattr(one, "model_dump") else ""
    return f"must be an object, and is a {type(one).__name__}{way_out}"


def _plain(messages: Iterable[NewMessage]) -> list[Object]:
    """Messages as JSON; one that was answered is sent back as it was sent, with its id."""
    return [
        {**one.to_dict(), **given(message_id=one.message_id)}
        if isinstance(one, answers.Message | answers.DraftMessage)
        else one
        for one in _list_of("messages", messages)
    ]


def _identified(messages: Iterable[NewMessage]) -> list[dict[str, Any]]:
    """Messages, each with an id."""
    return [{**one, "message_id": one.get("message_id") or str(uuid4())} for one in _plain(messages)]
