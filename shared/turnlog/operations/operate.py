"""What an operator asks for: to drop a cached copy, and whether the parts answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.records.keys import user_item_key

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store


async def drop_cache(store: Store, key: SessionKey) -> None:
    """Drop the cached copy of a session, if there is one and the cache answers; a draft stays.

    Raises:
        NotFound: no such session.
        Unavailable: the table refused or did not answer.
    """
    await store.cache.forget(await store.head(key))


async def check_health(store: Store) -> dict[str, str]:
    """Read the table and ping the cache.

    Raises:
        Unavailable: the table refused or did not answer.
    """
    # Any key will do: what is asked is whether the table answers.
    await store.read("GetItem", {"Key": user_item_key("health"), "ConsistentRead": True})
    return {"status": "ok", "table": "ok", "cache": await store.cache.state()}
