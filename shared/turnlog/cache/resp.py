"""A client of Valkey and Redis, as small as a cold start wants it: hiredis speaks the protocol.

redis-py would take a quarter of a cold start to import (`make cold-start` shows what counts). What is left
beside the protocol is a socket, time-outs, and following a cluster's redirections. All
commands of the cache policy may be repeated, so a connection that the server has closed meanwhile is simply
made anew.

The reply to a command that a node refuses is `Refused`, and not None, which says that a key is not there. If
a node refuses to work at all, is not reached, is too slow, or sends what is no reply, that is
`CacheUnavailable`. Then the idle connections to it are closed: after a failover they would all be silent.

Written once for both drivers: `resp_connection` has the socket that blocks, `async_resp` the streams of an
event loop.
"""

from __future__ import annotations

import os
import re
from binascii import crc_hqx
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import hiredis

from turnlog.cache.resp_connection import Oversized, SocketConnection
from turnlog.errors import CacheUnavailable, Refused
from turnlog.limits import PARTS_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from turnlog.cache.resp_connection import Connection
    from turnlog.cache.url import Address, CacheUrl
    from turnlog.store.protocols import Command

_SLOTS = 1 << 14
_REDIRECTIONS = 3
# `MOVED 3999 10.0.0.1:6381`; without a host, it is the node that was asked.
_MOVED = re.compile(r"MOVED (\d+) (.*):(\d+)")
# Refusals of a node that does not work, or not for this user: it would refuse every command. All other
# errors are about one command. `ASK` and `TRYAGAIN` are among these: they come while a cluster moves a slot
# to another node, which is not worth another round trip. So are `OOM` and `MISCONF`, which refuse writes
# alone.
_DOWN = re.compile(
    "(BUSY|CLUSTERDOWN|DENIED|LOADING|MASTERDOWN|NOAUTH|NOPERM|READONLY|ERR max number of clients)( .*)?",
    re.DOTALL,
)
# Bytes that the replies may take: for each word of the commands, as each may name a message, and altogether.
# Longer ones were not put there by the cache policy.
_WORD_ROOM = PARTS_LIMIT + 8_192
_ROOM = 64 * PARTS_LIMIT


class RespCache:
    """A Valkey or Redis, standalone or cluster. Safe to use from several threads.

    Args:
        url: of the cache.
        password: gives the password for a new connection, where it is not the one in the URL.
    """

    def __init__(self, url: CacheUrl, password: Callable[[], str] | None = None) -> None:
        self._url = url
        self._password = password
        self._idle: dict[Address, list[Connection]] = {}
        self._process = os.getpid()
        self._slots: dict[int, Address] = {}

    async def run(self, *commands: Command, atomic: bool = False) -> list[Any]:
        """See `turnlog.store.protocols.Cache`."""
        sent = [("MULTI",), *commands, ("EXEC",)] if atomic else commands
        slot = _slot(commands[0])
        for _ in range(_REDIRECTIONS):
            replies = await self._asked(slot, sent, wait=True)
            if not any(map(_moved, replies)):
                break
        if self._slots:  # a cluster
            self._slots.setdefault(slot, self._url.address)
        if atomic:
            replies = replies[-1] if isinstance(replies[-1], list) else replies[-1:] * len(commands)
        return [_refusal(reply) or reply for reply in replies]

    async def post(self, *commands: Command) -> None:
        """See `turnlog.store.protocols.Cache`."""
        slot = _slot(commands[0])
        if self._slots and slot not in self._slots:  # which node of the cluster it is, the replies tell
            await self.run(*commands)
        else:
            await self._asked(slot, commands, wait=False)

    def close(self) -> None:
        """Close the connections that are not in use."""
        for idle in list(self._idle.values()):
            _close_all(idle)

    async def _asked(self, slot: int, commands: Sequence[Command], *, wait: bool) -> list[Any]:
        """The replies; none, if they are not waited for."""
        address = self._slots.get(slot, self._url.address)
        try:
            return await self._exchange(address, commands, wait=wait)
        except CacheUnavailable:
            self._slots.clear()
            self.close()  # they lead to the same node, which would refuse there too
            raise
        except (OSError, hiredis.HiredisError, Oversized) as error:
            self._slots.clear()  # a node may have gone: the configured one knows which there are
            _close_all(self._pool(address))  # so they would each take a time-out to say the same
            raise CacheUnavailable(type(error).__name__) from error

    async def _exchange(self, address: Address, commands: Sequence[Command], *, wait: bool) -> list[Any]:
        idle = self._pool(address)
        try:
            connection, reused = idle.pop(), True
        except IndexError:
            connection, reused = await self._connected(address), False
        try:
            # The replies to earlier posts come first. A post reads them, too, or they would pile up.
            result = [] if wait else await connection.replies()
            room = min(_ROOM, _WORD_ROOM * sum(map(len, commands)))
            await connection.send(_packed(commands), len(commands), room)
            if wait:
                result = await connection.replies()
            self._heed(address, result)
        except ConnectionError:
            connection.close()
            if not reused:
                raise
            # It was closed while it lay idle, as those of a frozen Lambda are; so were the others. What was
            # posted there may be lost.
            self.close()
            return await self._exchange(address, commands, wait=wait)
        except BaseException:
            connection.close()  # a late reply must not answer the next command
            raise
        idle.append(connection)
        return result[-len(commands) :] if wait else []

    def _pool(self, address: Address) -> list[Connection]:
        """The idle connections to an address; not those of the process from which this one was forked.

        The two would read each other's replies from them.
        """
        if self._process != os.getpid():
            self._process = os.getpid()
            self.close()  # here; they stay open there
        return self._idle.setdefault(address, [])

    def _heed(self, asked: Address, replies: Sequence[Any]) -> None:
        """Learn from a node's replies which one has a slot.

        Raises:
            CacheUnavailable: it refuses to work.
        """
        if any(map(_down, replies)):
            raise CacheUnavailable("the cache refuses to work")
        for moved in filter(None, map(_moved, replies)):
            slot, host, port = moved.groups()
            self._slots[int(slot)] = host or asked[0], int(port)

    async def _opened(self, address: Address) -> Connection:
        return SocketConnection(address, self._url)

    async def _secret(self) -> str | None:
        return self._password() if self._password else self._url.password

    async def _connected(self, address: Address) -> Connection:
        password = await self._secret()
        connection = await self._opened(address)
        greetings: list[Command] = []
        if password:
            greetings.append(("AUTH", *([self._url.user] if self._url.user else []), password))
        if self._url.database:
            greetings.append(("SELECT", self._url.database))
        try:
            await connection.send(_packed(greetings), len(greetings))
            refused = any(map(_refusal, await connection.replies()))
        except BaseException:
            connection.close()
            raise
        if refused:
            connection.close()
            raise CacheUnavailable("the cache refused the connection")
        connection.opened(self._url.timeout)
        return connection


def _packed(commands: Sequence[Command]) -> bytes:
    # hiredis' stub says that a command has one word.
    pack: Any = hiredis.pack_command
    return b"".join(map(pack, commands))


def _close_all(idle: list[Connection]) -> None:
    with suppress(IndexError):  # another thread may take the last one
        while True:
            idle.pop().close()


def _refusal(reply: Any) -> Refused | None:
    return Refused(str(reply).partition(" ")[0]) if isinstance(reply, hiredis.ReplyError) else None


def _down(reply: Any) -> bool:
    return isinstance(reply, hiredis.ReplyError) and bool(_DOWN.fullmatch(str(reply)))


def _moved(reply: Any) -> re.Match[str] | None:
    return _MOVED.fullmatch(str(reply)) if isinstance(reply, hiredis.ReplyError) else None


def _slot(command: Command) -> int:
    """The cluster's slot of the command's key (valkey.io/topics/cluster-spec): CRC16 of its hash tag."""
    at = 3 if command[0] == "EVAL" else 1  # behind a script and the number of its keys
    key = str(command[at]) if len(command) > at else ""
    _, brace, tagged = key.partition("{")
    tag, closing, _ = tagged.partition("}")
    return crc_hqx((tag if brace and closing and tag else key).encode(), 0) % _SLOTS
