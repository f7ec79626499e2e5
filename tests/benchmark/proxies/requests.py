"""What a DynamoDB request touches, read from its JSON on the wire."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from turnlog.records.item import Item

    Json = dict[str, Any]

_ITEMS = {"ExclusiveStartKey", "ExpressionAttributeValues", "Key"}
# What of a read says how much it costs.
_COSTLY = {
    *("TableName", "Key", "IndexName", "KeyConditionExpression", "ExclusiveStartKey"),
    *("ScanIndexForward", "ConsistentRead", "Limit"),
}
_WRITTEN = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}


class Place(NamedTuple):
    """A primary key in a table, in botocore's form."""

    table: str
    key: Item


class Read(NamedTuple):
    """One item that was read, or one page of a Query or Scan.

    Attributes:
        key: of the item; None for a page.
        again: what asks for that page's items again, whole.
        scanned: how many items the page looked at.
    """

    table: str
    consistent: bool
    transaction: bool = False
    key: Item | None = None
    again: Json | None = None
    scanned: int = 0


def keys_written(operation: str, request: Json, key_names: Callable[[str], tuple[str, ...]]) -> list[Place]:
    """The items that a write writes; those that it only asks about are among them, as AWS counts them."""
    match operation:
        case "BatchWriteItem":
            writes = [
                {kind.removesuffix("Request"): {"TableName": table, **write}}
                for table, batch in request["RequestItems"].items()
                for one in batch
                for kind, write in one.items()
            ]
        case "TransactWriteItems":
            writes = request["TransactItems"]
        case _:
            writes = [{_WRITTEN[operation]: request}]
    return [_place(write, key_names(write["TableName"])) for one in writes for write in one.values()]


def _place(write: Json, names: tuple[str, ...]) -> Place:
    key = write.get("Key") or {name: write["Item"][name] for name in names}
    return Place(write["TableName"], _values(key))


def reads_of(operation: str, request: Json, answer: Json) -> Iterator[Read]:
    """What a read read."""
    match operation:
        case "GetItem":
            yield Read(
                request["TableName"], request.get("ConsistentRead", False), key=_values(request["Key"])
            )
        case "BatchGetItem":
            for table, batch in request["RequestItems"].items():
                for key in batch["Keys"]:
                    yield Read(table, batch.get("ConsistentRead", False), key=_values(key))
        case "TransactGetItems":
            for one in request["TransactItems"]:
                yield Read(
                    one["Get"]["TableName"],
                    consistent=True,
                    transaction=True,
                    key=_values(one["Get"]["Key"]),
                )
        case "Query" | "Scan":
            yield Read(
                request["TableName"],
                request.get("ConsistentRead", False),
                again=_again(request),
                scanned=int(answer["ScannedCount"]),
            )


def whole(request: Mapping[str, Any]) -> Json:
    """The same GetItem, Query or Scan without what makes its answer smaller, but not its cost."""
    kept = {name: value for name, value in request.items() if name in _COSTLY}
    condition = request.get("KeyConditionExpression", "")
    for names in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        # One that only the filter or the projection used would be refused.
        used = {name: value for name, value in request.get(names, {}).items() if _used(name, condition)}
        if used:
            kept[names] = used
    return kept


def _again(request: Json) -> Json:
    """The read as a whole, in botocore's form."""
    return {name: _values(value) if name in _ITEMS else value for name, value in whole(request).items()}


def _used(name: str, condition: str) -> bool:
    return name in condition.replace(",", " ").replace("(", " ").replace(")", " ").replace("=", " ").split()


def _values(item: Json) -> Item:
    """Attribute values of the wire in botocore's form: binary is bytes there, not base64."""
    return {
        name: {kind: b64decode(value) if kind == "B" else value for kind, value in one.items()}
        for name, one in item.items()
    }
