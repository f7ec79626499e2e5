"""A session's files, in the order in which they were promised; the bodies of requests are in no list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.records import files
from turnlog.records.expressions import attribute
from turnlog.records.keys import BODY_ID, FILE_PREFIX, FileKey
from turnlog.store.files import file_bucket

if TYPE_CHECKING:
    from turnlog.records.files import File
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store


async def list_files(
    store: Store, key: SessionKey, *, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of what a list shows of files, and the id behind which the next page begins, if there is one.

    Args:
        after: only files behind this one.
        limit: at most so many.

    Raises:
        FilesOff: there is no bucket.
        NotFound: no such session.
        Unavailable: the table or the bucket refused or did not answer.
    """
    bucket = file_bucket(store)
    session = await store.head(key)
    prefix = f"{session.key.first}{FILE_PREFIX}"
    if after and after >= BODY_ID:
        return [], None
    query = {
        "KeyConditionExpression": "PK = :session AND SK BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":session": attribute(key.partition),
            # `!` sorts before each digit of an id.
            ":first": attribute(f"{FileKey(session.key, after).item['SK']['S']}!" if after else prefix),
            ":last": attribute(f"{prefix}{BODY_ID}"),
        },
        "ConsistentRead": True,
        "Limit": limit + 1,
    }
    found: list[File] = []
    async for item in store.query(query):
        found.append(files.from_item(item))
        if len(found) > limit:
            break
    shown = [
        {**file.shown(), "uploaded": await store.repeated(lambda: bucket.has(file.key.object_key))}  # noqa: B023 (called at once)
        for file in found[:limit]
    ]
    return shown, shown[-1]["file_id"] if len(found) > limit else None
