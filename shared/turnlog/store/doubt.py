"""G7: an operation that may have written something does not say that it wrote nothing.

| a write of the operation | then the operation fails with | and so it raises |
|---|---|---|
| none was sent, or each was surely refused | any error | that error |
| one was not answered | `Contended`, or a refusal such as `NotFound` | the `Unanswered` of that write |
| one was applied, a later step is missing | `Contended` | `Unavailable`: a part is written |

The last write without an answer may have been applied. Another may have changed or deleted since what it
wrote, so that the operation finds nothing of it; or it may be applied later.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from turnlog.errors import Contended, TurnlogError, Unanswered, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from turnlog.store.protocols import Table
    from turnlog.store.store import Store

P = ParamSpec("P")
T = TypeVar("T")

_WRITES = {"TransactWriteItems", "UpdateItem"}


class _WatchedTable:
    """A table that remembers what became of the writes of one operation.

    Attributes:
        unanswered: the error of the last write that was not answered.
        written: a write was applied.
    """

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.unanswered: Unanswered | None = None
        self.written = False
        self._table = table

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `protocols.Table`."""
        if operation not in _WRITES:
            return await self._table.request(operation, parameters)
        try:
            answer = await self._table.request(operation, parameters)
        except Unanswered as error:
            self.unanswered = error
            raise
        self.written = True
        return answer


def tells_doubt(
    operation: Callable[Concatenate[Store, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Store, P], Coroutine[Any, Any, T]]:
    """An operation with the errors of this module's table."""

    @wraps(operation)
    async def told(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        table = _WatchedTable(store.table)
        try:
            return await operation(store._replace(table=table), *args, **kwargs)
        except Exception as error:
            # An error that is no TurnlogError is a refusal of AWS. It says nothing of earlier tries, either.
            refused = not isinstance(error, TurnlogError) or (
                not isinstance(error, Unavailable) and error.status < TurnlogError.status
            )
            if table.unanswered and (refused or isinstance(error, Contended)):
                raise table.unanswered from error
            if table.written and isinstance(error, Contended):
                raise Unavailable("A part is written. Send the same request again to finish it.") from error
            raise

    return told
