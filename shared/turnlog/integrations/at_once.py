"""Many sessions looked at at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from turnlog.errors import NotFound, TurnlogError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from turnlog.models.answers import Session

    Json = dict[str, Any]

# How many of them.
_AT_ONCE = 8


async def found_of_each(
    sessions: Sequence[Session], work: Callable[[Session], Awaitable[Json]]
) -> list[Json]:
    """What is found of each session, in their order, without those of which there is nothing.

    Args:
        sessions: as the list of them shows them.
        work: finds it; raises `NotFound` where there is nothing.

    Raises:
        TurnlogError: the first that `work` raised, other than `NotFound`; the rest is not looked at then.
    """
    limiter = anyio.CapacityLimiter(_AT_ONCE)
    found: dict[int, Json] = {}
    failed: list[TurnlogError] = []

    async def one(at: int, session: Session) -> None:
        async with limiter:
            try:
                found[at] = await work(session)
            except NotFound:
                pass
            except TurnlogError as error:  # by itself, not in a group of those that were raised
                failed.append(error)
                tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for at, session in enumerate(sessions):
            tasks.start_soon(one, at, session)
    if failed:
        raise failed[0]
    return [found[at] for at in sorted(found)]
