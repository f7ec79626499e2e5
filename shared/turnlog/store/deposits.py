"""G7: what one writer of a transcript puts into the bucket, and takes back where no item came to name it.

An object is put once for each batch that is tried, under a name of the writer's own, so a repeat is harmless.
It is taken back only if the table was seen, after the last try with it, to hold no item that names it. What
else is left behind has the transcript's name and generation in its key, and goes with them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from turnlog.errors import TooLarge, Unavailable
from turnlog.limits import PART_SIZE
from turnlog.records.batches import compressed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.keys import TranscriptKey
    from turnlog.store.store import Store


class Deposits:
    """The objects of one writer.

    Args:
        store: where.
        key: the transcript.
        token: the writer's.
    """

    def __init__(self, store: Store, key: TranscriptKey, token: bytes) -> None:
        self._store = store
        self._key = key
        self._token = token
        self._data: dict[tuple[bytes, ...], bytes] = {}
        self._put: set[str] = set()
        self._unnamed: set[str] = set()

    async def place(self, generation: int, first: int, lines: Sequence[bytes]) -> tuple[bytes | None, str]:
        """Make room for a batch: its bytes, for its item; or None and the object that has them now.

        Args:
            generation: of the transcript.
            first: which of the writer's entries comes first.
            lines: the batch. In one generation a writer has one of a first entry and a length: what is
                missing of its entries becomes less.

        Raises:
            TooLarge: no item holds it, and there is no bucket.
            NotFound: there is no such session: an object of it would have nobody who purges it.
            Unavailable: the table or the bucket did not answer.
        """
        batch = tuple(lines)
        data = self._data[batch] = self._data.get(batch) or compressed(batch)
        if len(data) <= PART_SIZE:
            return data, ""
        objects = self._store.objects
        if objects is None:
            raise too_large(len(data))
        name = f"{self._key.objects}{generation:06d}!{self._token.hex()}-{first}-{len(lines)}"
        if name not in self._put:
            await self._store.head(self._key.session)
            self._unnamed.add(name)
            await self._store.repeated(lambda: objects.put(name, data))
            self._put.add(name)
        return None, name

    def keep(self, name: str) -> None:
        """Leave an object where it is: the item of a try names it, and that may be applied."""
        self._unnamed.discard(name)

    def settle(self, name: str) -> None:
        """An item names this object: it is none of the writer's any more."""
        self._put.discard(name)

    def judge(self, *, named: bool) -> None:
        """After a look at the table: whether an item that stays names one of those put so far."""
        if named:
            self._put.clear()
            self._unnamed.clear()
        else:
            self._unnamed |= self._put

    async def withdraw(self) -> None:
        """Take back what no item names, if the bucket answers."""
        for name in sorted(self._unnamed):
            with suppress(Unavailable):
                await self._store.bucket().delete(name)
        self._unnamed.clear()


def too_large(size: int) -> TooLarge:
    """The answer for so many bytes where there is no bucket for them."""
    return TooLarge(f"Entries take {size} bytes compressed; without a bucket at most {PART_SIZE} are stored.")
