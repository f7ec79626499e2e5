"""G10: what nobody looks at ends, too: the sweep finds what is due in the index, and looks at it.

The index holds jobs that have not ended, by when they are due, in a few partitions. What the sweep does
not finish it finds again. So no job may take the time of all others: one that cannot be ended within seconds,
because its session is too busy, is left to the next sweep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TurnlogError
from turnlog.limits import DUE_SHARDS
from turnlog.operations.look_at_job import look
from turnlog.records.expressions import attribute
from turnlog.records.keys import due_partition, parse_job
from turnlog.store.retry import RESERVE

if TYPE_CHECKING:
    from datetime import datetime

    from turnlog.store.protocols import Clock
    from turnlog.store.store import Store

_EACH = RESERVE + 1.0
"""Seconds that one job may take. The last try is begun `RESERVE` before they are over."""


class _Shorter:
    """A clock by which less time is left.

    Args:
        clock: that of the sweep.
        seconds: how much is left at the most, from now on.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._kept = max(0.0, clock.remaining() - seconds)

    def now(self) -> datetime:
        """See `turnlog.store.protocols.Clock`."""
        return self._clock.now()

    def remaining(self) -> float:
        """See `turnlog.store.protocols.Clock`."""
        return self._clock.remaining() - self._kept

    async def sleep(self, seconds: float) -> None:
        """See `turnlog.store.protocols.Clock`."""
        await self._clock.sleep(seconds)

    def random(self) -> float:
        """See `turnlog.store.protocols.Clock`."""
        return self._clock.random()

    def token(self) -> bytes:
        """See `turnlog.store.protocols.Clock`."""
        return self._clock.token()


async def sweep_jobs(store: Store) -> int:
    """End the jobs that are due, as long as there is time; how many could not be.

    Where the time is over, those that were not looked at count as one.

    Raises:
        Unavailable: the index refused or did not answer.
    """
    failed = 0
    for shard in range(DUE_SHARDS):
        query = {
            "IndexName": "GSI2",
            "KeyConditionExpression": "GSI2PK = :shard AND due_at < :now",
            "ExpressionAttributeValues": {
                ":shard": attribute(due_partition(shard)),
                ":now": attribute(store.now()),
            },
        }
        async for item in store.query(query):
            if store.clock.remaining() < RESERVE:
                return failed + 1
            key = parse_job(item)
            try:
                await look(store._replace(clock=_Shorter(store.clock, _EACH)), key.session, key.job_id)
            except NotFound:
                pass  # it goes with its session
            except TurnlogError:
                failed += 1
    return failed
