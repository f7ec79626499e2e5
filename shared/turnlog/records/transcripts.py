"""A transcript's head: how many entries there are, in which generation, and which came last.

G4: a deleted transcript's head stays as a tombstone, which has no `entry_count`, for as long as its session
is there. What is appended next begins the next `generation`, so that no late write and no reader can take the
entries of the one transcript for those of the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.limits import TRANSCRIPT_RING
from turnlog.records import ring
from turnlog.records.expressions import LIVE, attribute, put, touch, update
from turnlog.records.keys import parse_transcript

if TYPE_CHECKING:
    from collections.abc import Iterable

    from turnlog.records.expressions import Value
    from turnlog.records.item import Item
    from turnlog.records.keys import GenerationKey, TranscriptKey

_STRINGS = ("updated_at", "deleted_at")
_BYTES = ("ring", "token")
_IN_ONE_SESSION = 1_000_000  # generations: as many as a sort key has digits for


class Transcript(NamedTuple):
    """A transcript's head, live or a tombstone.

    Attributes:
        generation: how often the transcript was deleted before; the session's own is in the key.
        entry_count: None of a tombstone.
        size: bytes of all entries in an answer, see `batches.answer_size`; `bytes` in the table.
        ring: fingerprints of the newest entries' ids, see `ring`; an entry without a uuid has an id
            that is made for it.
        token: of the deletion, by which it is known after a lost reply.
    """

    key: TranscriptKey
    generation: int = 0
    entry_count: int | None = None
    size: int = 0
    ring: bytes = b""
    token: bytes = b""
    updated_at: str = ""
    deleted_at: str | None = None

    @property
    def live(self) -> bool:
        """Whether the transcript is there, rather than deleted."""
        return self.entry_count is not None

    @property
    def length(self) -> int:
        """How many entries there are."""
        return self.entry_count or 0

    @property
    def shown_generation(self) -> int:
        """A number that no transcript of this name had before, also none of a former session of the id."""
        return self.key.session.generation * _IN_ONE_SESSION + self.generation

    def grown(self, ids: Iterable[str], count: int, size: int, now: str) -> Transcript:
        """The head after so many more entries."""
        return self._replace(
            entry_count=self.length + count,
            size=self.size + size,
            ring=ring.extended(self.ring, ids, TRANSCRIPT_RING),
            updated_at=max(now, self.updated_at),  # clocks differ between machines
        )

    def buried(self, now: str, token: bytes) -> Transcript:
        """The tombstone."""
        return Transcript(self.key, self.generation, token=token, deleted_at=now)

    def item(self) -> Item:
        """The item, with what it has."""
        given: dict[str, Value | None] = {
            "generation": self.generation,
            "entry_count": self.entry_count,
            "bytes": self.size if self.live else None,
            **{field: getattr(self, field) or None for field in (*_STRINGS, *_BYTES)},
        }
        return {
            **self.key.head,
            **{name: attribute(value) for name, value in given.items() if value is not None},
        }


def from_item(item: Item) -> Transcript:
    """The head in an item, live or a tombstone."""
    fields: dict[str, Any] = {}
    fields |= {field: item[field]["S"] for field in _STRINGS if field in item}
    fields |= {field: bytes(item[field]["B"]) for field in _BYTES if field in item}
    if "entry_count" in item:
        fields |= {"entry_count": int(item["entry_count"]["N"]), "size": int(item["bytes"]["N"])}
    return Transcript(parse_transcript(item), int(item["generation"]["N"]), **fields)


def begun(key: TranscriptKey, there: Transcript | None) -> Transcript:
    """What the next append adds to: the transcript that is there, or a new one without entries."""
    if there is None:
        return Transcript(key)
    return there if there.live else Transcript(key, there.generation + 1)


def moved(there: Transcript | None, after: Transcript) -> dict[str, Any]:
    """The write of a transcript's head, if it still is what it was."""
    if there is None:
        return {"Put": put(after.item(), condition="attribute_not_exists(#PK)")}
    values: dict[str, Value] = {"generation": there.generation}
    condition = "#generation = :generation AND "
    if not there.live:
        condition += "attribute_not_exists(#entry_count)"
    elif not after.live:
        condition += "attribute_exists(#entry_count)"  # whatever is appended meanwhile goes as well
    else:
        condition += "#entry_count = :expected"
        values["expected"] = there.length
    return {"Put": put(after.item(), condition=condition, values=values)}


def touched(key: GenerationKey, now: str) -> dict[str, Any]:
    """The write that tells a live session of its transcript's change, and fails where there is none (G4)."""
    return {"Update": update(key, to=touch(key, now), plus={"version": 1}, condition=LIVE)}
