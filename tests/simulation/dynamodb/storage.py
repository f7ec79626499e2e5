"""The items, in partitions that remember what was there before each change.

Stored items are never changed in place, so an old one is kept at the price of a reference: a partition as it
was some changes ago is made only when a late read asks for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tests.simulation.dynamodb.attribute_values import copied_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.dynamodb.schema import Key, Schema
    from turnlog.records.item import Item

Place: TypeAlias = "tuple[str, ...]"
"""Where an item is in its partition: its range key; in an index, then its primary key, for ties."""


class Change(NamedTuple):
    """What was at a place before it changed."""

    place: Place
    before: Item | None


class Partition:
    """The items of one hash key, in order."""

    def __init__(self) -> None:
        self.items: dict[Place, Item] = {}
        self.order: list[Place] = []
        self.changes: list[Change] = []

    def put(self, place: Place, item: Item | None) -> None:
        """Store an item, or with None delete the one that is there."""
        before = self.items.get(place)
        self.changes.append(Change(place, before))
        if item is not None:
            self.items[place] = item
            if before is None:
                insort(self.order, place)
        elif before is not None:
            del self.items[place]
            del self.order[bisect_left(self.order, place)]

    def as_of(self, changes_ago: int) -> Partition:
        """The partition before its newest so many changes."""
        if not changes_ago:
            return self
        past = Partition()
        past.items = dict(self.items)
        for place, before in reversed(self.changes[-changes_ago:]):
            past.items.pop(place, None)
            if before is not None:
                past.items[place] = before
        past.order = sorted(past.items)
        return past


class Storage:
    """All partitions, of the table (index "") and of its indexes.

    Attributes:
        stream: the table's stream from its beginning: `eventName`, `Keys`, `OldImage` and `NewImage` as
            there are, and `userIdentity` where DynamoDB itself deleted the item.
        lag: how many of so many changes an eventually consistent read does not see yet.
    """

    def __init__(self, schema: Schema, lag: Callable[[int], int]) -> None:
        self.lag = lag
        self.stream: list[dict[str, Any]] = []
        self._schema = schema
        self._partitions: dict[tuple[str, str], Partition] = {}

    def items(self) -> list[Item]:
        """Everything in the table, as stored."""
        tables = [part for (index, _), part in self._partitions.items() if not index]
        return [part.items[place] for part in tables for place in part.order]

    def item(self, key: Key, *, consistent: bool = True) -> Item | None:
        """The item with this key."""
        return self.partition("", key.hash, consistent=consistent).items.get((key.range,))

    def partition(self, index: str, hash_key: str, *, consistent: bool) -> Partition:
        """A partition, of an index or with "" of the table."""
        newest = self._partitions.get((index, hash_key)) or Partition()
        return newest if consistent else newest.as_of(self.lag(len(newest.changes)))

    def put(self, key: Key, item: Item | None, **more: Any) -> None:
        """Store an item, or with None delete it; `more` are members of the stream's record."""
        before = self.item(key)
        if item == before:  # no change, no record
            return
        self._put("", key.hash, (key.range,), item)
        for name in self._schema.indexes:
            self._reindex(name, key, before, item)
        images = {"OldImage": before, "NewImage": item}
        self.stream.append(
            {
                "eventName": "REMOVE" if item is None else "MODIFY" if before else "INSERT",
                "Keys": {name: {"S": part} for name, part in zip(self._schema.keys, key, strict=True)},
                **{name: copied_item(image) for name, image in images.items() if image is not None},
                **more,
            }
        )

    def _reindex(self, index: str, key: Key, before: Item | None, after: Item | None) -> None:
        old, new = (self._schema.index_entry(index, item) for item in (before, after))
        keys = self._schema.indexes[index].keys
        if old is not None and (new is None or any(old[name] != new[name] for name in keys)):
            self._put(index, old[keys.hash]["S"], (old[keys.range]["S"], *key), None)
        if new is not None and new != old:
            self._put(index, new[keys.hash]["S"], (new[keys.range]["S"], *key), new)

    def _put(self, index: str, hash_key: str, place: Place, item: Item | None) -> None:
        self._partitions.setdefault((index, hash_key), Partition()).put(place, item)
