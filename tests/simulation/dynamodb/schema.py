"""A table's keys and indexes, as its definition for `create_table` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.dynamodb.attribute_values import canonical_item, item_size, text_size
from tests.simulation.dynamodb.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnlog.records.item import Item

_MAX_ITEM = 400 * 1024
_MAX_HASH, _MAX_RANGE = 2_048, 1_024


class Key(NamedTuple):
    """The primary key of an item."""

    hash: str
    range: str


class Keys(NamedTuple):
    """The names of a table's or an index's key attributes."""

    hash: str
    range: str


class Index(NamedTuple):
    """A global secondary index; `projected` is None where it has all attributes."""

    keys: Keys
    projected: frozenset[str] | None


class Schema:
    """What the definition says, and the checks that follow from it.

    Args:
        definition: the arguments of boto3's `create_table`. All keys are strings, and all have a range.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.name: str = definition["TableName"]
        self.keys = _keys(definition)
        if any(attribute["AttributeType"] != "S" for attribute in definition["AttributeDefinitions"]):
            message = "keys other than strings"
            raise NotImplementedError(message)
        self.indexes: dict[str, Index] = {}
        for index in definition.get("GlobalSecondaryIndexes", ()):
            keys, projection = _keys(index), index["Projection"]
            projected = {*self.keys, *keys, *projection.get("NonKeyAttributes", ())}
            every = projection["ProjectionType"] == "ALL"
            self.indexes[index["IndexName"]] = Index(keys, None if every else frozenset(projected))

    def index(self, name: str) -> Index:
        """The index of this name."""
        if name not in self.indexes:
            raise refusal(f"The table does not have the specified index: {name}")
        return self.indexes[name]

    def key(self, key: Mapping[str, Any]) -> Key:
        """The primary key that a request names."""
        if key.keys() != set(self.keys):
            raise refusal("The number of conditions on the keys is invalid")
        return self.key_of(canonical_item(key))

    def key_of(self, item: Item) -> Key:
        """The primary key of an item."""
        if not item.keys() >= set(self.keys):
            raise refusal("One of the required keys was not given a value")
        key = Key(*(str(part) for name in self.keys for part in item[name].values()))
        if not all(key):
            raise refusal("The AttributeValue for a key attribute cannot contain an empty string value")
        return key

    def check_key(self, item: Mapping[str, Any]) -> None:
        """Refuse a primary key of another type, or too long a one."""
        if any("S" not in item[name] for name in self.keys):
            raise refusal("One or more parameter values were invalid: Type mismatch for key")
        if too_long(Key(*(item[name]["S"] for name in self.keys))):
            raise refusal("Hash primary key values must be under 2048 bytes, and range ones under 1024 bytes")

    def index_entry(self, name: str, item: Item | None) -> Item | None:
        """What an index has of an item: nothing when an index key is not there."""
        keys, projected = self.indexes[name]
        if item is None or any(key not in item for key in keys):
            return None
        return item if projected is None else {name: item[name] for name in item if name in projected}

    def check_index_types(self, item: Item) -> None:
        """Refuse index keys of another type."""
        for keys, _ in self.indexes.values():
            if any("S" not in item[name] for name in keys if name in item):
                raise refusal("One or more parameter values were invalid: Type mismatch for Index Key")

    def check_index_values(self, item: Item) -> None:
        """Refuse index keys that are empty or too long."""
        for keys, _ in self.indexes.values():
            key = Key(*(item.get(name, {}).get("S", "-") for name in keys))
            if not all(key):
                raise refusal("A value specified for a secondary index key is not supported: empty string")
            if too_long(key):
                raise refusal("One or more parameter values were invalid: Size limit exceeded")


def check_size(item: Item) -> None:
    """Refuse an item above 400 KB."""
    if item_size(item) > _MAX_ITEM:
        raise refusal("Item size has exceeded the maximum allowed size")


def too_long(key: Key) -> bool:
    """Whether either part of a key is above its limit."""
    return text_size(key.hash) > _MAX_HASH or text_size(key.range) > _MAX_RANGE


def _keys(definition: Mapping[str, Any]) -> Keys:
    names = {element["KeyType"]: element["AttributeName"] for element in definition["KeySchema"]}
    return Keys(names["HASH"], names["RANGE"])
