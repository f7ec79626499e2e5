"""Read and write units by AWS's rules, from the sizes of the items.

A write unit is 1 KB of the larger of the item before and after, two in a transaction, and more for what an
index keeps of it; a read unit is 4 KB read consistently, half of one otherwise, two in a transaction.
docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.dynamodb.attribute_values import item_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from turnlog.records.item import Item

WRITE_UNIT, READ_UNIT = 1024, 4096


class Index(NamedTuple):
    """A global secondary index.

    Attributes:
        keys: its key attributes: an item without one of them is not in the index.
        projected: the attributes that it keeps; None: all.
    """

    keys: frozenset[str]
    projected: frozenset[str] | None

    def entry(self, item: Item | None) -> Item | None:
        """What the index keeps of an item."""
        if item is None or not self.keys <= item.keys():
            return None
        return {
            name: value for name, value in item.items() if self.projected is None or name in self.projected
        }


def indexes(definition: Mapping[str, Any]) -> list[Index]:
    """The indexes of a table, as CreateTable takes them or DescribeTable gives them."""
    table_keys = {key["AttributeName"] for key in definition["KeySchema"]}
    found = []
    for index in definition.get("GlobalSecondaryIndexes", ()):
        keys = frozenset(key["AttributeName"] for key in index["KeySchema"])
        projection = index["Projection"]
        whole = projection["ProjectionType"] == "ALL"
        kept = keys | table_keys | set(projection.get("NonKeyAttributes", ()))
        found.append(Index(keys, None if whole else kept))
    return found


def write_units(
    old: Item | None, new: Item | None, over: Iterable[Index] = (), *, transaction: bool = False
) -> float:
    """The units of one write; the indexes' part is written once, also in a transaction."""
    each = 2 if transaction else 1
    return each * max(1, _units(old), _units(new)) + sum(_index_units(index, old, new) for index in over)


def read_units(size: int, *, consistent: bool, transaction: bool = False) -> float:
    """The units of reading so many bytes at once; of reading nothing, too."""
    return max(1, ceil(size / READ_UNIT)) * (2 if transaction else 1 if consistent else 0.5)


def _index_units(index: Index, old: Item | None, new: Item | None) -> int:
    before, after = index.entry(old), index.entry(new)
    if before == after:
        return 0
    if before and after and all(before[name] == after[name] for name in index.keys):
        return max(_units(before), _units(after))
    return _units(before) + _units(after)


def _units(item: Item | None) -> int:
    return ceil(item_size(item) / WRITE_UNIT) if item else 0
