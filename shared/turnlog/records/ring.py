"""G2: the ids of the newest messages, as fingerprints in the head, so that a repeat is seen without a read.

A fingerprint is four bytes: 128 of them fill 512 bytes of a head that should stay under one write unit
(1 KB), and a whole batch of 99 fits. They lie in the order of the log, so a hit names the sequence to look
at; it is believed only when the message stored there bears the id (a false hit, one in 2^25, costs a read).
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CAPACITY = 128
_WIDTH = 4


def fingerprint(message_id: str) -> bytes:
    """Four bytes of the id's BLAKE2b hash."""
    return blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=_WIDTH).digest()


def extended(ring: bytes, message_ids: Iterable[str], capacity: int | None = None) -> bytes:
    """The ring after these messages; of `CAPACITY`, if it is of no other."""
    return joined(ring, map(fingerprint, message_ids), capacity)


def joined(ring: bytes, marks: Iterable[bytes], capacity: int | None = None) -> bytes:
    """The ring after the messages of these fingerprints, see `extended`."""
    return (ring + b"".join(marks))[-(capacity or CAPACITY) * _WIDTH :]


def rewound(ring: bytes, gone: int, older: bytes) -> bytes:
    """The ring without the newest messages.

    Args:
        gone: how many go, at least one.
        older: fingerprints of the messages right before those that the ring has, or before the cut, if all
            of these go.
    """
    return (older + ring[: -gone * _WIDTH])[-CAPACITY * _WIDTH :]


def start(ring: bytes, message_count: int) -> int:
    """The sequence of the oldest message that it has."""
    return message_count - len(ring) // _WIDTH


def find(ring: bytes, message_count: int, message_ids: Iterable[str]) -> dict[str, list[int]]:
    """For each of these ids that seems to be stored already, the sequences at which it may be."""
    marks = {message_id: fingerprint(message_id) for message_id in message_ids}
    if not any(mark in ring for mark in marks.values()):  # as of most: they are new
        return {}
    first = start(ring, message_count)
    known: dict[bytes, list[int]] = {}
    for at in range(0, len(ring), _WIDTH):
        known.setdefault(ring[at : at + _WIDTH], []).append(first + at // _WIDTH)
    return {message_id: known[mark] for message_id, mark in marks.items() if mark in known}


def candidates(
    ring: bytes, message_count: int, message_ids: Sequence[str], *known: Mapping[str, Iterable[int]]
) -> dict[str, list[int]]:
    """Where these may be stored already: as the ring says, where they were seen, or where a try put them.

    The ring alone is not enough, because it forgets: while a try is under way, others may append more than it
    holds, and the try itself may.

    Args:
        ring: of the log.
        message_count: its length.
        message_ids: those that are looked for.
        known: by id, the sequences at which they were seen, or tried.
    """
    hits = find(ring, message_count, message_ids)
    for message_id, sequences in chain.from_iterable(more.items() for more in known):
        if reached := {sequence for sequence in sequences if sequence < message_count}:
            hits[message_id] = sorted({*hits.get(message_id, []), *reached})
    return hits
