"""What can be wrong with a call, by name. A flaw that does not apply to a call leaves it alone (None)."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Parameters: TypeAlias = "dict[str, Any]"
Flaw: TypeAlias = "Callable[[str, Parameters], Parameters | None]"

_EXPRESSIONS = ("ConditionExpression", "KeyConditionExpression", "UpdateExpression", "ProjectionExpression")


def _on_part(change: Callable[[Parameters], bool]) -> Flaw:
    """A flaw in the last write of a transaction or batch, or in the parameters; `change` tells if it fits."""

    def flawed(operation: str, parameters: Parameters) -> Parameters | None:
        copy = deepcopy(parameters)
        part = copy
        if operation == "TransactWriteItems":
            ((_, part),) = copy["TransactItems"][-1].items()
        elif operation == "BatchGetItem":
            ((_, part),) = copy["RequestItems"].items()
        elif operation == "BatchWriteItem":
            ((_, requests),) = copy["RequestItems"].items()
            ((_, part),) = requests[-1].items()
        return copy if change(part) else None

    return flawed


def _with(**members: Any) -> Flaw:
    """A flaw that sets parameters."""

    def change(part: Parameters) -> bool:
        part |= deepcopy(members)
        return True

    return _on_part(change)


def _more(member: str, entries: Parameters) -> Flaw:
    """A flaw that adds to the names or values, where there is an expression."""

    def change(part: Parameters) -> bool:
        part.setdefault(member, {}).update(deepcopy(entries))
        return any(name in part for name in _EXPRESSIONS)

    return _on_part(change)


def _expression(change_text: Callable[[str], str]) -> Flaw:
    """A flaw in the text of an expression."""

    def change(part: Parameters) -> bool:
        name = next((name for name in _EXPRESSIONS if name in part), "")
        if name:
            part[name] = change_text(part[name])
        return bool(name)

    return _on_part(change)


def _instead(kind: str, expression: str, **values: Any) -> Flaw:
    """A flaw that is an expression, in the place of another of its kind."""

    def change(part: Parameters) -> bool:
        fits = kind in part
        for name in (*_EXPRESSIONS, "ExpressionAttributeNames", "ExpressionAttributeValues"):
            part.pop(name, None)
        part[kind] = expression
        if values:
            part["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
        return fits

    return _on_part(change)


def _condition(condition: str, **values: Any) -> Flaw:
    return _instead("ConditionExpression", condition, **values)


def _update(update: str, **values: Any) -> Flaw:
    return _instead("UpdateExpression", update, **values)


def _keyed(**attributes: Any) -> Flaw:
    """A flaw in a key or an item; an attribute that is None is taken away."""

    def change(part: Parameters) -> bool:
        key = part["Keys"][-1] if "Keys" in part else part.get("Key", part.get("Item"))
        if key is None:
            return False
        key |= deepcopy(attributes)
        for name in [name for name, value in attributes.items() if value is None]:
            del key[name]
        return True

    return _on_part(change)


def _item(**attributes: Any) -> Flaw:
    """A flaw in an item that is put."""
    keyed = _keyed(**attributes)

    def flawed(operation: str, parameters: Parameters) -> Parameters | None:
        puts = _on_part(lambda part: "Item" in part)(operation, parameters)
        return keyed(operation, parameters) if puts else None

    return flawed


def _query(index: bool | None = None, **members: Any) -> Flaw:
    """A flaw that sets parameters of a Query, of an index or of the table; one that is None is taken away."""

    def flawed(operation: str, parameters: Parameters) -> Parameters | None:
        if operation != "Query" or (index is not None and index != ("IndexName" in parameters)):
            return None
        changed = {**deepcopy(parameters), **deepcopy(members)}
        return {name: member for name, member in changed.items() if member is not None}

    return flawed


def _twice(operation: str, parameters: Parameters) -> Parameters | None:
    copy = deepcopy(parameters)
    if operation == "TransactWriteItems":
        copy["TransactItems"].append(deepcopy(copy["TransactItems"][0]))
    elif operation == "BatchGetItem":
        ((_, request),) = copy["RequestItems"].items()
        request["Keys"].append(dict(request["Keys"][0]))
    elif operation == "BatchWriteItem":
        ((_, requests),) = copy["RequestItems"].items()
        requests.append(deepcopy(requests[0]))
    else:
        return None
    return copy


def _too_many(operation: str, parameters: Parameters) -> Parameters | None:
    copy = deepcopy(parameters)
    if operation == "TransactWriteItems":
        ((_, write),) = copy["TransactItems"][0].items()
        copy["TransactItems"] = [
            {"Delete": {"TableName": write["TableName"], "Key": key}} for key in _keys(101)
        ]
    elif operation == "BatchGetItem":
        ((_, request),) = copy["RequestItems"].items()
        request["Keys"] = _keys(101)
    elif operation == "BatchWriteItem":
        copy["RequestItems"] = {
            name: [{"DeleteRequest": {"Key": key}} for key in _keys(26)] for name in copy["RequestItems"]
        }
    else:
        return None
    return copy


def _keys(count: int) -> list[Parameters]:
    return [{"PK": {"S": "many"}, "SK": {"S": str(at)}} for at in range(count)]


def _token(token: str) -> Flaw:
    def flawed(operation: str, parameters: Parameters) -> Parameters | None:
        return parameters | {"ClientRequestToken": token} if operation == "TransactWriteItems" else None

    return flawed


_N = {"N": "1"}
_S = {"S": "a"}
_PLACE = {"PK": {"S": "USER#a#SESSION#1"}, "SK": {"S": "HEAD"}}

FLAWS: dict[str, Flaw] = {
    "value not used": _more("ExpressionAttributeValues", {":unused": _N}),
    "name not used": _more("ExpressionAttributeNames", {"#unused": "n"}),
    "name empty": _more("ExpressionAttributeNames", {"#empty": ""}),
    "no names": _with(ExpressionAttributeNames={}),
    "value not defined": _expression(lambda text: f"{text} AND n = :undefined"),
    "name not defined": _expression(lambda text: f"{text}, #undefined"),
    "reserved word": _condition("attribute_exists(data)"),
    "bounds swapped": _condition("n BETWEEN :b AND :a", a={"N": "1"}, b={"N": "2"}),
    "bounds of two types": _condition("n BETWEEN :a AND :b", a=_N, b=_S),
    "order of booleans": _condition("flag <= :a", a={"BOOL": False}),
    "begins with a number": _condition("begins_with(s, :a)", a=_N),
    "key changed": _update("SET SK = :a", a=_S),
    "changed twice": _update("SET n = :a REMOVE n", a=_N),
    "sum of texts": _update("SET n = n + :a", a=_S),
    "text added": _update("ADD n :a", a=_S),
    "index key made a number": _update("SET GSI1SK = :a", a=_N),
    "index key made empty": _update("SET GSI1SK = :a", a={"S": ""}),
    "index key made too long": _update("SET GSI1SK = :a", a={"S": "x" * 1025}),
    "return values not known": _with(ReturnValues="SOME"),
    "parameter misspelt": _with(KeyConditionsExpression="PK = :a"),
    "other table": _with(TableName="elsewhere"),
    "key part empty": _keyed(SK={"S": ""}),
    "key part missing": _keyed(SK=None),
    "key part a number": _keyed(SK=_N),
    "hash key too long": _keyed(PK={"S": "é" * 1025}),
    "range key too long": _keyed(SK={"S": "é" * 513}),
    "index key empty": _item(GSI1PK={"S": ""}),
    "index key a number": _item(GSI1PK=_N),
    "index key too long": _item(GSI1PK={"S": "x" * 2049}),
    "item too large": _item(s={"S": "x" * 410_000}),
    "number spelt otherwise": _item(n={"N": "+0010.50"}),
    "number with an exponent": _item(n={"N": "1.2e3"}),
    "number too precise": _item(n={"N": "1" * 39}),
    "number too large": _item(n={"N": "1E126"}),
    "number too small": _item(n={"N": "1E-131"}),
    "no number": _item(n={"N": "one"}),
    "number in no text": _item(n={"N": 1}),
    "two types": _item(n={"N": "1", "S": "a"}),
    "no type": _item(n={}),
    "null that is not": _item(none={"NULL": False}),
    "attribute without name": _item(**{"": _N}),
    "same item twice": _twice,
    "too many": _too_many,
    "token too long": _token("x" * 37),
    "limit 0": _query(Limit=0),
    "index not there": _query(True, IndexName="GSI9"),
    "index read consistently": _query(True, ConsistentRead=True),
    "not projected": _query(True, ProjectionExpression="s", Select=None),
    "all of an index": _query(True, Select="ALL_ATTRIBUTES", ProjectionExpression=None),
    "count of a projection": _query(False, Select="COUNT", ProjectionExpression="n"),
    "start of an index without its keys": _query(True, ExclusiveStartKey=_PLACE),
    "start elsewhere": _query(False, ExclusiveStartKey={**_PLACE, "PK": {"S": "elsewhere"}}),
    "start somewhere": _query(False, ExclusiveStartKey={**_PLACE, "SK": {"S": "MSG#0000000001"}}),
    "start without range": _query(False, ExclusiveStartKey={"PK": _PLACE["PK"]}),
}
