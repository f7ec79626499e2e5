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
    kind = chooser.choose(4)
    place = places[chooser.choose(len(places))]
    entry = data[place]
    if isinstance(entry, bytes):
        strings = [other for name in places if name != place and isinstance(other := data[name], bytes)]
        data[place] = _damaged(entry, kind, strings, chooser)
        return
    fields = sorted(entry)
    field = fields[chooser.choose(len(fields))]
    values = [entry[name] for name in fields if name != field]
    for other in places:
        # The checksum has the session and the sequence in it, and not the edit: a value is carried over from
        # one edit's key to the next one's.
        if other.rpartition(b":")[0] != place.rpartition(b":")[0] and isinstance(hash_ := data[other], dict):
            values += [hash_[name] for name in sorted(hash_)]
    entry[field] = _damaged(entry[field], kind, values, chooser)


def _damaged(value: bytes, kind: int, others: list[bytes], chooser: Chooser) -> bytes:
    match kind:
        case 0:
            return others[chooser.choose(len(others))] if others else value[::-1]
        case 1:
            return b""
        case 2:
            return value[: chooser.choose(max(1, len(value)))]
        case _:
            at = chooser.choose(max(1, len(value)))
            return (
                value[:at]
                + bytes(byte ^ 1 << chooser.choose(8) for byte in value[at : at + 1])
                + value[at + 1 :]
            )
