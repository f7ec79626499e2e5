"""G6, G9: the newest events of a stream lie in the cache, until they are in the table.

Per stream there is a hash that says how far it is, and a Valkey stream with the events, whose entries bear
the events' numbers. Both lie in the session's slot. One script appends a batch, so that it is appended as a
whole, once, in its place, by who owns the stream:

| answer | the hash | the batch |
|---|---|---|
| `OK` | has its epoch, and the event before it | is appended |
| `DUP` | has its last event | is there already |
| `GAP` | lacks the event before it | is refused |
| `FULL` | has as many bytes as may be in the cache alone | is for the table |
| `LOST` | is not there, has another epoch, or says that the stream has ended | is for the table to decide |

A cache may evict one of the two keys. So the hash is believed only where the stream has as many events as it
says: else that is `LOST` too.

What the cache says is never the last word. An event is with readers for good when it is in the table: until
then its producer keeps it, and sends it again where the cache has lost it. A reader takes from the cache what
comes behind the last event in the table, and only where the hash bears the epoch that the table names. That
it is the hash of this stream its checksum tells, which covers all but what the script counts.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from turnlog.limits import EVENTS_LIMIT, EVENTS_PAGE, MAX_EVENTS
from turnlog.records.streams import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.keys import SessionKey, StreamKey
    from turnlog.records.streams import Stream
    from turnlog.store.protocols import Command
    from turnlog.store.store import Store

_OPEN_SECONDS = 3_600
_ENDED_SECONDS = 600
_CRC_SIZE = 4
_DIGITS = 16
_MOST_BYTES = EVENTS_LIMIT + _CRC_SIZE * MAX_EVENTS  # that may be in the cache alone: a batch always may
_MOST_EVENTS = EVENTS_LIMIT // 10  # none is shorter than that

APPEND = """
local m = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'ended', 'base', 'sum', 'cancel', 'bytes', 'at', 'gen')
local epoch, seq, base = tonumber(m[1]), tonumber(m[2]), tonumber(m[4])
if not epoch or not seq or not base or m[3] or epoch ~= tonumber(ARGV[1]) then return {'LOST'} end
if redis.call('XLEN', KEYS[2]) < seq - base then return {'LOST'} end
local first, last = tonumber(ARGV[2]), tonumber(ARGV[2]) + #ARGV - 5
local word = 'OK'
if first > seq + 1 then return {'GAP', seq + 1} end
if last <= seq then word = 'DUP' end
local bytes = tonumber(m[7]) or 0
for i = seq + 1, last do bytes = bytes + #ARGV[5 + i - first] end
if last > seq and bytes > tonumber(ARGV[4]) then return {'FULL'} end
for i = seq + 1, last do redis.call('XADD', KEYS[2], i .. '-0', 'e', ARGV[5 + i - first]) end
if last > seq then seq = last end
redis.call('HSET', KEYS[1], 'seq', seq, 'bytes', bytes)
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return {word, seq, m[4] or '', m[5] or '', m[6] or '', bytes, m[8] or '', m[9] or ''}
"""

READ = """
local m = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'ended', 'base', 'sum', 'cancel', 'bytes', 'at', 'gen')
if not m[1] or not m[2] then return {'LOST'} end
local found = {}
local from = tonumber(ARGV[1]) or tonumber(m[4]) or 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], from + 1 .. '-0', '+', 'COUNT', ARGV[2])) do
  found[#found + 1] = entry[1]
  found[#found + 1] = entry[2][2]
end
return {'OK', m[1], m[2], m[4] or '', m[5] or '', m[3] or '', m[9] or '', m[8] or '', found}
"""

RESET = """
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch'))
if epoch and epoch > tonumber(ARGV[1]) then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', ARGV[2], 'base', ARGV[2], 'sum', ARGV[3], 'at', ARGV[4],
  'bytes', 0, 'gen', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'cancel', ARGV[6]) end
redis.call('EXPIRE', KEYS[1], ARGV[7])
return 1
"""

MARK = """
local m = redis.call('HMGET', KEYS[1], 'epoch', 'base', 'bytes')
if tonumber(m[1]) ~= tonumber(ARGV[1]) then return 0 end
if ARGV[2] == 'base' then
  if tonumber(m[2]) and tonumber(m[2]) >= tonumber(ARGV[3]) then return 0 end
  redis.call('HSET', KEYS[1], 'base', ARGV[3], 'sum', ARGV[4], 'at', ARGV[5], 'bytes', 0)
  redis.call('XTRIM', KEYS[2], 'MINID', (tonumber(m[2]) or 0) + 1 .. '-0')
else
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  if ARGV[2] == 'ended' then
    redis.call('EXPIRE', KEYS[1], ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[4])
  end
end
return 1
"""


class Held(NamedTuple):
    """What the cache says of a stream after an append.

    Attributes:
        word: `OK`, `DUP`, `GAP`, `FULL` or `LOST`.
        seq: the number of the last event; after a gap, of the one that is due.
        base: of the last event that was in the table.
        cancel: JSON text of who asked to cancel the stream; empty: nobody did.
        bytes: of the events behind `base`.
        at: seconds since the epoch at which `base` was moved.
        generation: of the session, as the cache has it.
    """

    word: str
    seq: int = 0
    base: int = 0
    cancel: str = ""
    bytes: int = 0
    at: int = 0
    generation: int = 0


class Tail(NamedTuple):
    """The events that are in the cache alone.

    Attributes:
        generation: of the session, as the cache has it.
        segment: the events, as far as they follow on what was in the table.
        whole: they are all that the cache was given.
        at: seconds since the epoch at which the last one was in the table.
    """

    generation: int
    segment: Segment
    whole: bool
    at: int


class StreamCache:
    """The newest events of one stream.

    Args:
        store: with the cache.
        key: of the session.
        stream_id: of the stream.
    """

    def __init__(self, store: Store, key: SessionKey, stream_id: str) -> None:
        self._cache = store.cache
        name = quote(stream_id, safe="")  # so that no two of a session and a stream have one name
        self._name = f"turnlog:{{{key.partition}}}:stream:{name}"
        self._events = f"turnlog:{{{key.partition}}}:events:{name}"
        self._clock = store.clock

    @property
    def there(self) -> bool:
        """Whether there is a cache."""
        return self._cache.there

    async def append(
        self, epoch: int, first: int, events: Sequence[bytes], *, durable: bool = False
    ) -> Held | None:
        """Append a batch; None: the cache does not answer, and may have done it.

        Args:
            durable: it is in the table already, so that there is room for it in any case.
        """
        sealed = [self._seal(epoch, at, event) for at, event in enumerate(events, first)]
        most = 3 * _MOST_BYTES if durable else _MOST_BYTES
        reply = await self._ask(APPEND, epoch, first, _OPEN_SECONDS, most, *sealed)
        if not isinstance(reply, list) or not reply:
            return None
        word, *rest = reply
        if word == b"GAP":
            return Held("GAP", seq=int(rest[0]))
        if word not in {b"OK", b"DUP"}:
            return Held("FULL" if word == b"FULL" else "LOST")
        seq, base, total, cancel, size, at, generation = rest
        held = Held(
            word.decode(),
            seq=_number(seq),
            base=_number(base),
            cancel=cancel.decode("utf-8", "replace"),
            bytes=_number(size),
            at=_number(at),
            generation=_number(generation),
        )
        return held if total == self._sum(epoch, held.base, held.generation) else Held("LOST")

    async def behind(self, stream: Stream, seq: int, limit: int = EVENTS_PAGE) -> Segment | None:
        """The events of the stream's epoch behind this number; None: what the table says has to do.

        Args:
            stream: as the table has it.
            seq: a number that is in the table, or that was read from the cache.
            limit: at most so many.
        """
        found = await self._read(stream.epoch, seq, limit)
        if found is None or found.generation != stream.key.session.generation:
            return None
        return found.segment if found.segment.events or found.whole else None

    async def tail(self, epoch: int) -> Tail | None:
        """The events that are in the cache alone; None: it has lost the stream, or does not answer."""
        return await self._read(epoch, None, _MOST_EVENTS)

    async def _read(self, epoch: int, seq: int | None, limit: int) -> Tail | None:
        reply = await self._ask(READ, "" if seq is None else seq, limit)
        if not isinstance(reply, list) or len(reply) < 9:  # noqa: PLR2004
            return None
        _, its_epoch, its_seq, its_base, total, ended, its_generation, at_, found = reply
        base, generation = _number(its_base), _number(its_generation)
        if ended or _number(its_epoch) != epoch:
            return None
        if total != self._sum(epoch, base, generation):
            return None
        first = (base if seq is None else seq) + 1
        events: list[bytes] = []
        size = 0
        for at, (name, sealed) in enumerate(zip(found[::2], found[1::2], strict=True), first):
            event = self._unsealed(epoch, at, sealed) if name == b"%d-0" % at else None
            size += len(event or b"")
            if event is None or size > 2 * _MOST_BYTES:
                break  # what comes behind it does not follow; so many bytes nobody has put there
            events.append(event)
        segment = Segment(epoch, first, events)
        return Tail(generation, segment, 0 <= _number(its_seq) <= segment.last, _number(at_))

    async def reset(self, stream: Stream) -> None:
        """Begin behind what the table has, unless the cache is of a later epoch."""
        base, generation = stream.durable_seq, stream.key.session.generation
        await self._ask(
            RESET,
            stream.epoch,
            base,
            self._sum(stream.epoch, base, generation),
            self._now(),
            generation,
            stream.cancel or "",
            _OPEN_SECONDS,
        )

    async def moved(self, epoch: int, base: int, generation: int) -> None:
        """The events up to this number are in the table."""
        await self._ask(MARK, epoch, "base", base, self._sum(epoch, base, generation), self._now())

    async def ended(self, epoch: int) -> None:
        """Nothing more is appended: whoever waits looks at the table."""
        await self._ask(MARK, epoch, "ended", 1, _ENDED_SECONDS)

    async def cancelled(self, epoch: int, cancel: str) -> None:
        """The producer is to be told with its next append."""
        await self._ask(MARK, epoch, "cancel", cancel)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    async def _ask(self, script: str, *arguments: str | bytes | int) -> Any:
        command: Command = ("EVAL", script, 2, self._name, self._events, *arguments)
        replies = await self._cache.ask(command)
        return replies[0] if replies else None

    def _sum(self, epoch: int, base: int, generation: int) -> bytes:
        return b"%d" % zlib.crc32(f"{self._name}:{epoch}:{base}:{generation}".encode())

    def _seal(self, epoch: int, seq: int, event: bytes) -> bytes:
        return self._checksum(epoch, seq, event) + event

    def _unsealed(self, epoch: int, seq: int, sealed: Any) -> bytes | None:
        if not isinstance(sealed, bytes):
            return None
        event = sealed[_CRC_SIZE:]
        return event if sealed[:_CRC_SIZE] == self._checksum(epoch, seq, event) else None

    def _checksum(self, epoch: int, seq: int, event: bytes) -> bytes:
        name = zlib.crc32(f"{self._name}:{epoch}:{seq}".encode())
        return zlib.crc32(event, name).to_bytes(_CRC_SIZE, "big")


def cached(store: Store, key: StreamKey) -> StreamCache:
    """The newest events of a stream."""
    return StreamCache(store, key.session.session, key.stream_id)


def _number(text: Any) -> int:
    """A number that the cache has as a text, or as one; -1, which none is, if it is damaged."""
    if isinstance(text, int):
        return text
    return int(text) if isinstance(text, bytes) and text.isdigit() and len(text) <= _DIGITS else -1
