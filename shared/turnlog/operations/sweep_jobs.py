"""G10: what nobody looks at ends, too: the sweep finds what is due in the index, and looks at it.

The index holds jobs that have not ended, by when they are due, in a few partitions. What the sweep does
not finish it finds again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound, TurnlogError
from turnlog.limits import DUE_SHARDS
from turnlog.operations.end_job import look
from turnlog.records.expressions import attribute
from turnlog.records.keys import due_partition, parse_job

if TYPE_CHECKING:
    from turnlog.store.store import Store


async def sweep_jobs(store: Store) -> int:
    """End the jobs that are due; how many could not be looked at.

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
            key = parse_job(item)
            try:
                await look(store, key.session, key.job_id)
            except NotFound:
                pass  # it goes with its session
            except TurnlogError:
                failed += 1
    return failed
