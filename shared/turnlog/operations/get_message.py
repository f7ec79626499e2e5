"""G6: one message, from wherever it lies, under the head that the table has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.operations.read_session import check_alone, load
from turnlog.store.large import goes_apart, referred, whole
from turnlog.store.store import LogMoved, no_message

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store


async def get_message(store: Store, key: SessionKey, sequence: int) -> bytes:
    """JSON of the message at a sequence; of one that no answer holds see `large.referred`.

    Raises:
        NotFound: no such session, or no such message.
        TooLarge: no answer holds it.
        Unavailable: the table or the bucket did not answer.
    """
    head = await store.head(key)
    while sequence < head.message_count:
        try:
            (stored,) = await load(store, head, sequence, sequence + 1)
            if goes_apart(store, stored):
                return await referred(store, stored)
            check_alone(store, stored, first=True)
            return (await whole(store, head, stored)).json
        except LogMoved as moved:
            head = moved.head
    raise no_message()
