"""G1, G8: a reader takes one head of the transcript, and answers the entries that it counts, as many as fit.

They never change, and lie in batches at known keys, so a page costs two reads and what it shows. If a batch
is missing, the transcript was deleted meanwhile: then the heads are read again.

A whole transcript that no answer holds is put into the bucket as JSON lines, batch by batch: what is held of
it is compressed.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import TooLarge, Torn
from turnlog.limits import APART_LIMIT, PAYLOAD_LIMIT
from turnlog.records.batches import answer_size
from turnlog.store.deposits import answered_apart, reference
from turnlog.store.entry_reader import containing, object_of, read_batches
from turnlog.wire import JSONL

if TYPE_CHECKING:
    from turnlog.records.keys import TranscriptName
    from turnlog.records.transcripts import Transcript
    from turnlog.store.store import Store


class EntryPage(NamedTuple):
    """Entries in the order of their positions.

    Attributes:
        lines: JSON of each.
        first: the position of the first, if there is one.
        head: the transcript as it was read.
        file: where the one entry of the page is, if no answer holds it; then there are no lines.
        text: where all entries are, as JSON lines, if no answer holds these; then there are no lines.
    """

    lines: list[bytes]
    first: int
    head: Transcript
    file: dict[str, Any] | None = None
    text: dict[str, Any] | None = None

    @property
    def end(self) -> int:
        """The position behind the last."""
        return self.first + (len(self.lines) or bool(self.file))

    @property
    def has_more(self) -> bool:
        """Whether entries follow."""
        return self.end < self.head.length

    def bounds(self) -> dict[str, Any]:
        """What the page says of itself; its positions are None when it is empty."""
        return {
            "entry_count": self.head.length,
            "generation": self.head.shown_generation,
            "has_more": self.has_more,
            "first_position": self.first if self.end > self.first else None,
            "last_position": self.end - 1 if self.end > self.first else None,
        }


async def read_entries(
    store: Store,
    name: TranscriptName,
    *,
    after: int = -1,
    limit: int | None = None,
    whole: bool = False,
) -> EntryPage:
    """The entries behind a position, as many as fit into an answer, at most `limit`.

    Args:
        after: the position; -1 begins with the first.
        limit: None: as many as fit.
        whole: all of them, in an answer or in the bucket, or an error.

    Raises:
        NotFound: no such session, or no such transcript of it.
        TooLarge: `whole` is asked for, and they do not all fit into an answer, nor into an object of the
            bucket; or the first entry does not fit into an answer, and is no object.
        Unavailable: the table or the bucket did not answer.
    """
    tries = store.tries()
    while True:
        head = await store.transcript(name)
        apart = whole and head.size > PAYLOAD_LIMIT
        most = PAYLOAD_LIMIT if store.objects is None else APART_LIMIT
        if apart and head.size > most:
            raise TooLarge(
                f"The transcript takes {head.size} bytes as JSON lines; in one piece they are at most {most}."
                " Read it in pages: with after=-1, then with what the header x-turnlog-next-after says.",
                extra={"entry_count": head.length},
            )
        try:
            if apart:
                return EntryPage([], 0, head, text=await _in_bucket(store, head))
            return await _page(store, head, min(after + 1, head.length), limit)
        except Torn as torn:
            await tries.again(torn)


async def _in_bucket(store: Store, head: Transcript) -> dict[str, Any]:
    """Put all entries into the bucket as JSON lines, and say where they are read."""
    deflate = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)  # gzip
    data = bytearray()
    async for batch in read_batches(store, head, 0, head.length):
        for line in batch.lines:
            data += deflate.compress(line + b"\n")
    data += deflate.flush()
    return await answered_apart(store, bytes(data), head.size, JSONL)


async def _page(store: Store, head: Transcript, first: int, limit: int | None) -> EntryPage:
    end = head.length if limit is None else min(first + limit, head.length)
    lines: list[bytes] = []
    room = PAYLOAD_LIMIT
    try:
        # One that no answer holds is not fetched where it would only end the page.
        async for batch in read_batches(store, head, first, end, oversized=False):
            for line in batch.lines[max(0, first - batch.first) : end - batch.first]:
                room -= answer_size([line])
                if room < 0:
                    return EntryPage(lines, first, head)
                lines.append(line)
    except TooLarge:
        if lines:
            return EntryPage(lines, first, head)
        if store.in_process:
            return EntryPage((await containing(store, head, first)).lines, first, head)
        if (apart := await object_of(store, head, first)) is None:
            raise
        return EntryPage([], first, head, await reference(store, *apart))
    return EntryPage(lines, first, head)
