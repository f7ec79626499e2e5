"""A turn in progress: in the cache alone, with its time to live, never in the table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turnlog.errors import NotFound, TooLarge, Unavailable
from turnlog.limits import DRAFT_LIMIT
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


async def put_draft(store: Store, key: SessionKey, new: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Keep a turn in progress: `{"messages": […], "updated_at": …}`.

    Raises:
        NotFound: no such session.
        TooLarge: the draft.
        Unavailable: there is no cache, or it does not answer.
    """
    head = await store.head(key)
    draft = {"messages": list(new), "updated_at": store.now()}
    encoded = dumps(draft)
    if (size := payload_size(encoded)) > DRAFT_LIMIT:
        raise TooLarge(f"A draft is at most {DRAFT_LIMIT} bytes in an answer; this one has {size}.")
    await store.cache.put_draft(head.key, encoded)
    return draft


async def get_draft(store: Store, key: SessionKey) -> dict[str, Any]:
    """The turn in progress.

    Raises:
        NotFound: no such session, or no draft of it.
        Unavailable: there is no cache, or it does not answer.
    """
    head = await store.head(key)
    draft = await store.cache.draft(head.key)
    if draft is None:
        raise NotFound("There is no draft.")
    found: dict[str, Any] = json.loads(draft)
    return found


async def draft_beside(store: Store, key: GenerationKey) -> dict[str, Any] | None:
    """The turn in progress, to be shown beside the session; None also when the cache cannot tell."""
    try:
        draft = await store.cache.draft(key)
    except Unavailable:
        return None
    return json.loads(draft) if draft else None


async def delete_draft(store: Store, key: SessionKey) -> None:
    """Drop the turn in progress; it need not be there.

    Raises:
        NotFound: no such session.
        Unavailable: there is no cache, or it does not answer.
    """
    head = await store.head(key)
    await store.cache.delete_draft(head.key)
