"""A bucket in memory, and as one process has it: each call is a point, where faults strike."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tests.simulation.violations import Rule, require
from turnlog.errors import NoSuchObject, Unanswered
from turnlog.store.protocols import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.process import Process

WRITE_FAULTS = ("request lost", "reply lost", "applied late", "crash")
READ_FAULTS = ("request lost", "crash")
# The longest that a request can be on its way. One that comes later than that is not looked for.
_ON_ITS_WAY = 3_600.0


BUCKET_URL = "http://bucket.invalid/"
"""Where clients read."""


class Kept(NamedTuple):
    """An object.

    Attributes:
        since: when it came.
        stray: it was on its way for longer than anything can be.
    """

    data: bytes
    since: float
    stray: bool


class MemoryObjects:
    """What all processes share.

    Args:
        seconds: the time.
        named: whether an item of the table names this key.
    """

    def __init__(self, seconds: Callable[[], float], named: Callable[[str], bool]) -> None:
        self.kept: dict[str, Kept] = {}
        self.ever: dict[str, bytes] = {}  # what a client may still be reading
        self.events: list[tuple[str, bool]] = []  # what came and went, in order
        self._seconds = seconds
        self._named = named

    def put(self, key: str, data: bytes, sent: float) -> None:
        """Keep an object; one that is there already is never another."""
        there = self.kept.get(key)
        require(Rule.OBJECT_WRITTEN_ONCE, there is None or there.data == data, key)
        now = self._seconds()
        self.ever[key] = data
        self.kept.setdefault(key, Kept(data, now, stray=now - sent > _ON_ITS_WAY))
        self.events.append((key, True))

    def copy(self, key: str, to: str, sent: float) -> None:
        """Keep an object under another key as well, if it is there."""
        if (kept := self.kept.get(key)) is None:
            raise NoSuchObject
        self.put(to, kept.data, sent)

    def delete(self, key: str) -> None:
        """Forget an object that no item names."""
        require(Rule.OBJECT_DELETED_AFTER_ITS_ITEM, not self._named(key), key)
        self.kept.pop(key, None)
        self.events.append((key, False))

    def during(self, key: str, begin: int) -> set[bool]:
        """Whether an object was there, at any time since there were so many events."""
        before = [there for name, there in self.events[:begin] if name == key]
        return {
            before[-1] if before else False,
            *(there for name, there in self.events[begin:] if name == key),
        }


class FaultyObjects:
    """The bucket of a process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world

    async def put(self, key: str, data: bytes, *, gzip: bool = False) -> None:  # noqa: ARG002 (for HTTP)
        """See `turnlog.store.protocols.Objects`."""
        work = partial(self._world.objects.put, key, data, self._world.seconds)
        await self._write("PutObject", key, work)

    async def copy(self, key: str, to: str) -> None:
        """See `turnlog.store.protocols.Objects`."""
        work = partial(self._world.objects.copy, key, to, self._world.seconds)
        await self._write("CopyObject", to, work)

    async def get(self, key: str) -> bytes:
        """See `turnlog.store.protocols.Objects`."""
        if await self._process.point("GetObject", {"Key": key}, READ_FAULTS):
            raise Unanswered("The bucket did not answer.")
        if (kept := self._world.objects.kept.get(key)) is None:
            raise NoSuchObject
        return kept.data

    async def has(self, key: str) -> bool:
        """See `turnlog.store.protocols.Objects`."""
        if await self._process.point("HeadObject", {"Key": key}, READ_FAULTS):
            raise Unanswered("The bucket did not answer.")
        return key in self._world.objects.kept

    async def upload(self, key: str, *, size: int, sha256: str, media_type: str) -> Address:
        """See `turnlog.store.protocols.Objects`."""
        return Address("PUT", key, {"size": str(size), "sha256": sha256, "content-type": media_type})

    async def download(
        self,
        key: str,
        *,
        name: str = "",  # noqa: ARG002
        media_type: str = "",  # noqa: ARG002
        gzip: bool = False,  # noqa: ARG002
    ) -> Address:
        """See `turnlog.store.protocols.Objects`."""
        return Address("GET", f"{BUCKET_URL}{key}", {})

    def read(self, url: str) -> bytes:
        """What a client reads at an address."""
        return self._world.objects.ever[url.removeprefix(BUCKET_URL)]

    async def delete(self, key: str) -> None:
        """See `turnlog.store.protocols.Objects`."""
        await self._write("DeleteObject", key, partial(self._world.objects.delete, key))

    async def list(self, prefix: str, before: str = "") -> dict[str, datetime]:
        """See `turnlog.store.protocols.Objects`."""
        if await self._process.point("ListObjectsV2", {"Prefix": prefix}, READ_FAULTS):
            raise Unanswered("The bucket did not answer.")
        return {
            key: datetime.fromtimestamp(kept.since, UTC)
            for key, kept in self._world.objects.kept.items()
            if key.startswith(prefix) and (not before or key < before)
        }

    async def _write(self, call: str, key: str, work: Callable[[], None]) -> None:
        match await self._process.point(call, {"Key": key}, WRITE_FAULTS):
            case None:
                work()
                return
            case "reply lost":
                _tried(work)
            case "applied late":
                self._world.spawn_late(self._process, call, partial(_tried, work))
        raise Unanswered("The bucket did not answer.")


def _tried(work: Callable[[], None]) -> None:
    """Do it; what it would be answered is not told."""
    with suppress(NoSuchObject):
        work()
