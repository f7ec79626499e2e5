"""G6: the cache never makes an answer wrong, because nothing that it says is believed unchecked.

Per session it keeps the head, and a hash of messages by sequence whose key bears the head's generation and
`edits`: a message at a sequence changes only by an edit or a rewind, and both change the key. So a reader
that holds the head from the table may use whatever it finds under that head's key, however old, and reads
from the table what is missing. A writer uses the cached head as a guess that its condition expression checks.
Every value bears a checksum of itself and its key. Every command may be repeated or come late; those that
must not be parted go as a transaction.

Small messages lie there unpacked: to unpack them was half of a warm read. Large ones lie as in the table, so
that a thousand of any kind take no more memory than the table's items and a few megabytes. One of more than
390 KB of JSON lies there with its size, so that none is unpacked before that is known. Of one whose content
is in the bucket there is no more than its key.

Who may write to the cache is trusted like who may write to the table: a checksum is no signature. Still,
every value is bounded before it is unpacked or parsed, and one that cannot be read is a miss.

The head lies under one key for all generations of an id: who looks for it does not know which is there. It
says its generation itself, as far as a guess can.

A draft has no other copy, so an error of the cache is an error of the request: nobody knows whether the draft
is there. A damaged draft is like one that the cache has dropped for want of room: it is gone, and asking
again would not bring it back.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, TypeVar

from turnlog.errors import CacheUnavailable, Refused, Unavailable
from turnlog.limits import DRAFT_LIMIT, PART_SIZE, PARTS_LIMIT, PAYLOAD_LIMIT
from turnlog.records import head as heads
from turnlog.records.messages import SIZED, for_cache
from turnlog.records.packing import unpacked

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Sequence

    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.protocols import Cache, Command

T = TypeVar("T")

_CRC_SIZE = 4
_LARGEST_UNPACKED = 4_096
"""Bytes of JSON, which is never shorter than what it is packed to."""

_LARGEST_MESSAGE = PARTS_LIMIT + 4_096
"""Bytes of a message as it is kept: as the table keeps it without a bucket, and where it stands."""

_LARGEST_HEAD = 1 << 18
"""Bytes of a head as it is kept: its objects are 32 KB, and JSON inside JSON is a few times as long."""


class SessionCache:
    """The cache policy.

    Args:
        cache: the driver, or None where there is no cache.
        ttl: seconds that an entry lives after its last write.
        counts: where hits, misses and errors are counted.
    """

    def __init__(self, cache: Cache | None, ttl: int, counts: Counter[str]) -> None:
        self._cache = cache
        self._ttl = ttl
        self._counts = counts

    async def head(self, key: SessionKey) -> Head | None:
        """The head as a writer last saw it: a guess."""
        cache_key = _head_key(key)
        replies = await self._run(("GET", cache_key))
        head = _loaded(_checked(cache_key, replies[0])) if replies else None
        self._counts["cache_head_hits" if head else "cache_head_misses"] += self._cache is not None
        return head

    async def messages(self, head: Head, first: int, end: int) -> list[bytes | None]:
        """The messages first..end-1 as of `head.edits`, packed or not; None for each that is not there.

        What is packed is unpacked here, up to the size of an answer: mostly that is all that will be shown.
        """
        if first == end:
            return []
        replies = await self._run(("HMGET", _log_key(head), *range(first, end)))
        found: list[bytes | None] = [None] * (end - first)
        if replies and isinstance(replies[0], list) and len(replies[0]) == len(found):
            found = replies[0]
        prefix, room = _prefix_checksum(head), PAYLOAD_LIMIT
        for at, sealed in enumerate(found):  # in place: they may be megabytes
            value = _checked(str(first + at), sealed, prefix)
            if value is not None and len(value) > _LARGEST_MESSAGE:
                value = None
            elif value is not None and value[:1] not in {b"{", SIZED}:
                json = _unpacked(value)
                room -= len(json or b"")
                value = value if json and room < 0 else json
            found[at] = value
        hits = len(found) - found.count(None)
        self._counts["cache_hits"] += hits
        self._counts["cache_misses"] += (len(found) - hits) * (self._cache is not None)
        return found

    async def keep(self, head: Head, messages: Sequence[Stored]) -> None:
        """Keep messages that were read from the table with this head."""
        if messages and self._cache is not None:
            await self._run(*self._log(head, messages))

    async def appended(self, head: Head, messages: Sequence[Stored]) -> None:
        """Keep the head that an append made, and its messages, without waiting for it."""
        if self._cache is not None:
            await self._tried(self._cache.post(*self._log(head, messages), self._head(head)))

    async def edited(self, before: Head, after: Head, message: Stored) -> None:
        """Carry the messages over to the key of the next edit; all but the edited one are the same there.

        Atomic: else a slow reader could put the old message under the old key between the two steps, and the
        rename would carry it over.
        """
        await self._run(
            *self._log(before, [message]),
            ("RENAME", _log_key(before), _log_key(after)),
            self._head(after),
            atomic=True,
        )

    async def rewound(self, before: Head, after: Head) -> None:
        """Carry the messages that stay over to the key of the next edit.

        The old key has no message behind the old end, so only those that go have to be removed. Atomic: else
        one that goes could be read under the new key.
        """
        gone = range(after.message_count, before.message_count)
        await self._run(
            ("RENAME", _log_key(before), _log_key(after)),
            ("HDEL", _log_key(after), *gone),
            self._head(after),
            atomic=True,
        )

    async def changed(self, head: Head) -> None:
        """Keep a head whose messages are as they were."""
        await self._run(self._head(head))

    async def drop(self, key: GenerationKey, head: Head | None) -> None:
        """Drop what is kept of a session; of its messages those at this head, if one is known."""
        keys = [_head_key(key.session), _draft_key(key)] + ([_log_key(head)] if head else [])
        await self._run(*(("UNLINK", name) for name in keys))

    async def forget(self, head: Head) -> None:
        """Drop the head and the messages, but not the draft, of which there is no other copy."""
        await self._run(("UNLINK", _head_key(head.key.session)), ("UNLINK", _log_key(head)))

    async def put_draft(self, key: GenerationKey, draft: bytes) -> None:
        """Keep a turn in progress.

        Raises:
            Unavailable: there is no cache, or it does not answer, or refuses.
        """
        cache_key = _draft_key(key)
        await self._demand(("SET", cache_key, _sealed(cache_key, draft), "EX", self._ttl))

    async def draft(self, key: GenerationKey) -> bytes | None:
        """The turn in progress; None if there is none, or if it is damaged.

        Raises:
            Unavailable: there is no cache, or it does not answer, or refuses.
        """
        cache_key = _draft_key(key)
        draft = _checked(cache_key, await self._demand(("GET", cache_key)))
        return draft if draft and len(draft) <= DRAFT_LIMIT else None

    async def delete_draft(self, key: GenerationKey) -> None:
        """Drop the turn in progress.

        Raises:
            Unavailable: there is no cache, or it does not answer, or refuses.
        """
        await self._demand(("UNLINK", _draft_key(key)))

    @property
    def there(self) -> bool:
        """Whether there is a cache."""
        return self._cache is not None

    async def ask(self, *commands: Command) -> list[Any]:
        """The replies to commands of another policy; none, if the cache does not answer."""
        return await self._run(*commands)

    async def state(self) -> str:
        """`ok`, `off` or `unavailable`."""
        if self._cache is None:
            return "off"
        return "ok" if await self._run(("PING",)) == [b"PONG"] else "unavailable"

    def _head(self, head: Head) -> Command:
        cache_key = _head_key(head.key.session)
        return ("SET", cache_key, _sealed(cache_key, head.dump()), "EX", self._ttl)

    def _log(self, head: Head, messages: Sequence[Stored]) -> list[Command]:
        cache_key, prefix = _log_key(head), _prefix_checksum(head)
        fields: list[str | bytes | int] = []
        for message in messages:
            fields += (
                message.sequence,
                _sealed(str(message.sequence), for_cache(message, _LARGEST_UNPACKED), prefix),
            )
        return [("HSET", cache_key, *fields), ("EXPIRE", cache_key, self._ttl)]

    async def _run(self, *commands: Command, atomic: bool = False) -> list[Any]:
        if self._cache is None:
            return []
        replies = await self._tried(self._cache.run(*commands, atomic=atomic)) or []
        # `ERR` is the answer to a RENAME of what is not there, which nobody has to know.
        refusals = [reply for reply in replies if isinstance(reply, Refused) and reply.code != "ERR"]
        self._counts["cache_errors"] += bool(refusals)
        return replies

    async def _tried(self, sent: Awaitable[T]) -> T | None:
        """Every error is a miss."""
        try:
            return await sent
        except CacheUnavailable:
            self._counts["cache_errors"] += 1
            return None

    async def _demand(self, command: Command) -> Any:
        """The reply, where an error is not a miss."""
        if self._cache is None:
            raise Unavailable("Drafts are kept in the cache, and this deployment has none.")
        if not (replies := await self._run(command)):
            raise Unavailable("Drafts are kept in the cache, and it does not answer.")
        # What is there and no string is no draft, but one that is damaged.
        if isinstance(refused := replies[0], Refused) and refused.code != "WRONGTYPE":
            raise Unavailable("Drafts are kept in the cache, and it answers with an error.")
        return replies[0]


def _loaded(dumped: bytes | None) -> Head | None:
    """The head that was dumped so, if it is one."""
    if dumped is None or len(dumped) > _LARGEST_HEAD:
        return None
    try:
        return heads.load(dumped)
    except (LookupError, RecursionError, TypeError, ValueError):
        return None


def _unpacked(blob: bytes) -> bytes | None:
    """What was packed so, if it is a message."""
    try:
        return unpacked(blob, PART_SIZE)
    except ValueError:
        return None


def _head_key(key: SessionKey) -> str:
    return f"turnlog:{{{key.partition}}}:head"


def _log_key(head: Head) -> str:
    # `started_at`: an id may be given again, when its tombstone's time is over.
    return f"turnlog:{{{head.key.partition}}}:log{_generation(head.key)}:{head.started_at}:{head.edits}"


def _prefix_checksum(head: Head) -> int:
    """The checksum of what stands before the sequence in a message's checksum."""
    # Without `edits`: an unedited message is the same under the next key, to which `edited` carries it over.
    return zlib.crc32(f"{head.key.partition}{_generation(head.key)}:{head.started_at}:".encode())


def _draft_key(key: GenerationKey) -> str:
    return f"turnlog:{{{key.partition}}}:draft{_generation(key)}"


def _generation(key: GenerationKey) -> str:
    return f":{key.generation}" if key.generation else ""


def _sealed(name: str, value: bytes, prefix: int = 0) -> bytes:
    return _checksum(name, value, prefix) + value


def _checksum(name: str, value: bytes, prefix: int) -> bytes:
    return zlib.crc32(value, zlib.crc32(name.encode(), prefix)).to_bytes(_CRC_SIZE, "big")


def _checked(name: str, sealed: Any, prefix: int = 0) -> bytes | None:
    """The value, if it is what was sealed under this name.

    Args:
        name: the cache key; for a message its field in the hash.
        sealed: what was found there; no bytes, if it is nothing or was refused.
        prefix: the checksum of what stands before the name, where many values share it.
    """
    if not isinstance(sealed, bytes):
        return None
    value = sealed[_CRC_SIZE:]
    return value if _checksum(name, value, prefix) == sealed[:_CRC_SIZE] else None
