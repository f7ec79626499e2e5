"""G6, G8: a read takes the head from the table and the history from wherever it lies.

The head says which messages there are and how often one was edited; the cache is asked for just those, under
just that edit count, and the table for what the cache lacks. So a warm read is one GetItem and one round trip
to the cache, and an unchanged session is the GetItem alone. Where a rewind comes between the two looks, the
read begins again at the head that it left: an answer is of one head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import TooLarge
from turnlog.limits import PAYLOAD_LIMIT
from turnlog.records.messages import from_cache
from turnlog.store.large import goes_apart, referred, whole
from turnlog.store.store import LogMoved
from turnlog.wire import payload_size

if TYPE_CHECKING:
    from turnlog.records.head import Head
    from turnlog.records.messages import Stored
    from turnlog.store.store import Store

# Sixteen messages are 16 MB at the most.
_FIRST_STEP = 16
_STEP_FACTOR = 4
_LONGEST_STEP = 1_000
# What is sent to the cache is in memory three times.
_KEPT_AT_ONCE = 256
# What is answered of an item: most of the work of a cold read is to parse them.
_SHOWN = ("SK", "data", "parts", "crc", "epoch", "size", "shell", "object")


class Page(NamedTuple):
    """Messages in ascending order.

    Attributes:
        head: of whose log they are.
        messages: JSON of them, with commas between: a large block goes back to the system when it is let
            go, as thousands of small ones do not.
        length: how many messages they are.
        first: the sequence of the first, if there is one.
        has_more: whether there are more on the side to which the page was read.
    """

    head: Head
    messages: bytes
    length: int
    first: int
    has_more: bool

    def bounds(self) -> dict[str, Any]:
        """What the page says of itself; its sequences are None when it is empty."""
        return {
            "has_more": self.has_more,
            "oldest_sequence": self.first if self.length else None,
            "newest_sequence": self.first + self.length - 1 if self.length else None,
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
        joined = await _fitting(store, head, range(end - 1, start - 1, -1))
    except LogMoved as moved:
        return await newest(store, moved.head, before=before, limit=limit)
    first = end - joined.length
    return Page(head, joined.messages, joined.length, first, has_more=first > 0)


async def following(store: Store, head: Head, *, after: int, before: int | None, limit: int) -> Page:
    """The oldest messages between `after` and `before` that fit into an answer, at most `limit`.

    Raises:
        NotFound: the session was deleted meanwhile.
        Unavailable: the table refused or did not answer.
    """
    end = head.message_count if before is None else min(before, head.message_count)
    first = min(after + 1, end)
    try:
        joined = await _fitting(store, head, range(first, min(first + limit, end)))
    except LogMoved as moved:
        return await following(store, moved.head, after=after, before=before, limit=limit)
    return Page(head, joined.messages, joined.length, first, has_more=first + joined.length < end)


async def load(store: Store, head: Head, first: int, end: int) -> list[Stored]:
    """The messages first..end-1, from the cache and, for what it lacks, from the table.

    Of large ones the objects are not read, see `store.large.whole`.

    Raises:
        NotFound: the session was deleted meanwhile.
        LogMoved: it was rewound meanwhile.
        Unavailable: the table refused or did not answer.
    """
    cached = await store.cache.messages(head, first, end)
    loaded = {
        sequence: message
        for sequence, value in enumerate(cached, first)
        if value and (message := from_cache(sequence, value, head.key))
    }
    missing = [sequence for sequence in range(first, end) if sequence not in loaded]
    if missing:
        read = await store.messages(head, missing[0], missing[-1] + 1, *_SHOWN)
        loaded |= {sequence: read[sequence] for sequence in missing}
        for at in range(0, len(missing), _KEPT_AT_ONCE):
            kept = [read[sequence] for sequence in missing[at : at + _KEPT_AT_ONCE]]
            await store.cache.keep(head, kept)
    return [loaded[sequence] for sequence in range(first, end)]


def no_answer_holds(at: int, size: int, room: int = PAYLOAD_LIMIT) -> TooLarge:
    """The answer where one message alone is more than `room`, as which it is shown here."""
    return TooLarge(
        f"Message {at} takes {size} bytes in an answer, which holds {room}. With a bucket (TURNLOG_BUCKET)"
        " its export lies there. A program that works on the table reads it too (Turnlog or AsyncTurnlog with"
        f" TURNLOG_TABLE). To pass over it, read with before={at}; a page of messages also with after={at}.",
        extra={"sequence": at},
    )


def check_alone(store: Store, message: Stored, *, first: bool) -> None:
    """Refuse an answer's first message if no answer holds it, unless a program in this process asks.

    Raises:
        TooLarge: no answer holds it.
    """
    if first and message.size > PAYLOAD_LIMIT and not store.in_process:
        raise no_answer_holds(message.sequence, message.size)


class _Joined:
    """Messages that have been taken into an answer, as long as they fit.

    Attributes:
        messages: JSON of them, ascending, with commas between.
        length: how many they are.
        room: bytes that are left in the answer; negative once a message did not fit.
    """

    def __init__(self, *, upwards: bool, whole: bool) -> None:
        self.messages = b""
        self.length = 0
        self.room = PAYLOAD_LIMIT
        self._upwards = upwards
        self._whole = whole

    async def take(self, store: Store, head: Head, read: list[Stored]) -> None:
        """Take the last of these, then the one before it, and so on. What is taken is let go there.

        What does not fit is not unpacked, where its size is known, nor read from the bucket.

        Raises:
            TooLarge: the first one does not fit into an answer alone.
        """
        fitting: list[bytes] = []
        while read and self.room >= 0:
            message = read.pop()
            encoded = b""
            size = message.size
            if goes_apart(store, message):
                # Its client reads it whole. So it ends the page: else a page would name any number of them.
                encoded = await referred(store, message)
                if payload_size(encoded) <= self.room:
                    fitting.append(encoded)
                self.room -= size
                continue
            if not size or size <= self.room:
                encoded = (await whole(store, head, message)).json
                size = 0 if self._whole else payload_size(encoded)
            self.room -= size
            if self.room < 0 and not self.length and not fitting:
                if not store.in_process:
                    raise no_answer_holds(message.sequence, size)
                fitting.append((await whole(store, head, message)).json)
            elif self.room >= 0:
                fitting.append(encoded)
        self.length += len(fitting)
        run = b",".join(fitting if self._upwards else fitting[::-1])
        self.messages = b",".join(
            filter(None, (self.messages, run) if self._upwards else (run, self.messages))
        )

    def likely(self) -> int:
        """How many more fit if they are like these."""
        return self.room * self.length // max(1, PAYLOAD_LIMIT - self.room)


async def _fitting(store: Store, head: Head, wanted: range) -> _Joined:
    """The first of the wanted messages that fit into an answer.

    A log that fits as a whole is read at once. Of a longer one the first few, then more each time, so that
    no more is held than an answer's size times a small number, whatever the sizes of the messages. What is
    packed is let go as it is unpacked, and what is unpacked as it is joined.
    """
    whole, upwards = head.log_size <= PAYLOAD_LIMIT, wanted.step > 0
    joined = _Joined(upwards=upwards, whole=whole)
    step = len(wanted) if whole else _FIRST_STEP
    while wanted and joined.room >= 0:
        sequences, wanted = wanted[:step], wanted[step:]
        read = await load(store, head, min(sequences), max(sequences) + 1)
        if upwards:
            read.reverse()
        await joined.take(store, head, read)
        step = min(step * _STEP_FACTOR, joined.likely() + _FIRST_STEP, _LONGEST_STEP)
    return joined
