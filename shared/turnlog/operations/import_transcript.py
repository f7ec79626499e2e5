"""G1, G2, G7: an import appends those lines of a text that the transcript does not hold yet.

It looks through the transcript from `start_position` on, one batch at a time, and passes over each line that
it finds there (`records/merging.py` says when it does). It stops as soon as all are found. At the end of the
transcript it appends the others, in their order and in steps of one transaction each, if the transcript still
ends there. Whatever others append meanwhile is looked through before the next step. So the same import may be
sent again at any time, and after a crash it is finished by that.

A text of any length comes in several requests, each from the position that the one before it names: what is
read stays in proportion to the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from turnlog.errors import EntryUuidReused, PositionMismatch, TooLarge, Torn
from turnlog.limits import MAX_ENTRIES, PART_SIZE
from turnlog.records import ring
from turnlog.records.batches import compressed
from turnlog.records.entries import check_size, with_identities
from turnlog.records.merging import Merge
from turnlog.store.deposits import too_large
from turnlog.store.doubt import tells_doubt
from turnlog.store.entry_reader import read_batches
from turnlog.store.entry_writer import EntryWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.batches import Batch
    from turnlog.records.entries import Entry
    from turnlog.records.jsonl import Line
    from turnlog.records.keys import TranscriptName
    from turnlog.records.transcripts import Transcript
    from turnlog.store.store import Store

# What zlib may add to bytes that it cannot make fewer.
_SLACK = 1024


class Imported(NamedTuple):
    """What an import found and stored.

    Attributes:
        head: the transcript afterwards.
        end: the position behind the last entry that was looked at or stored.
        added: how many entries were stored.
        others: how many entries from `start_position` to `end` are none of the text's.
        created: the transcript began with this import.
    """

    head: Transcript
    end: int
    added: int = 0
    others: int = 0
    created: bool = False


@tells_doubt
async def import_transcript(
    store: Store,
    name: TranscriptName,
    lines: Sequence[Line],
    *,
    start_position: int = 0,
    generation: int | None = None,
) -> Imported:
    """Make the transcript hold these lines from a position on.

    Args:
        lines: as `jsonl.parse` gives them, 1 to 10,000.
        start_position: entries before it are looked at only for their uuids, and only if they are among the
            newest 512.
        generation: if given, the one that the transcript must have.

    Raises:
        NotFound: no such session.
        PositionMismatch: there are fewer entries, or they are of another generation; nothing was written.
        EntryUuidReused: a stored entry has the uuid of a line, and other content; nothing was written, unless
            another writer came between two steps.
        TooLarge: a line; nothing was written.
        Unavailable: the table or the bucket did not answer; the same request finishes.
    """
    writer = EntryWriter(store, name)
    entries = with_identities((line.fields for line in lines), writer.token)
    _check_sizes(store, entries, lines)
    await writer.known()
    return await writer.settled(_Import(writer, entries, lines, start_position).run(generation))


class _Import:
    """One request's import: what was found so far, and what is left."""

    def __init__(
        self, writer: EntryWriter, entries: Sequence[Entry], lines: Sequence[Line], start: int
    ) -> None:
        self._writer = writer
        self._entries = entries
        self._numbers = [line.number for line in lines]
        self._start = start
        self._merge = Merge(entries, self._numbers)
        self._done = Imported(writer.head, 0)

    async def run(self, generation: int | None) -> Imported:
        """See `import_transcript`."""
        writer = self._writer
        await writer.look()
        writer.begun_anew()
        self._begin(generation)
        while True:
            if writer.begun_anew():
                self._begin(generation)
            try:
                await self._look()
            except Torn as torn:
                await writer.again_if_torn(torn)
                continue
            if self._merge.whole:
                return self._done._replace(head=writer.head)
            step = self._merge.missing(MAX_ENTRIES)
            step = step[: _fitting(step)]
            if after := await writer.write(step):
                self._stored(step, after)

    def _begin(self, generation: int | None) -> None:
        """Begin with the transcript as it is: what was found in one that is gone went with it.

        Raises:
            PositionMismatch: see `import_transcript`.
        """
        head = self._writer.head
        if self._start > head.length or generation not in {None, head.shown_generation}:
            raise PositionMismatch(
                f"The import goes on at position {self._start}, but the transcript has {head.length} entries,"
                " or was deleted and begun anew. Import the text from its first line.",
                extra={"entry_count": head.length, "generation": head.shown_generation},
            )
        self._merge = Merge(self._entries, self._numbers)
        hits = ring.find(head.ring, head.length, (one.identity for one in self._entries if one.named))
        known = min((position for positions in hits.values() for position in positions), default=self._start)
        self._done = Imported(head, min(known, self._start))

    async def _look(self) -> None:
        """Look through what is stored and was not looked at yet, until all is found.

        Raises:
            EntryUuidReused: see `import_transcript`.
            Torn: the transcript was deleted meanwhile.
        """
        ours = False
        try:
            async for batch in read_batches(
                self._writer.store, self._writer.head, self._done.end, self._writer.head.length
            ):
                own = batch.writer == self._writer.own
                ours |= self._look_at(batch, own=own) and own
                if self._merge.whole:
                    break
        except EntryUuidReused:
            self._writer.judge(ours=ours)
            raise
        self._writer.judge(ours=ours)

    def _look_at(self, batch: Batch, *, own: bool) -> bool:
        """Look through a batch, until all is found; whether any of it is the text's.

        Args:
            own: this import has stored it.
        """
        begin = self._done.end
        for position in range(max(begin, batch.first), batch.end):
            if self._merge.whole:
                break
            before = position < self._start
            found = self._merge.find(batch.lines[position - batch.first], position, uuid_only=before)
            done = self._done
            self._done = done._replace(
                end=position + 1,
                added=done.added + (found and own),
                others=done.others + (not found and not before),
                created=done.created or (own and position == 0),
            )
        return self._done.end > begin

    def _stored(self, step: Sequence[Entry], after: Transcript) -> None:
        done = self._done
        for at, entry in enumerate(step):
            self._merge.find(entry.line, done.end + at)
        self._done = done._replace(
            end=after.length, added=done.added + len(step), created=done.created or done.end == 0
        )


def _check_sizes(store: Store, entries: Sequence[Entry], lines: Sequence[Line]) -> None:
    """Refuse a line that cannot be stored.

    Raises:
        TooLarge: there is one.
    """
    for entry, line in zip(entries, lines, strict=True):
        try:
            check_size([entry], oversized=store.takes_large)
        except TooLarge as error:
            raise TooLarge(f"line {line.number}: {error.detail}", extra={"line": line.number}) from None
        doubtful = store.objects is None and len(entry.line) > PART_SIZE - _SLACK
        if doubtful and (size := len(compressed([entry.line]))) > PART_SIZE:
            detail = f"line {line.number}: {too_large(size, alone=True).detail}"
            raise TooLarge(detail, extra={"line": line.number})


def _fitting(entries: Sequence[Entry]) -> int:
    """How many of the entries go into one transaction: one at least, or what surely fits into an item."""
    size = 0
    for at, entry in enumerate(entries):
        size += len(entry.line) + 1
        if at and size > PART_SIZE - _SLACK:
            return at
    return len(entries)
