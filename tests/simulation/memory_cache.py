"""A Valkey in memory, behind the store's `Cache` protocol: the few commands the store may use, in one thread.

The replies are those of the protocol (RESP 2), as the store's own client hands them on: SET is b"OK", HGETALL
is a flat list, and a command that the server refuses is `Refused`. Lies are told by whoever holds `data`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from turnlog.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnlog.store.protocols import Command

Entry: TypeAlias = "bytes | dict[bytes, bytes]"

_OK = b"OK"


class _Error(Exception):
    """The server answers with an error, of which this is the first word."""

    def __init__(self, code: str = "ERR") -> None:
        super().__init__(code)
        self.code = code


class MemoryCache:
    """One cache.

    Args:
        now: tells the time in seconds; entries are gone when theirs is over.

    Attributes:
        data: what is kept by key, a string as bytes or a hash as a dict; also what is expired and not yet
            asked for.
        deadlines: when an entry expires, by key, for those that do.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.data: dict[bytes, Entry] = {}
        self.deadlines: dict[bytes, float] = {}
        self._now = now

    async def run(self, *commands: Command, atomic: bool = False) -> list[Any]:  # noqa: ARG002 (always is)
        """See `turnlog.store.protocols.Cache`."""
        return [self._reply(*command) for command in commands]

    async def post(self, *commands: Command) -> None:
        """See `turnlog.store.protocols.Cache`."""
        await self.run(*commands)

    def _reply(self, name: str | bytes | int, *arguments: str | bytes | int) -> Any:
        commands: dict[bytes, Callable[..., Any]] = {
            b"DEL": self._unlink,
            b"EVAL": self._eval,
            b"EXISTS": self._exists,
            b"EXPIRE": self._expire,
            b"GET": self._get,
            b"HDEL": self._hdel,
            b"HGETALL": self._hgetall,
            b"HLEN": self._hlen,
            b"HMGET": self._hmget,
            b"HSET": self._hset,
            b"PING": lambda: b"PONG",
            b"RENAME": self._rename,
            b"SET": self._set,
            b"TTL": self._ttl,
            b"UNLINK": self._unlink,
        }
        command = commands.get(_bytes(name).upper())
        if command is None:
            message = f"command {name!r}"
            raise NotImplementedError(message)
        try:
            return command(*map(_bytes, arguments))
        except _Error as error:
            return Refused(error.code)

    def _eval(self, script: bytes, count: bytes, *arguments: bytes) -> Any:
        from tests.simulation.cache_scripts import SCRIPTS  # noqa: PLC0415 (they know this cache)

        keys = arguments[: int(count)]
        return SCRIPTS[script](self, keys, *arguments[int(count) :])

    def hash(self, key: bytes) -> dict[bytes, bytes]:
        """A copy of the hash at this key."""
        return dict(self._hash(key))

    def set(self, key: bytes, fields: dict[bytes, bytes]) -> None:
        """Set fields of a hash."""
        self._hset(key, *(part for pair in fields.items() for part in pair))

    def add(self, key: bytes, at: int, value: bytes) -> None:
        """Append an entry to what stands for a stream, behind all others."""
        if any(int(other) >= at for other in self._hash(key)):
            raise _Error
        self._hset(key, b"%d" % at, value)

    def remove(self, key: bytes, at: bytes) -> None:
        """Take an entry away. A stream without any stays, and cannot be told from none here."""
        self._hdel(key, at)

    def expire(self, key: bytes, seconds: bytes) -> None:
        """Let it end."""
        self._expire(key, seconds)

    def drop(self, key: bytes) -> None:
        """Take it away."""
        self._drop(key)

    def _entry(self, key: bytes) -> Entry | None:
        if self.deadlines.get(key, float("inf")) <= self._now():
            self._drop(key)
        return self.data.get(key)

    def _drop(self, key: bytes) -> None:
        self.data.pop(key, None)
        self.deadlines.pop(key, None)

    def _hash(self, key: bytes) -> dict[bytes, bytes]:
        """The hash at this key, or an empty one that is not kept."""
        entry = self._entry(key)
        if isinstance(entry, bytes):
            raise _Error("WRONGTYPE")
        return {} if entry is None else entry

    def _get(self, key: bytes) -> bytes | None:
        entry = self._entry(key)
        if isinstance(entry, dict):
            raise _Error("WRONGTYPE")
        return entry

    def _set(self, key: bytes, value: bytes, *options: bytes) -> bytes:
        deadline = None
        if options:
            option, seconds = options
            if option.upper() != b"EX":
                message = f"SET with {option!r}"
                raise NotImplementedError(message)
            if _integer(seconds) <= 0:
                raise _Error
            deadline = self._now() + _integer(seconds)
        self._drop(key)
        self.data[key] = value
        if deadline is not None:
            self.deadlines[key] = deadline
        return _OK

    def _unlink(self, *keys: bytes) -> int:
        there = self._there(keys)
        for key in there:
            self._drop(key)
        return len(set(there))

    def _exists(self, *keys: bytes) -> int:
        return len(self._there(keys))

    def _there(self, keys: tuple[bytes, ...]) -> list[bytes]:
        if not keys:
            raise _Error
        return [key for key in keys if self._entry(key) is not None]

    def _hset(self, key: bytes, *pairs: bytes) -> int:
        if not pairs or len(pairs) % 2:
            raise _Error
        entry = self._hash(key)
        before = len(entry)
        entry.update(zip(pairs[::2], pairs[1::2], strict=True))
        if key not in self.data:
            self.deadlines.pop(key, None)  # of an entry that was taken out of `data`
        self.data[key] = entry
        return len(entry) - before

    def _hmget(self, key: bytes, *fields: bytes) -> list[bytes | None]:
        if not fields:
            raise _Error
        entry = self._hash(key)
        return [entry.get(field) for field in fields]

    def _hgetall(self, key: bytes) -> list[bytes]:
        return [part for pair in self._hash(key).items() for part in pair]

    def _hlen(self, key: bytes) -> int:
        return len(self._hash(key))

    def _hdel(self, key: bytes, *fields: bytes) -> int:
        if not fields:
            raise _Error
        entry = self._hash(key)
        deleted = sum(entry.pop(field, None) is not None for field in fields)
        if not entry:
            self._drop(key)
        return deleted

    def _expire(self, key: bytes, seconds: bytes) -> int:
        after = _integer(seconds)
        if self._entry(key) is None:
            return 0
        if after <= 0:
            self._drop(key)
        else:
            self.deadlines[key] = self._now() + after
        return 1

    def _ttl(self, key: bytes) -> int:
        if self._entry(key) is None:
            return -2
        if key not in self.deadlines:
            return -1
        # Valkey rounds to the nearest second.
        return int(self.deadlines[key] - self._now() + 0.5)

    def _rename(self, key: bytes, new_key: bytes) -> bytes:
        entry = self._entry(key)
        if entry is None:
            raise _Error
        deadline = self.deadlines.get(key)
        self._drop(key)
        self._drop(new_key)
        self.data[new_key] = entry
        if deadline is not None:
            self.deadlines[new_key] = deadline
        return _OK


def _bytes(value: str | bytes | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _integer(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise _Error from None
