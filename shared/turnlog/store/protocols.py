"""What the operations ask of the world: a table, a bucket, a cache, a clock. They know no library for these.

Three things implement these protocols: the driver for Lambda (`drivers.blocking`), the one for event loops
(`drivers.event_loop`) and the simulator in tests/. All methods are coroutines; those of the driver for Lambda
never suspend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Command: TypeAlias = "tuple[str | bytes | int, ...]"
"""A Redis command: `("HMGET", key, field, …)`."""


class Table(Protocol):
    """One DynamoDB table."""

    name: str

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Make one DynamoDB API request.

        Args:
            operation: the API's name for it, such as `TransactWriteItems`.
            parameters: exactly as botocore's low-level client takes them, table name included.

        Returns:
            The answer, as botocore's low-level client gives it.

        Raises:
            ConditionFailed: a condition expression was false; nothing was applied.
            Contended: refused for now (throttled, transaction conflict); nothing was applied.
            Unanswered: time-out, lost connection or server error; it may have been applied.
        """
        ...


class Address(NamedTuple):
    """How a client sends or reads an object itself, for a while: whoever has it may.

    Attributes:
        method: of HTTP.
        url: signed with the credentials of who made it, and good no longer than they are.
        headers: that have to be sent with these values.
    """

    method: str
    url: str
    headers: Mapping[str, str]


class Objects(Protocol):
    """One S3 bucket. Every request of it may be made twice without harm: a key is written once, if at all."""

    async def put(self, key: str, data: bytes, *, gzip: bool = False) -> None:
        """Write an object.

        Args:
            gzip: the data is JSON as gzip, and the bucket says so to whoever reads it over HTTP.

        Raises:
            Unavailable: it may or may not have been written.
        """
        ...

    async def copy(self, key: str, to: str) -> None:
        """Write an object under another key as well.

        Args:
            key: of the object.
            to: the other key.

        Raises:
            NoSuchObject: there is none.
            Unavailable: it may or may not have been written.
        """
        ...

    async def get(self, key: str) -> bytes:
        """An object.

        Raises:
            NoSuchObject: there is none.
            Damaged: it is larger than what is ever put.
            Unavailable: not answered.
        """
        ...

    async def has(self, key: str) -> bool:
        """Whether there is an object with this key.

        Raises:
            Unavailable: not answered.
        """
        ...

    async def upload(self, key: str, *, size: int, sha256: str, media_type: str) -> Address:
        """Where a client may put an object for `limits.UPLOAD_SECONDS`: of this length and checksum alone.

        Args:
            key: of the object.
            size: bytes.
            sha256: of the bytes, as 64 hexadecimal digits.
            media_type: with which it is read.
        """
        ...

    async def download(
        self, key: str, *, name: str = "", media_type: str = "", gzip: bool = False
    ) -> Address:
        """Where a client may read an object for `limits.DOWNLOAD_SECONDS`.

        Args:
            key: of the object.
            name: under which a browser saves it; without one it is no download.
            media_type: which the answer bears; without one the object's.
            gzip: the object was put so, see `put`.
        """
        ...

    async def delete(self, key: str) -> None:
        """Delete an object, if there is one.

        Raises:
            Unavailable: it may or may not have been deleted.
        """
        ...

    async def list(self, prefix: str, before: str = "") -> Mapping[str, datetime]:
        """All objects whose keys begin so, and since when they are there.

        Args:
            prefix: what their keys begin with.
            before: if given, only those whose keys sort before this; no more are looked at than that takes.

        Raises:
            Unavailable: not answered.
        """
        ...


class Cache(Protocol):
    """One Valkey or Redis, standalone or cluster. All keys of one call share a hash tag."""

    async def run(self, *commands: Command, atomic: bool = False) -> list[Any]:
        """Send the commands in one round trip and return their replies.

        Another client's commands may run between them, unless the call is atomic (MULTI, EXEC). A string is
        replied as bytes, and None means that nothing is there. `Refused` is the reply to a command that the
        cache refuses; if it refuses an atomic call as a whole, each command of the call has this reply.

        Raises:
            CacheUnavailable: not reached, not answered within the time-out, or switched off; or the cache
                refuses to work at all, now or in reply to an earlier `post`.
        """
        ...

    async def post(self, *commands: Command) -> None:
        """Send the commands in their order, and wait for no reply.

        Commands that are sent later may overtake these on another connection. If the connection is lost,
        these may be lost with it.

        Raises:
            CacheUnavailable: not reached, or switched off. If the cache does not answer, or refuses to work,
                the next call raises this, also if it is another `post`.
        """
        ...


class Clock(Protocol):
    """Time, waiting, and the time that is left. Randomness too, so that a simulation is repeatable."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    def remaining(self) -> float:
        """Seconds until the caller must have answered."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def random(self) -> float:
        """A number in [0, 1)."""
        ...

    def token(self) -> bytes:
        """Sixteen random bytes."""
        ...
