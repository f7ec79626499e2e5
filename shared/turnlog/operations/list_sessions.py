"""A user's sessions, most recently changed first: one query of the index, one read of the exact count.

G3: `total` is the user's own counter. A page goes on behind the last session in the index, its time and
its id, so that equal times neither skip nor repeat one.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import Invalid
from turnlog.limits import PAYLOAD_LIMIT
from turnlog.records import head as heads
from turnlog.records.expressions import attribute
from turnlog.records.keys import check_user_id, user_item_key, user_partition
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from turnlog.records.item import Item
    from turnlog.store.store import Store

_MARK_SIZE = 6


class SessionPage(NamedTuple):
    """JSON of each session, how many the user has in all, and where the next page begins."""

    sessions: list[bytes]
    total: int
    next_cursor: str | None


async def list_sessions(
    store: Store, user_id: str, *, limit: int, cursor: str | None = None, offset: int = 0
) -> SessionPage:
    """A page of the user's sessions, without messages.

    Args:
        limit: at most this many.
        cursor: of the page before.
        offset: how many to skip from there; they are read, and paid for.

    Raises:
        Invalid: the cursor is not one of this user's list.
        Unavailable: the table refused or did not answer.
    """
    check_user_id(user_id)
    below = _parse_cursor(user_id, cursor) if cursor else None
    # One more than asked for tells whether there is a next page.
    items, cut = await _query(store, user_id, below, offset, offset + limit + 1)
    user = await store.read("GetItem", {"Key": user_item_key(user_id), "ConsistentRead": True})
    total = int(user.get("Item", {}).get("session_count", {"N": "0"})["N"])
    sessions: list[bytes] = []
    room = PAYLOAD_LIMIT
    for item in items[:limit]:
        encoded = dumps(heads.from_item(item).session())
        room -= payload_size(encoded)
        if room < 0:
            break
        sessions.append(encoded)
    more = cut or len(items) > len(sessions)
    next_cursor = _cursor(user_id, items[len(sessions) - 1]["GSI1SK"]["S"]) if more else None
    return SessionPage(sessions, total, next_cursor)


async def _query(
    store: Store, user_id: str, below: str | None, offset: int, wanted: int
) -> tuple[list[Item], bool]:
    query: dict[str, Any] = {
        "IndexName": "GSI1",
        "KeyConditionExpression": "GSI1PK = :user",
        "ExpressionAttributeValues": {":user": attribute(user_partition(user_id))},
        "ScanIndexForward": False,
        "Limit": wanted,
    }
    if below is not None:
        query["KeyConditionExpression"] += " AND GSI1SK < :below"
        query["ExpressionAttributeValues"][":below"] = attribute(below)
    items: list[Item] = []
    while True:
        page = await store.read("Query", query)
        items += page["Items"]
        more = "LastEvaluatedKey" in page
        # One Query is the list at one time; after a second one a session could be missing from the page.
        if not more or len(items) > offset:
            return items[offset:wanted], more
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _cursor(user_id: str, sort_key: str) -> str:
    return urlsafe_b64encode(_mark(user_id, sort_key) + sort_key.encode()).decode().rstrip("=")


def _parse_cursor(user_id: str, cursor: str) -> str:
    """The sort key in a cursor. Its mark is no secret: it finds mistakes; the key keeps users apart (G5)."""
    try:
        decoded = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        sort_key = decoded[_MARK_SIZE:].decode()
    except (binascii.Error, ValueError):
        decoded, sort_key = b"", ""
    if (
        not sort_key
        or decoded[:_MARK_SIZE] != _mark(user_id, sort_key)
        or _cursor(user_id, sort_key) != cursor
    ):
        raise Invalid.at("query", "cursor", msg="must be a next_cursor that this list gave")
    return sort_key


def _mark(user_id: str, sort_key: str) -> bytes:
    return blake2b(f"{user_id}\n{sort_key}".encode(), digest_size=_MARK_SIZE).digest()
