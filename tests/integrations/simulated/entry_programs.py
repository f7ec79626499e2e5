"""Agents of the Claude Agent SDK: they append entries, load and list; others begin a transcript anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.programs.calls import Program
from turnlog.integrations.claude import MAIN, TurnlogSessionStore, session_id_of
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.programs.way import Way
    from tests.simulation.texts import Texts

PROJECT = "project"
_METHODS = ("append",) * 5 + ("list_session_summaries",) * 3 + ("begin_anew",) * 2 + ("load", "title")


class EntryProgram(Program):
    """An agent.

    Args:
        rng: decides what it does.
        texts: what it says; shared with all others.
        mortal: sessions are deleted, too.
    """

    def __init__(
        self,
        way: Way,
        user: str,
        *,
        rng: Random,
        texts: Texts,
        mortal: bool,
    ) -> None:
        super().__init__(way, user)
        self._rng = rng
        self._texts = texts
        methods = [method for method in _METHODS if rng.random() < 0.7]
        self._methods = [*methods, "append", *["delete"] * mortal]
        self._store = TurnlogSessionStore(self.turnlog)

    async def run(self, calls: int) -> None:
        """Make so many calls, one after the other; a failed append is made again, as often as not."""
        for _ in range(calls):
            method = self._rng.choice(self._methods)
            own = {"project_key": PROJECT, "session_id": self._rng.choice(("a", "a", "a", "b"))}
            key = SessionKey(self.user, session_id_of(own))
            asked: dict[str, Any] = {"entries": self._entries()} if method == "append" else {}
            for _ in range(3):
                call = await self.call(method, key, asked, lambda: self._does(method, own, asked))  # noqa: B023
                if not call.unsure or method != "append" or self._rng.random() < 0.3:
                    break

    async def _does(self, method: str, own: dict[str, str], asked: dict[str, Any]) -> Any:
        match method:
            case "append":
                return await self._store.append(own, asked["entries"])
            case "list_session_summaries":
                return await self._store.list_session_summaries(PROJECT)
            case "begin_anew":
                return await self.turnlog.delete_transcript(session_id_of(own), MAIN)
            case "title":
                return await self.turnlog.set_title(
                    session_id_of(own), f"{self._texts.mark()} of {self.user}."
                )
        return await getattr(self._store, method)(own)

    def _entries(self) -> list[dict[str, Any]]:
        named = self._rng.random() < 0.6
        entries = []
        for _ in range(self._rng.choice((1, 2, 3, 5))):
            mark = self._texts.mark()
            text = f"{mark} of {self.user}."
            entry = {"type": "user", "text": text, "message": {"role": "user", "content": text}}
            kinds = (entry, {"type": "summary", "text": text, "customTitle": text})
            entries.append(self._rng.choice(kinds) | ({"uuid": f"uuid-{mark}"} if named else {}))
        return entries
