"""The names of a session's transcripts, which their heads' sort keys bear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.errors import TooLarge
from turnlog.limits import PAYLOAD_LIMIT
from turnlog.records import transcripts
from turnlog.records.expressions import attribute
from turnlog.records.keys import TRANSCRIPT_PREFIX
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store


async def list_transcripts(store: Store, key: SessionKey) -> list[dict[str, Any]]:
    """What a list shows of each of the session's transcripts, sorted by name.

    Raises:
        NotFound: no such session.
        TooLarge: there are more than an answer holds.
        Unavailable: the table refused or did not answer.
    """
    session = await store.head(key)
    heads = {
        "KeyConditionExpression": "PK = :session AND begins_with(SK, :prefix)",
        "ExpressionAttributeValues": {
            ":session": attribute(key.partition),
            ":prefix": attribute(f"{session.key.first}{TRANSCRIPT_PREFIX}"),
        },
        "ConsistentRead": True,
    }
    found = [transcripts.from_item(item) async for item in store.query(heads)]
    shown = [
        {"name": head.key.name, "entry_count": head.length, "updated_at": head.updated_at}
        for head in found
        if head.live
    ]
    if len(dumps(shown)) > PAYLOAD_LIMIT:
        raise TooLarge(
            f"The names of {len(shown)} transcripts do not fit into an answer. Delete what is not needed."
        )
    return shown
