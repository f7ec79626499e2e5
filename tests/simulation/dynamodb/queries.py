"""Query: key conditions, order and pages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulation.dynamodb.attribute_values import canonical_item, copied_item, item_size
from tests.simulation.dynamodb.conditions import condition
from tests.simulation.dynamodb.expressions import Scope, distinct_names, projection
from tests.simulation.dynamodb.refusals import refusal
from tests.simulation.dynamodb.schema import Key, Keys, Schema, too_long
from tests.simulation.dynamodb.writes import known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.dynamodb.attribute_values import Value
    from tests.simulation.dynamodb.storage import Place, Storage
    from turnlog.records.item import Item

_PAGE = 1024 * 1024
_SELECTS = {"ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT"}
_PARAMETERS = {
    "TableName",
    "IndexName",
    "KeyConditionExpression",
    "ProjectionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ExclusiveStartKey",
    "ScanIndexForward",
    "ConsistentRead",
    "Limit",
    "Select",
}
_OPERATORS = {"=", "<", "BETWEEN", "begins_with"}


@dataclass(frozen=True)
class Span:
    """The range keys that a key condition lets through: all, without an operator."""

    operator: str = ""
    bounds: tuple[str, ...] = ()

    def within(self, order: list[Place]) -> tuple[int, int]:
        """Where in an ordered list they begin and end."""
        start, end = 0, len(order)
        if self.operator in {"=", "BETWEEN", "begins_with"}:
            start = bisect_left(order, self.bounds[0], key=_range)
        if self.operator in {"=", "BETWEEN"}:
            end = bisect_right(order, self.bounds[-1], key=_range)
        elif self.operator == "<":
            end = bisect_left(order, self.bounds[0], key=_range)
        elif self.operator == "begins_with":
            prefix = self.bounds[0]
            end = bisect_right(order, prefix, key=lambda place: place[0][: len(prefix)])
        return start, end

    def goes_on(self, place: Place, *, forward: bool) -> bool:
        """Whether a page may start behind this place: it is in the span, and not at its very end."""
        if self.within([place]) != (0, 1):
            return False
        return self.operator != "BETWEEN" or place[0] != self.bounds[-1 if forward else 0]


def query(parameters: Mapping[str, Any], schema: Schema, storage: Storage) -> dict[str, Any]:
    """Answer a Query."""
    known(parameters, _PARAMETERS)
    scope = Scope(parameters, "KeyConditionExpression", "ProjectionExpression")
    index = parameters.get("IndexName", "")
    keys = schema.index(index).keys if index else schema.keys
    consistent = parameters.get("ConsistentRead", False)
    if index and consistent:
        raise refusal("Consistent read cannot be true when querying a GSI")
    names = projected_names(parameters, scope)
    _check_select(parameters, schema, names)
    hash_key, span = _key_condition(parameters, keys, scope)
    partition = storage.partition(index, hash_key, consistent=consistent and not index)
    forward = parameters.get("ScanIndexForward", True)
    start, end = span.within(partition.order)
    if "ExclusiveStartKey" in parameters:
        behind = _start(parameters["ExclusiveStartKey"], schema, keys, hash_key)
        if not span.goes_on(behind, forward=forward):
            raise refusal("The provided starting key does not match the range key predicate")
        if forward:
            start = max(start, bisect_right(partition.order, behind))
        else:
            end = min(end, bisect_left(partition.order, behind))
    places = partition.order[start:end]
    page, last = _page(places if forward else places[::-1], partition.items, parameters.get("Limit"))
    answer: dict[str, Any] = {"Count": len(page), "ScannedCount": len(page)}
    if last is not None and span.goes_on(last, forward=forward):
        answer["LastEvaluatedKey"] = _last(partition.items[last], schema, keys)
    if parameters.get("Select") != "COUNT":
        answer["Items"] = [projected(item, names) for item in page]
    return answer


def projected_names(parameters: Mapping[str, Any], scope: Scope) -> list[str] | None:
    """The attributes that a read asks for; None for all."""
    if "ProjectionExpression" not in parameters:
        return None
    return distinct_names(projection(parameters["ProjectionExpression"]), scope)


def projected(item: Item, names: list[str] | None) -> Item:
    """A copy of these attributes of an item."""
    return copied_item(item if names is None else {name: item[name] for name in names if name in item})


def _check_select(parameters: Mapping[str, Any], schema: Schema, names: list[str] | None) -> None:
    select, index = parameters.get("Select"), parameters.get("IndexName", "")
    if select is not None and select not in _SELECTS:
        raise refusal(f"Value {select} at 'select' failed to satisfy constraint")
    if names is not None and select not in {None, "SPECIFIC_ATTRIBUTES"}:
        raise refusal("Cannot specify the ProjectionExpression when choosing to get something else")
    if names is None and select == "SPECIFIC_ATTRIBUTES":
        raise refusal("Must specify the AttributesToGet or ProjectionExpression")
    if not index:
        if select == "ALL_PROJECTED_ATTRIBUTES":
            raise refusal("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
        return
    there = schema.index(index).projected
    if there is not None and (select == "ALL_ATTRIBUTES" or not there.issuperset(names or ())):
        raise refusal(f"Global secondary index {index} does not project all that is asked for")


def _key_condition(parameters: Mapping[str, Any], keys: Keys, scope: Scope) -> tuple[str, Span]:
    spans: dict[str, Span] = {}
    for term in condition(parameters["KeyConditionExpression"], "KeyConditionExpression"):
        term.check(scope)
        name = term.path.name(scope)
        if term.operator not in _OPERATORS:
            raise refusal("Invalid operator used in KeyConditionExpression")
        if name in spans:
            raise refusal("KeyConditionExpressions must only contain one condition per key")
        spans[name] = Span(term.operator, tuple(map(_bound, term.values(scope))))
    if keys.hash not in spans or not spans.keys() <= set(keys):
        raise refusal("Query condition missed key schema element")
    if spans[keys.hash].operator != "=":
        raise refusal("Query key condition not supported")
    span = spans.get(keys.range, Span())
    if any(too_long(Key("-", bound)) for bound in span.bounds):
        raise refusal("Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
    return spans[keys.hash].bounds[0], span


def _bound(value: Value) -> str:
    if "S" not in value:
        raise refusal("Condition parameter type does not match schema type")
    if not value["S"]:
        raise refusal("The AttributeValue for a key attribute cannot contain an empty string value")
    bound: str = value["S"]
    return bound


def _start(key: Mapping[str, Any], schema: Schema, keys: Keys, hash_key: str) -> Place:
    start = canonical_item(key)
    if start.keys() != {*schema.keys, *keys}:
        raise refusal("Exclusive Start Key must have same size as table's key schema")
    primary = schema.key_of(start)
    schema.check_key(start)
    schema.check_index_types(start)
    schema.check_index_values(start)
    if start[keys.hash]["S"] != hash_key:
        raise refusal("The provided starting key is outside query boundaries")
    return (primary.range,) if keys == schema.keys else (start[keys.range]["S"], *primary)


def _page(
    places: list[Place], items: dict[Place, Item], limit: int | None
) -> tuple[list[Item], Place | None]:
    """The items of a page, and the place of the last one if there may be more behind it."""
    page: list[Item] = []
    bytes_read = 0
    for at, place in enumerate(places, start=1):
        page.append(items[place])
        bytes_read += item_size(items[place])
        if at == limit or (bytes_read >= _PAGE and at < len(places)):
            return page, place
    return page, None


def _last(item: Item, schema: Schema, keys: Keys) -> Item:
    return copied_item({name: item[name] for name in dict.fromkeys((*schema.keys, *keys))})


def _range(place: Place) -> str:
    return place[0]
