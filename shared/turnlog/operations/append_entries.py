"""G1, G2: entries are appended all or none, and each once, however often a request is sent.

A writer may find that an entry is there already: a client sent it again, or the writer's own request was
applied and its reply lost. The ring in the transcript's head, and for its own tries what it remembers, say
where to look; the batch that is stored there decides.

A batch bears two tokens. One is the request's: by it the request knows its entries without a uuid, and so do
its repeats if it has a `batch_id`. The other is of one sending of the request: by it a repeat that finds all
stored is told from the sending that stored it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from turnlog.errors import EntryUuidReused, PositionMismatch, Torn, Unavailable
from turnlog.records import ring
from turnlog.records.entries import check_size, uuid_of, with_identities
from turnlog.store.doubt import tells_doubt
from turnlog.store.entry_reader import containing
from turnlog.store.entry_writer import EntryWriter
from turnlog.store.retry import check_time
from turnlog.wire import loads, same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from turnlog.records.batches import Batch
    from turnlog.records.entries import Entry, Fields
    from turnlog.records.keys import TranscriptName
    from turnlog.records.transcripts import Transcript
    from turnlog.store.store import Store

    # By an entry's identity: at which positions it may be.
    Candidates = Mapping[str, Sequence[int]]


class AppendedEntries(NamedTuple):
    """What an append stored, or had stored before.

    Attributes:
        positions: of the request's entries, in its order.
        head: the transcript afterwards.
        replayed: nothing was new.
    """

    positions: list[int]
    head: Transcript
    replayed: bool


@tells_doubt
async def append_entries(
    store: Store,
    name: TranscriptName,
    new: Sequence[Fields],
    *,
    expected_position: int | None = None,
    batch_id: str | None = None,
) -> AppendedEntries:
    """Append entries, all or none, each with a uuid once; the transcript begins with its first.

    Args:
        new: JSON objects, 1 to 500.
        expected_position: if given, the position that the first new entry must get.
        batch_id: of this request and its repeats, by which they know entries without a uuid.

    Raises:
        NotFound: no such session.
        PositionMismatch: the next position is not the expected one; nothing was written.
        EntryUuidReused: a uuid, or the batch id, is taken by other content; nothing was written.
        Invalid: one uuid comes with two contents, or an entry holds what Turnlog does not take.
        TooLarge: all of them together, or an entry; nothing was written.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    writer = EntryWriter(store, name, batch_id)
    entries = with_identities(new, writer.token)
    check_size(entries, oversized=store.takes_large)
    return await writer.settled(_append(writer, entries, expected_position))


class _Stored(NamedTuple):
    """What of a request is stored already.

    Attributes:
        positions: by an entry's identity.
        ours: whether this sending of the request stored any of it.
    """

    positions: dict[str, int]
    ours: bool


async def _append(
    writer: EntryWriter, entries: Sequence[Entry], expected_position: int | None
) -> AppendedEntries:
    store, ids = writer.store, [entry.identity for entry in entries]
    tried: dict[str, list[int]] = {}
    positions: dict[str, int] = {}
    await writer.look()
    while True:
        head = writer.head
        if writer.begun_anew() and writer.tries.unanswered:
            raise writer.tries.unanswered  # if that try was applied, its effect went with the transcript
        seen = {identity: [position] for identity, position in positions.items()}
        hits = ring.candidates(head.ring, head.length, ids, seen, tried if writer.tries.unanswered else {})
        unexpected = expected_position not in {None, head.length}
        # What is stored is told only of a session that is there.
        if (hits or unexpected) and not await writer.known():
            continue
        try:
            found = await _look_up(writer, entries, hits)
        except Torn as torn:
            await writer.again_if_torn(torn)
            continue
        positions = found.positions
        missing = [entry for entry in entries if entry.identity not in positions]
        if not missing:
            store.counts["entries_appended" if found.ours else "entries_replayed"] += len(entries)
            return AppendedEntries([positions[one] for one in ids], head, replayed=not found.ours)
        if unexpected:
            raise PositionMismatch(
                f"expected_position is {expected_position}, but the next position is {head.length}."
                " Read the transcript again.",
                extra={"entry_count": head.length},
            )
        written = {entry.identity: position for position, entry in enumerate(missing, head.length)}
        for identity, position in written.items():
            tried.setdefault(identity, []).append(position)
        if after := await writer.write(missing):
            positions |= written
            return AppendedEntries([positions[one] for one in ids], after, replayed=False)


async def _look_up(writer: EntryWriter, entries: Sequence[Entry], hits: Candidates) -> _Stored:
    """What `_stored` says, after which the writer knows whether a try of this request was applied.

    Raises:
        EntryUuidReused: see `_stored`, as for `Torn` and `Unavailable`.
    """
    try:
        found = await _stored(writer, entries, hits)
    except EntryUuidReused:
        writer.judge(ours=False)  # no try without this entry was made
        raise
    writer.judge(ours=found.ours)
    return found


async def _stored(writer: EntryWriter, entries: Sequence[Entry], hits: Candidates) -> _Stored:
    """Those of the entries that are stored already.

    Raises:
        EntryUuidReused: one is, with other content.
        Torn: the transcript was deleted meanwhile.
        Unavailable: there is no time to read all the batches that the request names.
    """
    found = _Stored({}, ours=False)
    end = 0
    for position in sorted({position for positions in hits.values() for position in positions}):
        if position < end:
            continue  # in the batch before
        if end:  # one is always read
            check_time(
                writer.store.clock,
                Unavailable("There was no time to compare all that is stored. Send fewer entries at once."),
            )
        batch = await containing(writer.store, writer.head, position)
        end = batch.end
        left = [entry for entry in entries if entry.identity not in found.positions]
        here = _stored_in(batch, writer.token, left)
        found = _Stored(found.positions | here, found.ours or (bool(here) and batch.writer == writer.own))
    return found


def _stored_in(batch: Batch, token: bytes, entries: Sequence[Entry]) -> dict[str, int]:
    """Those of a request's entries that are stored in a batch, by identity: at which positions.

    Args:
        token: of the request, and of its repeats.

    Raises:
        EntryUuidReused: one is, with other content.
    """
    lines = [loads(line) for line in batch.lines]
    at_uuid = {uuid: at for at, line in enumerate(lines) if (uuid := uuid_of(line))}
    # A request stores all of its entries that have no uuid in one batch, in their order.
    unnamed = iter([at for at, line in enumerate(lines) if not uuid_of(line)])
    stored: dict[str, int] = {}
    for entry in entries:
        if entry.named:
            at = at_uuid.get(entry.identity)
        else:
            at = next(unnamed, None) if batch.token == token else None
        if at is None:
            continue
        if not same(lines[at], entry.fields):
            raise EntryUuidReused(
                f"The entry at position {batch.first + at} has the uuid or the batch_id of one that was sent,"
                " and other content. Send the new one with another.",
                extra={"position": batch.first + at},
            )
        stored[entry.identity] = batch.first + at
    return stored
