"""Turnlog as the session store of the Claude Agent SDK: an agent goes on where another machine left it.

One session of the SDK is one session of Turnlog. Its transcript is `main`; a subagent's has its subpath as
its name. G2: an entry with a `uuid` is stored once and given once; what the SDK sends again after an error is
stored once too, with or without.

Summaries are folded when they are asked for, from where the last fold ended, and kept in the session's
metadata with the version at which they were right. So an append is one request, and whatever crashes or comes
in between, a summary is a fold of what is in the log.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import Conflict, Contended, EntryUuidReused, Invalid, NotFound, TooLarge, TurnlogError
from turnlog.integrations.at_once import found_of_each
from turnlog.integrations.common import Repeats, async_client, in_session, short_hash
from turnlog.integrations.entries import batches, carried, restored
from turnlog.records.entries import uuid_of
from turnlog.wire import dumps

try:
    from claude_agent_sdk import fold_session_summary
except ImportError as error:
    message = "TurnlogSessionStore needs the Claude Agent SDK: pip install 'turnlog[claude]'"
    raise ImportError(message, name=error.name) from error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from turnlog.client.clients import AsyncTurnlog
    from turnlog.models.answers import Session

    Json = dict[str, Any]
    # `project_key`, `session_id`, and of a subagent's transcript `subpath`.
    Key = Mapping[str, str]

_READ_TRIES = 4

MAIN = "main"
"""The name of the main transcript."""


class _Fold(NamedTuple):
    """A summary, of how many entries it is, and of which generation of the transcript."""

    summary: Any = None
    entries: int = 0
    generation: int = 0

    @classmethod
    def of(cls, kept: Json, key: Json) -> _Fold:
        """The fold that a session's metadata keep."""
        summary = {"session_id": key["session_id"], "mtime": 0, "data": json.loads(kept["data"])}
        return cls(summary, kept["entries"], kept["generation"])


class TurnlogSessionStore:
    """A `claude_agent_sdk.SessionStore`, all of whose keys are one user's.

    Args:
        turnlog: the client; the user is its.
    """

    def __init__(self, turnlog: AsyncTurnlog) -> None:
        self._turnlog = async_client(turnlog)
        self._repeats = Repeats()

    async def append(self, key: Key, entries: Sequence[Mapping[str, Any]]) -> None:
        """Append entries in order, those with a `uuid` once; the first of a uuid stands.

        Up to 500 entries or 1 MiB are stored all or none; more, in steps of as much. A larger entry is a step
        of its own. If one is refused, the others are stored all the same.

        Raises:
            Gone: the session was deleted.
            Invalid: an entry is no object, or the subpath none: 1-255 letters, digits, `.`, `_` and `-`, in
                segments parted by `/`.
            TooLarge: one entry is more than an append takes; the others are stored.
            Unavailable: Turnlog did not answer; the same call may be made again.
        """
        session_id, name = session_id_of(key), _name(key)
        if not entries:
            return
        sent = [carried(at, entry) for at, entry in enumerate(entries)]
        lines = [dumps(entry) for entry in sent]

        async def send(request: str, _unsure: bool) -> None:
            await self._append_each(
                key, name, [(batch, f"{request}-{at}") for at, batch in enumerate(batches(sent, lines))]
            )

        await self._repeats.named(f"{session_id}/{name}", b"\n".join(lines), send)

    async def load(self, key: Key) -> list[Any] | None:
        """All entries in order, each `uuid` once; None if there are none.

        Raises:
            Unavailable: Turnlog did not answer.
        """
        for _ in range(_READ_TRIES):
            with suppress(Conflict):  # it was deleted and begun anew meanwhile
                return await self._loaded(session_id_of(key), _name(key))
        raise Contended("The transcript is deleted and begun anew all the time.")

    async def _loaded(self, session_id: str, name: str) -> list[Any] | None:
        """See `load`.

        Raises:
            Conflict: the transcript was begun anew between two pages.
        """
        seen: set[str] = set()
        loaded: list[Any] = []
        try:
            async for entry in self._turnlog.entries(session_id, name):
                # Turnlog knows the newest 512 again; an import of the SDK sends a whole transcript once more.
                if (uuid := uuid_of(entry)) and uuid in seen:
                    continue
                seen |= {uuid} if uuid else set()
                loaded.append(restored(entry))
        except NotFound:
            return None
        return loaded

    async def list_sessions(self, project_key: str) -> list[Json]:
        """The project's sessions that have a main transcript, each with its `mtime` in epoch milliseconds.

        Reads the list of all of the user's sessions, 100 a request.

        Raises:
            Unavailable: Turnlog did not answer.
        """

        async def look(session: Session) -> Json:
            kept = session.metadata.get("summary")
            if not kept or kept["version"] != session.version:  # since then the transcript may have gone
                await self._turnlog.read_entries(session.session_id, MAIN, limit=1)
            return {"session_id": session.metadata["session_id"], "mtime": _mtime(session)}

        return await found_of_each([session async for session in self._sessions(project_key)], look)

    async def list_session_summaries(self, project_key: str) -> list[Json]:
        """The project's summaries, folded up to now.

        Raises:
            Unavailable: Turnlog did not answer.
        """
        return await found_of_each([session async for session in self._sessions(project_key)], self._summary)

    async def delete(self, key: Key) -> None:
        """Delete a session with all that is in it, or the one transcript of a `subpath`.

        A deleted session does not come back: what is appended to it later is refused, with `Gone`.

        Raises:
            Unavailable: Turnlog did not answer; the same call may be made again.
        """
        session_id, name = session_id_of(key), _name(key)
        with suppress(NotFound):
            if name == MAIN:
                await self._turnlog.delete_session(session_id)
            else:
                await self._turnlog.delete_transcript(session_id, name)

    async def list_subkeys(self, key: Key) -> list[str]:
        """The subpaths of a session's other transcripts.

        Raises:
            Unavailable: Turnlog did not answer.
        """
        try:
            found = await self._turnlog.list_transcripts(session_id_of(key))
        except NotFound:
            return []
        return [one.name for one in found.transcripts if one.name != MAIN]

    async def _append_each(self, key: Key, name: str, steps: Sequence[tuple[Sequence[Json], str]]) -> None:
        """Append in steps, each under a name. One that is refused for what is in it ends no other.

        Raises:
            TurnlogError: see `append`.
        """
        refused: TurnlogError | None = None
        for batch, request in steps:
            try:
                await self._append(key, name, batch, request)
            except (TooLarge, Invalid) as error:
                refused = refused or error
        if refused:
            raise refused

    async def _append(self, key: Key, name: str, batch: Sequence[Json], request: str) -> None:
        session_id = session_id_of(key)
        metadata = {field: key[field] for field in ("project_key", "session_id")}

        async def write() -> None:
            await self._turnlog.append_entries(session_id, name, batch, batch_id=request)

        try:
            await in_session(self._turnlog, session_id, metadata, write)
        except EntryUuidReused as taken:
            await self._append(key, name, await self._without(session_id, name, batch, taken), request)
        except TooLarge:
            if len(batch) == 1:
                raise
            half = len(batch) // 2
            halves = [(batch[:half], f"{request}a"), (batch[half:], f"{request}b")]
            await self._append_each(key, name, halves)

    async def _without(
        self, session_id: str, name: str, batch: Sequence[Json], taken: EntryUuidReused
    ) -> Sequence[Json]:
        """The batch without the entry whose uuid another one has: what comes behind it must not be lost."""
        page = await self._turnlog.read_entries(session_id, name, after=taken.extra["position"] - 1, limit=1)
        uuid = uuid_of(page.entries[0]) if page.entries else None
        left = [entry for entry in batch if uuid is None or uuid_of(entry) != uuid]
        if len(left) == len(batch):
            raise taken
        return left

    async def _sessions(self, project_key: str) -> AsyncIterator[Session]:
        found = [session async for session in self._turnlog.sessions()]
        for session in sorted(found, key=_mtime, reverse=True):
            own = session.metadata.get("session_id")
            if not isinstance(own, str):
                continue
            if session.session_id == session_id_of({"project_key": project_key, "session_id": own}):
                yield session

    async def _summary(self, session: Session) -> Json:
        """The summary of a session as the list shows it, folded up to now.

        Raises:
            NotFound: it has no main transcript.
        """
        key = {field: session.metadata[field] for field in ("project_key", "session_id")}
        kept = session.metadata.get("summary")
        fold = _Fold.of(kept, key) if kept else _Fold()
        if not kept or kept["version"] != session.version:
            fold = await self._folded(session.session_id, key, fold)
            await self._keep(session, fold)
        return {**fold.summary, "mtime": _mtime(session)}

    async def _folded(self, session_id: str, key: Json, fold: _Fold) -> _Fold:
        """A fold gone on with up to now; from the first entry, where the transcript was begun anew.

        Raises:
            NotFound: there is no main transcript.
        """
        while True:
            page = await self._turnlog.read_entries(session_id, MAIN, after=fold.entries - 1)
            if fold.entries and page.generation != fold.generation:
                fold = _Fold()
                continue
            summary = fold.summary
            for entry in page.entries:
                summary = fold_session_summary(summary, key, [restored(entry)])
            fold = _Fold(summary, fold.entries + len(page.entries), page.generation)
            if not page.has_more:
                return fold

    async def _keep(self, session: Session, fold: _Fold) -> None:
        """Save the next list the fold. Where it cannot be kept, that one folds a little more."""
        version = session.version
        # As a text: a merge patch would keep what the fold has taken out.
        kept = {
            "data": json.dumps(fold.summary["data"]),
            "entries": fold.entries,
            "generation": fold.generation,
            "version": version + 1,
        }
        with suppress(TurnlogError):
            await self._turnlog.patch_session(
                session.session_id, metadata={"summary": kept}, touch=False, if_match=version
            )


def session_id_of(key: Key) -> str:
    """Turnlog's id for a session of the SDK: the SDK's own, which is a UUID, and a hash of the project."""
    own, project = key["session_id"], short_hash(key["project_key"])
    return f"{own}-{project}" if re.fullmatch("[A-Za-z0-9_-]{1,41}", own) else f"{short_hash(own)}-{project}"


def _name(key: Key) -> str:
    """The name of a key's transcript; a subpath that can be no name is Turnlog's to refuse.

    Raises:
        Invalid: a subpath is empty, or the main transcript's name.
    """
    subpath = key.get("subpath")
    if subpath in {"", MAIN}:
        raise Invalid.at("key", "subpath", msg=f'must be neither empty nor "{MAIN}"')
    return MAIN if subpath is None else subpath


def _mtime(session: Session) -> int:
    return int(session.updated_at.timestamp() * 1000)
