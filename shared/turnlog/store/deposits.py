"""G7: what one writer puts into the bucket, and takes back if no item names it.

What is too large for an item is an object. The object is put once, under a name of the writer's own, so a
repeat is harmless. An object is, for its writer:

| state | what is known | what comes next |
|---|---|---|
| unnamed | after the last try with it, no item named it | `send`: tried; at the end `withdraw` deletes it |
| tried | an item that names it was sent | `settle`: forgotten; `judge`: unnamed or forgotten |
| forgotten | an item names it, or may | it is deleted with what the item is of |

If a process crashes in between, the object stays. Its key begins with the session's, and that of a batch of
entries with the transcript's name and generation: so it is deleted together with these.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from turnlog.errors import TooLarge, Unavailable
from turnlog.limits import DOWNLOAD_SECONDS, PART_SIZE, PAYLOAD_LIMIT
from turnlog.records.batches import answer_size, compressed
from turnlog.records.keys import ANSWER_PREFIX
from turnlog.wire import JSON, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from turnlog.records.item import Item
    from turnlog.records.keys import TranscriptKey
    from turnlog.store.store import Store


class Deposits:
    """The objects of one writer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unnamed: set[str] = set()
        self._tried: set[str] = set()

    @property
    def tried(self) -> bool:
        """Whether an item that names one may be stored."""
        return bool(self._tried)

    def has(self, name: str) -> bool:
        """Whether this object was written, and not taken back."""
        return name in self._unnamed or name in self._tried

    async def put(self, name: str, data: bytes, *, gzip: bool = False) -> None:
        """Write an object.

        Args:
            name: its key.
            data: what it holds, always the same under this name.
            gzip: see `protocols.Objects.put`.

        Raises:
            Unavailable: the bucket did not answer, or there is none.
        """
        bucket = self._store.bucket()
        self._unnamed.add(name)
        await self._store.repeated(lambda: bucket.put(name, data, gzip=gzip))

    def send(self, name: str) -> None:
        """An item that names this object is about to be sent."""
        if name in self._unnamed:
            self._unnamed.remove(name)
            self._tried.add(name)

    def settle(self, name: str) -> None:
        """The item that names this object is stored."""
        self._unnamed.discard(name)
        self._tried.discard(name)

    def judge(self, *, named: bool) -> None:
        """After a look at the table: whether one of the items that were sent is stored, and stays.

        Which one is not told. A try that was not answered may be applied after a look that did not find it,
        so it can be one of the unnamed, too.
        """
        if named:
            self._unnamed.clear()
        else:
            self._unnamed |= self._tried
        self._tried.clear()

    async def withdraw(self) -> None:
        """Delete what no item names, if the bucket answers."""
        await delete_objects(self._store, self._unnamed)
        self._unnamed.clear()


def objects_of(items: Iterable[Item]) -> set[str]:
    """The keys of the objects that these items name."""
    return {item["object"]["S"] for item in items if "object" in item}


async def delete_objects(store: Store, names: Iterable[str]) -> None:
    """Delete what no item names any more, as long as the bucket answers; the rest goes with its session."""
    with suppress(Unavailable):
        for name in sorted(names):
            await store.bucket().delete(name)


async def reference(store: Store, object_key: str, size: int, media_type: str = JSON) -> dict[str, Any]:
    """What an answer says in the place of something that it does not hold: where a client reads it.

    Args:
        object_key: of the object, which is gzip.
        size: bytes that it would take in an answer.
        media_type: of what is in it.
    """
    address = await store.bucket().download(object_key, media_type=media_type, gzip=True)
    ends = timestamp(store.clock.now() + timedelta(seconds=DOWNLOAD_SECONDS))
    return {"url": address.url, "size": size, "expires_at": ends}


async def answered_apart(store: Store, data: bytes, size: int, media_type: str) -> dict[str, Any]:
    """Put a whole answer, which no answer holds, into the bucket, and say where a client reads it.

    The object is of this answer alone, and no item names it. A rule of the bucket deletes it after a day. So
    if a process crashes before it answers, nothing is left to do.

    Args:
        data: the answer, as gzip.
        size: bytes that it would take in an answer.
        media_type: of the answer.

    Raises:
        Unavailable: the bucket did not answer, or there is none.
    """
    bucket, name = store.bucket(), f"{ANSWER_PREFIX}{store.clock.token().hex()}"
    await store.repeated(lambda: bucket.put(name, data, gzip=True))
    return await reference(store, name, size, media_type)


class EntryDeposits(Deposits):
    """The batches of entries of one writer.

    Args:
        token: the writer's.
    """

    def __init__(self, store: Store, token: bytes) -> None:
        super().__init__(store)
        self._token = token
        self._batches: dict[tuple[bytes, ...], tuple[int, bytes]] = {}
        self._count = 0

    async def deposit(
        self, key: TranscriptKey, generation: int, lines: Sequence[bytes]
    ) -> tuple[bytes | None, str]:
        """What a batch's item holds: the batch's bytes; or None, and the name of the object that has them.

        Args:
            key: of the transcript.
            generation: of the transcript.
            lines: the batch.

        Raises:
            TooLarge: no item holds it, and there is no bucket.
            NotFound: there is no such session, so nobody would purge the object.
            Unavailable: the table or the bucket did not answer.
        """
        batch = tuple(lines)
        if batch not in self._batches:
            self._batches[batch] = self._count, compressed(batch)
            self._count += 1
        number, data = self._batches[batch]
        apart = self._store.objects is not None and answer_size(batch) > PAYLOAD_LIMIT
        if len(data) <= PART_SIZE and not apart:
            return data, ""
        if self._store.objects is None:
            raise too_large(len(data), alone=len(batch) == 1)
        name = f"{key.objects}{generation:06d}!{self._token.hex()}-{number}"
        if not self.has(name):
            await self._store.head(key.session)
            await self.put(name, data, gzip=apart)
        return None, name

    def settle(self, name: str) -> None:
        """The batch that was tried last is stored, and its object, if it has one, is named by its item."""
        super().settle(name)
        self._batches.clear()  # they are held in memory until one is stored


def too_large(size: int, *, alone: bool) -> TooLarge:
    """The answer for so many bytes, of one entry or of several, where there is no bucket for them."""
    what, way = ("An entry takes", "Configure one.") if alone else ("Entries take", "Send fewer at once.")
    return TooLarge(
        f"{what} {size} bytes compressed; without a bucket (TURNLOG_BUCKET) at most {PART_SIZE} are stored at"
        f" once. {way}"
    )
