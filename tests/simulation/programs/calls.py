"""A program and its calls: what each did through all of its requests, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.simulation.programs.gateway import URL
from turnlog import AsyncTurnlog
from turnlog.errors import Contended, TurnlogError, Unavailable
from turnlog.models.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.simulation.history import History, Work
    from tests.simulation.programs.way import Way
    from tests.simulation.requests import Reply, Request
    from tests.simulation.states import State
    from turnlog.records.keys import SessionKey


@dataclass(eq=False)
class Call:
    """One call of a program.

    Attributes:
        number: of those of its program.
        name: of the method.
        key: the session that it is about.
        asked: what it was given.
        begin: how many commits there were when it began; `end`: when it ended.
        sent: how many requests it sent.
        troubled: whether the last of them had trouble on its way.
        works: what functions did for it, also after its end.
        answered: the answers that it got.
        returned: what it returned, as JSON; or `error`: what it raised.
    """

    number: int
    name: str
    key: SessionKey
    asked: dict[str, Any]
    begin: int
    end: int = 0
    sent: int = 0
    troubled: bool = False
    works: list[Work] = field(default_factory=list)
    answered: list[tuple[Request, Reply]] = field(default_factory=list)
    returned: Any = None
    error: TurnlogError | None = None

    @property
    def unsure(self) -> bool:
        """Whether it ended with an error that does not say if it was done."""
        error = self.error
        return error is not None and error.status >= 500 and not isinstance(error, Contended)

    @property
    def refused(self) -> bool:
        """Whether it ended with an error that says that it was not done."""
        return self.error is not None and not self.unsure

    @property
    def again(self) -> bool:
        """Whether its error says that it may be made again."""
        return isinstance(self.error, Unavailable)

    def states(self, history: History) -> list[State]:
        """The session's states at any time from its begin to its end."""
        return history.during(self.key, self.begin, self.end)


class Program:
    """A program of one user, with a client.

    Args:
        way: of its own; it has the name that the program has in the trace.
        user: as whom.
    """

    def __init__(self, way: Way, user: str) -> None:
        self.world = way.world
        self.name = way.name
        self.user = user
        self.calls: list[Call] = []
        self._way = way
        http = httpx.AsyncClient(transport=self._way, trust_env=False)
        self.turnlog = AsyncTurnlog(url=URL, token=user, http_client=http)

    async def call(
        self, name: str, key: SessionKey, asked: dict[str, Any], work: Callable[[], Awaitable[Any]]
    ) -> Call:
        """Make a call.

        Args:
            name: of the method.
            key: the session that it is about.
            asked: what it is given.
            work: calls it.
        """
        call = Call(len(self.calls), name, key, asked, self.world.history.commits)
        self.calls.append(call)
        self.world.calls += 1
        self._way.call = call
        self._note(f"calls {name}", {"session": key.session_id, **asked})
        try:
            returned = await work()
            call.returned = returned.raw if isinstance(returned, Answer) else returned
        except TurnlogError as error:
            call.error = error
        call.end = self.world.history.commits
        self._note(f"is back from {name}", {"returned": call.returned, "error": repr(call.error)})
        return call

    def _note(self, what: str, told: dict[str, Any]) -> None:
        self.world.trace.append((self.world.seconds, self.name, what, told, None))
