"""What a cache may come to hold that nobody put there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.memory_cache import Entry
    from tests.simulation.scheduler import Chooser


def corrupted(data: dict[bytes, Entry], chooser: Chooser) -> None:
    """Damage one value, or put one where another belongs."""
    places = sorted(data)
    if not places:
        return
    place = places[chooser.choose(len(places))]
    entry = data[place]
    if isinstance(entry, bytes):
        strings = [other for name in places if name != place and isinstance(other := data[name], bytes)]
        data[place] = _damaged(entry, strings, chooser)
        return
    fields = sorted(entry)
    field = fields[chooser.choose(len(fields))]
    values = [entry[name] for name in fields if name != field]
    for other in places:
        # The checksum has the session and the sequence in it, and not the edit: a value is carried over from
        # one edit's key to the next one's.
        if other.rpartition(b":")[0] != place.rpartition(b":")[0] and isinstance(hash_ := data[other], dict):
            values += [hash_[name] for name in sorted(hash_)]
    entry[field] = _damaged(entry[field], values, chooser)


def _damaged(value: bytes, others: list[bytes], chooser: Chooser) -> bytes:
    at = chooser.choose(max(1, len(value)))
    match chooser.choose(4):
        case 0:
            return value[:at]
        case 1 if value:
            return value[:at] + bytes([value[at] ^ 1 << chooser.choose(8)]) + value[at + 1 :]
        case 2:
            return b""
        case _:
            return others[chooser.choose(len(others))] if others else value[::-1]
