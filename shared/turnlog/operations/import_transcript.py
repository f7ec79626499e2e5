"""G1, G7: an import compares what is stored and appends what is new, as PUT does for messages.

The entries of the request are what the transcript holds from its first position on. Those that are stored
must be the same; the others are appended in steps of one transaction each, in order. All of them are checked
before the first is written. What a crash, a lost reply or another writer leaves between two steps is looked
at afresh: a repeat finishes, or says where the two part.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from turnlog.errors import Diverged, TooLarge, Torn
from turnlog.limits import MAX_ENTRIES, PART_SIZE, PAYLOAD_LIMIT
from turnlog.records.batches import answer_size, compressed
from turnlog.records.entries import with_identities
from turnlog.store.deposits import too_large
from turnlog.store.doubt import tells_doubt
from turnlog.store.entry_reader import read_batches
from turnlog.store.entry_writer import EntryWriter
from turnlog.wire import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.entries import Entry, Fields
    from turnlog.records.keys import TranscriptName
    from turnlog.records.transcripts import Transcript
    from turnlog.store.store import Store

# What zlib may add to bytes that it cannot make fewer.
_SLACK = 1024


class Imported(NamedTuple):
    """The transcript afterwards, how many entries this import stored, and whether it began the transcript."""

    head: Transcript
    added: int
    created: bool


@tells_doubt
async def import_transcript(store: Store, name: TranscriptName, new: Sequence[Fields]) -> Imported:
    """Make the transcript hold these entries from its beginning on.

    Args:
        new: JSON objects, as `jsonl.parse` gives them.

    Raises:
        NotFound: no such session.
        Diverged: a stored entry differs; nothing was written, unless another writer came between two steps.
        TooLarge: an entry; nothing was written.
        Unavailable: the table or the bucket did not answer; the same request finishes.
    """
    writer = EntryWriter(store, name)
    entries = with_identities(new, writer.token)
    _check_sizes(store, entries)
    await writer.known()
    return await writer.settled(_import(writer, entries))


async def _import(writer: EntryWriter, entries: Sequence[Entry]) -> Imported:
    await writer.look()
    known = Imported(writer.head, 0, created=False)
    done = 0
    while True:
        if writer.begun_anew():
            known, done = Imported(writer.head, 0, created=False), 0
        try:
            ours = await _own_positions(writer, entries, done)
        except Torn as torn:
            await writer.again_if_torn(torn)
            continue
        known = Imported(writer.head, known.added + len(ours), known.created or 0 in ours)
        done = max(done, min(known.head.length, len(entries)))
        if done == len(entries):
            return known
        step = entries[done : done + _step(entries[done:])]
        if after := await writer.write(step, done):
            known = Imported(after, known.added + len(step), known.created or done == 0)
            done += len(step)


def _check_sizes(store: Store, entries: Sequence[Entry]) -> None:
    """Refuse an entry that cannot be stored or answered."""
    for number, entry in enumerate(entries, 1):
        if (size := answer_size([entry.line])) > PAYLOAD_LIMIT:
            raise TooLarge(f"Entry {number} takes {size} bytes in an answer, which holds {PAYLOAD_LIMIT}.")
        doubtful = store.objects is None and len(entry.line) > PART_SIZE - _SLACK
        if doubtful and (size := len(compressed([entry.line]))) > PART_SIZE:
            raise too_large(size)


def _step(entries: Sequence[Entry]) -> int:
    """How many of the entries go into one transaction: one at least, or what surely fits into an item."""
    size = 0
    for at, entry in enumerate(entries[:MAX_ENTRIES]):
        size += len(entry.line) + 1
        if at and size > PART_SIZE - _SLACK:
            return at
    return min(len(entries), MAX_ENTRIES)


async def _own_positions(writer: EntryWriter, entries: Sequence[Entry], done: int) -> list[int]:
    """The positions of what this import stored behind the first `done`; what is stored there is the same.

    Raises:
        Diverged: see `_compare`, as for `Torn`.
    """
    ours: list[int] = []
    try:
        await _compare(writer, entries, done, ours)
    except Diverged:
        writer.judge(ours=bool(ours))
        raise
    writer.judge(ours=bool(ours))
    return ours


async def _compare(writer: EntryWriter, entries: Sequence[Entry], done: int, ours: list[int]) -> None:
    """Compare what is stored behind the first `done`, and note what this import stored.

    Raises:
        Diverged: an entry differs.
        Torn: the transcript was deleted meanwhile.
    """
    head = writer.head
    end = min(head.length, len(entries))
    async for batch in read_batches(writer.store, head, done, end):
        for position in range(max(done, batch.first), min(end, batch.end)):
            line, entry = batch.lines[position - batch.first], entries[position]
            if line != entry.line and not same(json.loads(line), entry.fields):
                raise Diverged(
                    f"The stored entries differ from position {position} on; there are {head.length}."
                    " Read them again.",
                    extra={"position": position, "entry_count": head.length},
                )
            if batch.writer == writer.own:
                ours.append(position)
