"""A transcript's entries as they are stored: the batches in which they were appended, compressed.

A batch is one item; above what one holds it is an object in a bucket, which the item names. So is an entry
that no answer holds, in any case: a client reads that from the bucket itself. The object is
written before the item and deleted after it, so an item never names what is not there yet. An object that no
item names, after a crash or a lost race, is deleted by its writer, or later with the transcript or the
session: its key begins with theirs.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from turnlog.errors import Damaged
from turnlog.limits import ENTRIES_LIMIT, ENTRY_LIMIT, PART_SIZE, PAYLOAD_LIMIT
from turnlog.records.expressions import attribute, put
from turnlog.records.keys import parse_batch_sort_key
from turnlog.records.packing import unpacked, zipped
from turnlog.wire import payload_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from turnlog.records.item import Item
    from turnlog.records.transcripts import Transcript


class Batch(NamedTuple):
    """Entries that were stored together.

    Attributes:
        first: the position of the first.
        lines: JSON of each, without a line's end.
        token: of the request that stored them; its repeats bear it too.
        writer: of the one sending of the request that stored them.
    """

    first: int
    lines: list[bytes]
    token: bytes
    writer: bytes

    @property
    def end(self) -> int:
        """The position behind the last."""
        return self.first + len(self.lines)


def compressed(lines: Sequence[bytes]) -> bytes:
    """Entries as they are stored: an entry that no answer holds as gzip, which a client reads by itself."""
    text = b"".join(line + b"\n" for line in lines)
    return zipped(text, PART_SIZE) if answer_size(lines) > PAYLOAD_LIMIT else zlib.compress(text)


def answer_size(lines: Iterable[bytes]) -> int:
    """Bytes that entries take in an answer, as JSON or as lines: each end of a line is escaped as well."""
    return sum(payload_size(line) + 2 for line in lines)


def batch_put(
    after: Transcript, first: int, *, size: int, token: bytes, writer: bytes, data: bytes | None, named: str
) -> dict[str, dict[str, object]]:
    """The write that puts a batch where none is.

    Args:
        after: the transcript with it.
        first: the position of its first entry.
        size: of its entries, see `answer_size`.
        token: of the request.
        writer: of this sending of it.
        data: its entries, or None where an object has them.
        named: the object's key.
    """
    held = {"object": attribute(named)} if data is None else {"data": attribute(data)}
    if size > PAYLOAD_LIMIT:
        held["bytes"] = attribute(size)
    item = {
        **after.key.batch(after.generation, first),
        "count": attribute(after.length - first),
        "token": attribute(token),
        "writer": attribute(writer),
        **held,
    }
    return {"Put": put(item, condition="attribute_not_exists(#PK)")}


def oversize(item: Item) -> int | None:
    """The bytes that a batch's one entry takes in an answer, if no answer holds it."""
    return int(item["bytes"]["N"]) if "bytes" in item else None


def decode(item: Item, data: bytes) -> Batch:
    """The batch in an item.

    Args:
        data: its entries, compressed: the item's own, or those of the object that it names.

    Raises:
        Damaged: the entries cannot be unpacked, or take more than any batch does.
    """
    first = parse_batch_sort_key(item["SK"]["S"])
    limit = ENTRY_LIMIT + 1 if item["count"]["N"] == "1" else ENTRIES_LIMIT
    try:
        lines = unpacked(data, limit).split(b"\n")[:-1]
    except ValueError as error:
        raise Damaged(f"The batch of entries at position {first} is damaged: it cannot be read.") from error
    return Batch(first, lines, bytes(item["token"]["B"]), bytes(item["writer"]["B"]))
