"""G1, G2: entries are appended all or none, and each once, however often a request is sent.

A writer may find that an entry is there already: a client sent it again, or the writer's own request was
applied and its reply lost. The ring in the transcript's head, and for its own tries what it remembers, say
where to look; the batch that is stored there decides. It bears the token of the request that stored it, so an
entry without a uuid is known again as well, though only to the request that brought it, and to its repeats if
it has a `batch_id`; and one of this sending of it alone, so a repeat is not taken for the first.
"""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from shared import ring
from shared.batches import answer_size, containing
from shared.entries import identified
from shared.entry_writer import EntryWriter
from shared.errors import EntryUuidReused, PositionMismatch, TooLarge, Torn
from shared.limits import PAYLOAD_LIMIT
from shared.wire import same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.batches import Batch
    from shared.entries import Entry, Fields
    from shared.keys import TranscriptKey
    from shared.store import Store
    from shared.transcripts import Transcript

    # By an entry's identity: at which positions it is, or was tried.
    Places = Mapping[str, Sequence[int]]


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


async def append_entries(
    store: Store,
    key: TranscriptKey,
    new: Sequence[Fields],
    *,
    expected_position: int | None = None,
    batch_id: str | None = None,
) -> AppendedEntries:
    """Append entries, all or none, each with a uuid once; the transcript begins with its first.

    Args:
        store: where.
        key: the transcript.
        new: JSON objects, 1 to 500.
        expected_position: if given, the position that the first new entry must get.
        batch_id: of this request and its repeats, by which they know entries without a uuid.

    Raises:
        NotFound: no such session.
        PositionMismatch: the next position is not the expected one; nothing was written.
        EntryUuidReused: a uuid, or the batch id, is taken by other content; nothing was written.
        Invalid: two entries share a uuid, or one holds what JSON cannot carry.
        TooLarge: all of them together; nothing was written.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    writer = EntryWriter(store, key, batch_id)
    entries = identified(new, writer.token)
    if (size := answer_size(entry.line for entry in entries)) > PAYLOAD_LIMIT:
        raise TooLarge(f"The entries take {size} bytes in an answer, which holds {PAYLOAD_LIMIT}.")
    return await writer.settled(_append(writer, entries, expected_position))


async def _append(
    writer: EntryWriter, entries: Sequence[Entry], expected_position: int | None
) -> AppendedEntries:
    store, ids = writer.store, [entry.identity for entry in entries]
    tried: dict[str, list[int]] = {}
    await writer.look()
    for attempt in count():
        head = writer.head
        if writer.begun_anew() and writer.unsure:
            raise writer.unsure  # if that try was applied, its effect went with the transcript
        hits = ring.places(head.ring, head.length, ids, tried if writer.unsure else {})
        unexpected = expected_position not in {None, head.length}
        if hits or unexpected:
            await store.head(writer.key.session)  # what is stored is told only of a session that is there
        try:
            present, ours = await _judged(writer, entries, hits, tried)
        except Torn as torn:
            await store.again(attempt, torn)
            await writer.look()
            continue
        missing = [entry for entry in entries if entry.identity not in present]
        if not missing:
            store.counts["entries_appended" if ours else "entries_replayed"] += len(entries)
            return AppendedEntries([present[one][0] for one in ids], head, replayed=not ours)
        if unexpected:
            raise PositionMismatch(f"The next position is {head.length}.", extra={"entry_count": head.length})
        written = {entry.identity: position for position, entry in enumerate(missing, head.length)}
        for identity, position in written.items():
            tried.setdefault(identity, []).append(position)
        if after := await writer.write(attempt, missing, entries.index(missing[0])):
            positions = [present[one][0] if one in present else written[one] for one in ids]
            return AppendedEntries(positions, after, replayed=False)
    raise AssertionError  # count() does not end


async def _judged(
    writer: EntryWriter, entries: Sequence[Entry], hits: Places, tried: Places
) -> tuple[dict[str, tuple[int, Batch]], bool]:
    """What `_present` says, and whether a try of this request was found to be applied.

    Raises:
        EntryUuidReused: see `_present`, as for `Torn`.
    """
    try:
        present = await _present(writer, entries, hits, tried)
    except EntryUuidReused:
        writer.judge(ours=False)  # no try without this entry was made
        raise
    ours = any(batch.writer == writer.own for _, batch in present.values())
    writer.judge(ours=ours)
    return present, ours


async def _present(
    writer: EntryWriter, entries: Sequence[Entry], hits: Places, tried: Places
) -> dict[str, tuple[int, Batch]]:
    """Those of the entries that are stored already, by identity: where, and in which batch.

    Raises:
        EntryUuidReused: one is, with other content.
        Torn: the transcript was deleted meanwhile.
    """
    at: dict[int, Batch] = {}
    for position in sorted({position for positions in hits.values() for position in positions}):
        if position not in at:
            batch = await containing(writer.store, writer.head, position)
            at |= dict.fromkeys(range(batch.first, batch.end), batch)
    present: dict[str, tuple[int, Batch]] = {}
    for entry in entries:
        for position in hits.get(entry.identity, ()):
            batch = at[position]
            line = batch.lines[position - batch.first]
            if entry.named:
                known = _is(line, entry, position)
            elif batch.writer == writer.own:
                known = position in tried.get(entry.identity, ())
            else:
                known = batch.token == writer.token and _repeats(line, entry, position)
            if known:
                present[entry.identity] = position, batch
    return present


def _is(line: bytes, entry: Entry, position: int) -> bool:
    """Whether an entry is stored here; another one's uuid may have the same fingerprint.

    Raises:
        EntryUuidReused: its uuid is, with other content.
    """
    return json.loads(line).get("uuid") == entry.identity and _repeats(line, entry, position)


def _repeats(line: bytes, entry: Entry, position: int) -> bool:
    """True: what stands here under the entry's identity is that entry.

    Raises:
        EntryUuidReused: it is another.
    """
    if not same(json.loads(line), entry.fields):
        raise EntryUuidReused(
            "An entry with this uuid, or of this batch_id, and other content is stored.",
            extra={"position": position},
        )
    return True
