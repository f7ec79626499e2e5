"""A call of an operation by a program, and what can carry one out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Body: TypeAlias = "dict[str, Any]"
"""An answer's body, as the contract shows it."""

Object: TypeAlias = "Mapping[str, Any]"


class Request(NamedTuple):
    """One call of an operation.

    Attributes:
        operation: its name, that of its module in `functions`.
        name: of the transcript.
        body: what is to be JSON, or text.
        query: with None for what is not given.
        if_match: only if the session is of this version.
        repeatable: it may be sent again when it may have been carried out.
    """

    operation: str
    session_id: str | None = None
    name: str | None = None
    body: Any = None
    query: Object = {}  # noqa: RUF012 (nobody writes to it)
    if_match: int | None = None
    repeatable: bool = True


class Asking(ABC):
    """What carries operations out for a user."""

    @abstractmethod
    async def ask(self, request: Request) -> Any:
        """Carry out an operation and give its answer's body; None where it has none.

        Raises:
            TurnlogError: an answer other than success.
        """

    async def body(self, request: Request) -> Body:
        """The body of an answer that has one, see `ask`."""
        body: Body = await self.ask(request)
        return body


def given(**fields: Any) -> Body:
    """A body of those fields that are given."""
    return {name: value for name, value in fields.items() if value is not None}
