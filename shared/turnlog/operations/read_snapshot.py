"""What a stream says so far, and the cursor behind which it goes on, for readers that come late."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import TooLarge
from turnlog.limits import EVENTS_PAGE, PAYLOAD_LIMIT
from turnlog.records.streams import cursor_of
from turnlog.store.stream_cache import cached
from turnlog.store.stream_reader import read_durable, read_newest
from turnlog.store.streams import look
from turnlog.streams.joining import Joined
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store


class Snapshot(NamedTuple):
    """What a stream says so far.

    Attributes:
        events: JSON of each, of which the deltas of a group are one.
        cursor: behind all of them.
        message_id: of the message that the stream says.
    """

    events: list[bytes]
    cursor: str
    message_id: str


async def read_snapshot(store: Store, key: SessionKey, stream_id: str) -> Snapshot:
    """What a stream says so far.

    Raises:
        NotFound: no such session, or no such stream of it.
        Resync: it has ended, and its events are kept no longer.
        TooLarge: no answer holds it.
        Unavailable: the table refused or did not answer.
    """
    _, stream = await look(store, key, stream_id)
    at, _ = cursor_of(stream, None)
    joined = Joined()
    while at.seq < stream.durable_seq:
        found = await read_durable(store, stream, at, EVENTS_PAGE)
        joined.add(_read(event) for _, event in found.events)
        at = found.at
    if stream.open:  # what is in the cache alone
        found = await read_newest(store, stream, cached(store, stream.key), at, EVENTS_PAGE)
        joined.add(_read(event) for _, event in found.events)
        at = found.at
    events = [dumps(event) for event in joined.events()]
    if (size := sum(map(payload_size, events))) > PAYLOAD_LIMIT and not store.in_process:
        raise TooLarge(
            f"What the stream says takes {size} bytes in the answer, which holds {PAYLOAD_LIMIT}. Read its"
            " events page by page (GET …/events)."
        )
    return Snapshot(events, at.text(stream.key), stream.message_id)


def _read(event: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(event)
    return read
