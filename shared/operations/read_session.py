"""G6, G8: a read takes the head from the table and the history from wherever it lies.

The head says which messages there are and how often one was edited; the cache is asked for just those, under
just that edit count, and the table for what the cache lacks. So a warm read is one GetItem and one round trip
to the cache, and an unchanged session is the GetItem alone. Where a rewind comes between the two looks, the
read begins again at the head that it left: an answer is of one head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import LogMoved
from shared.limits import PAYLOAD_LIMIT
from shared.messages import Stored
from shared.wire import payload_size

if TYPE_CHECKING:
    from shared.head import Head
    from shared.store import Store

# Sixteen messages are 16 MB at the most.
_FIRST_STEP = 16
_STEP_FACTOR = 4


class Page(NamedTuple):
    """Messages in ascending order.

    Attributes:
        head: of whose log they are.
        messages: JSON of each.
        first: the sequence of the first, if there is one.
        has_more: whether there are more on the side to which the page was read.
    """

    head: Head
    messages: list[bytes]
    first: int
    has_more: bool

    def bounds(self) -> dict[str, Any]:
        """What the page says of itself; its sequences are None when it is empty."""
        last = self.first + len(self.messages) - 1
        return {
            "has_more": self.has_more,
            "oldest_sequence": self.first if self.messages else None,
            "newest_sequence": last if self.messages else None,
        }


async def newest(store: Store, head: Head, *, before: int | None = None, limit: int | None = None) -> Page:
    """The newest messages that fit into an answer, at most `limit`, with sequences under `before`.

    Raises:
        NotFound: the session was deleted meanwhile.
        Unavailable: the table refused or did not answer.
    """
    end = head.message_count if before is None else min(before, head.message_count)
    start = 0 if limit is None else max(0, end - limit)
    try:
        messages = await _fitting(store, head, range(end - 1, start - 1, -1))
    except LogMoved as moved:
        return await newest(store, moved.head, before=before, limit=limit)
    messages.reverse()
    first = end - len(messages)
    return Page(head, messages, first, has_more=first > 0)


async def following(store: Store, head: Head, *, after: int, before: int | None, limit: int) -> Page:
    """The oldest messages between `after` and `before` that fit into an answer, at most `limit`.

    Raises:
        NotFound: the session was deleted meanwhile.
        Unavailable: the table refused or did not answer.
    """
    end = head.message_count if before is None else min(before, head.message_count)
    first = min(after + 1, end)
    try:
        messages = await _fitting(store, head, range(first, min(first + limit, end)))
    except LogMoved as moved:
        return await following(store, moved.head, after=after, before=before, limit=limit)
    return Page(head, messages, first, has_more=first + len(messages) < end)


async def load(store: Store, head: Head, first: int, end: int) -> list[Stored]:
    """The messages first..end-1, from the cache and, for what it lacks, from the table.

    Raises:
        NotFound: the session was deleted meanwhile.
        LogMoved: it was rewound meanwhile.
        Unavailable: the table refused or did not answer.
    """
    blobs = await store.cache.messages(head, first, end)
    found = {
        sequence: Stored(sequence, blob) for sequence, blob in enumerate(blobs, first) if blob is not None
    }
    missing = [sequence for sequence in range(first, end) if sequence not in found]
    if missing:
        read = await store.messages(head, missing[0], missing[-1] + 1)
        await store.cache.keep(head, {sequence: read[sequence].blob for sequence in missing})
        found |= read
    return [found[sequence] for sequence in range(first, end)]


async def _fitting(store: Store, head: Head, wanted: range) -> list[bytes]:
    """JSON of the wanted messages, in their order, as long as they fit into an answer.

    A log that fits as a whole is read at once. Of a longer one the first few, then more each time, so that
    no more is held than an answer's size times a small number, whatever the sizes of the messages.
    """
    fitting: list[bytes] = []
    used = 0
    whole = head.log_size <= PAYLOAD_LIMIT
    step = len(wanted) if whole else _FIRST_STEP
    while wanted:
        sequences, wanted = wanted[:step], wanted[step:]
        read = await load(store, head, min(sequences), max(sequences) + 1)
        for message in read if wanted.step > 0 else reversed(read):
            encoded = message.json
            if not whole and (used := used + payload_size(encoded)) > PAYLOAD_LIMIT:
                return fitting
            fitting.append(encoded)
        # As many as fit if the others are like these.
        likely = (PAYLOAD_LIMIT - used) * len(fitting) // max(1, used)
        step = min(step * _STEP_FACTOR, likely + _FIRST_STEP)
    return fitting
