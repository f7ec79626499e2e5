"""G6: one message, from wherever it lies, under the head that the table has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NotFound
from turnlog.operations.read_session import load
from turnlog.store.store import LogMoved

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store


async def get_message(store: Store, key: SessionKey, sequence: int) -> bytes:
    """JSON of the message at a sequence.

    Raises:
        NotFound: no such session, or no such message.
        Unavailable: the table refused or did not answer.
    """
    head = await store.head(key)
    while sequence < head.message_count:
        try:
            (stored,) = await load(store, head, sequence, sequence + 1)
        except LogMoved as moved:
            head = moved.head
        else:
            return stored.json
    raise no_message()


def no_message() -> NotFound:
    """The answer for a sequence at which the session has no message."""
    return NotFound("There is no such message: the session ends before this sequence.")
