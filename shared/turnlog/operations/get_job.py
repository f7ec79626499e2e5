"""A job as it is now: one that is due is ended first. A read waits while nothing of the job changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.operations.look_at_job import look
from turnlog.store.doubt import tells_doubt
from turnlog.store.retry import RESERVE

if TYPE_CHECKING:
    from turnlog.records.jobs import Job
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store

_LOOKS = 1.0
"""Seconds between two looks at the table."""


@tells_doubt
async def get_job(
    store: Store, key: SessionKey, job_id: str, *, version: int | None = None, wait: int = 0
) -> Job:
    """A job.

    Args:
        version: wait while the job's version is this one.
        wait: so many seconds at the most.

    Raises:
        NotFound: no such session, or no such job of it.
        Unavailable: the table refused or did not answer.
    """
    # Counted by the waits, not by the clock: that may jump.
    left = min(float(wait), store.clock.remaining() - RESERVE)
    meant: SessionKey | GenerationKey = key
    while True:
        head, job = await look(store, meant, job_id)
        meant = head.key
        if job.moves != version or job.ended or left <= 0:
            return job
        await store.clock.sleep(min(_LOOKS, left))
        left -= _LOOKS
