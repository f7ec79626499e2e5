"""A session's jobs, the newest first: one query of the index by time, and one read of each job.

The index may be some milliseconds behind. What it names is read from the table, and a job that is due is
ended first: so each is answered as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from turnlog.errors import Invalid, NotFound
from turnlog.limits import JOBS_PAGE, PAYLOAD_LIMIT
from turnlog.operations.look_at_job import current
from turnlog.records.expressions import attribute
from turnlog.records.keys import JOB_ID_PATTERN, jobs_partition, parse_job
from turnlog.store.doubt import tells_doubt
from turnlog.store.jobs import find_job, shown
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from turnlog.records.jobs import Job
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store

_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"


@tells_doubt
async def list_jobs(
    store: Store, key: SessionKey, *, state: str | None = None, limit: int, cursor: str | None = None
) -> tuple[list[bytes], str | None]:
    """JSON of each job of a page, and where the next page begins, if there is one.

    A page ends early where an answer is full, or where it has looked at a hundred jobs.

    Args:
        state: only jobs in this state.
        limit: at most so many.
        cursor: of the page before.

    Raises:
        NotFound: no such session.
        Invalid: the cursor is none of such a list.
        Unavailable: the table refused or did not answer.
    """
    head = await store.head(key)
    query: dict[str, Any] = {
        "IndexName": "GSI1",
        "KeyConditionExpression": "GSI1PK = :jobs",
        "ExpressionAttributeValues": {":jobs": attribute(jobs_partition(head.key))},
        "ScanIndexForward": False,
        "Limit": JOBS_PAGE if state else limit + 1,  # one more tells whether there is a next page
    }
    if cursor is not None:
        query["KeyConditionExpression"] += " AND GSI1SK < :below"
        query["ExpressionAttributeValues"][":below"] = attribute(_checked(cursor))
    page = await store.read("Query", query)
    found: list[bytes] = []
    below, room = None, PAYLOAD_LIMIT
    for item in page["Items"]:
        if len(found) == limit:
            return found, below
        job = await find_job(store, parse_job(item))
        job = job and await current(store, head, job)
        if job and state in {None, job.state} and (encoded := await _encoded(store, job)):
            room -= payload_size(encoded)
            if found and room < 0:
                return found, below
            found.append(encoded)
        below = item["GSI1SK"]["S"]
    return found, below if "LastEvaluatedKey" in page else None


async def _encoded(store: Store, job: Job) -> bytes | None:
    """JSON of a job; None if it was forgotten since it was read, and its result with it."""
    try:
        return dumps(await shown(store, job))
    except NotFound:
        return None


def _checked(cursor: str) -> str:
    """The sort key that a cursor is. It says nothing of other sessions: those have another partition (G5).

    Raises:
        Invalid: it is none.
    """
    created_at, _, job_id = cursor.partition("#")
    if not re.fullmatch(_TIME, created_at, re.ASCII) or not re.fullmatch(JOB_ID_PATTERN, job_id):
        raise Invalid.at("query", "cursor", msg="must be a next_cursor that this list gave")
    return cursor
