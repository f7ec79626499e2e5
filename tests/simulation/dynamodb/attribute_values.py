"""Attribute values: what is one, how big it is, how two compare.

Sizes are those of docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.simulation.dynamodb.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnlog.records.item import Item

Value: TypeAlias = "dict[str, Any]"

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DIGITS = 38
_MAX_EXPONENT, _MIN_EXPONENT = 125, -130
_EXACT = Context(prec=600)  # enough for any sum of two numbers in DynamoDB's range
_SCALARS = frozenset({"S", "N", "B", "BOOL", "NULL"})
_ORDERED = frozenset({"S", "N", "B"})


def canonical(value: Mapping[str, Any]) -> Value:
    """A copy of a value as DynamoDB stores it; refuses what is none."""
    if len(value) != 1:
        message = "Supplied AttributeValue must contain exactly one of the supported datatypes"
        raise refusal(message)
    ((kind, content),) = value.items()
    if kind == "N":
        return number(decimal(content))
    if kind == "L":
        return {"L": [canonical(element) for element in content]}
    if kind == "M":
        return {"M": canonical_item(content)}
    if kind not in _SCALARS:
        message = f"attribute type {kind}"
        raise NotImplementedError(message)
    if kind == "NULL" and not content:
        raise refusal("Null attribute value types must have the value of true")
    return {kind: bytes(content) if kind == "B" else content}


def canonical_item(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """A copy of an item as DynamoDB stores it."""
    if "" in item:
        raise refusal("Empty attribute name")
    return {name: canonical(value) for name, value in item.items()}


def copied(value: Value) -> Value:
    """A deep copy of a stored value."""
    ((kind, content),) = value.items()
    if kind == "L":
        return {"L": [copied(element) for element in content]}
    if kind == "M":
        return {"M": copied_item(content)}
    return {kind: content}


def copied_item(item: Item) -> Item:
    """A deep copy of a stored item: no caller can change what is stored."""
    return {name: copied(value) for name, value in item.items()}


def decimal(text: str) -> Decimal:
    """The number that a text says."""
    if not _NUMBER.fullmatch(text):
        raise refusal("A value provided cannot be converted into a number")
    return Decimal(text)


def number(exact: Decimal) -> Value:
    """A number as DynamoDB writes it; refuses what is out of its range or precision."""
    if not exact:
        return {"N": "0"}
    reduced = exact.normalize(_EXACT)
    if reduced.adjusted() > _MAX_EXPONENT:
        raise refusal("Number overflow. Attempting to store a number with magnitude larger than supported")
    if reduced.adjusted() < _MIN_EXPONENT:
        raise refusal("Number underflow. Attempting to store a number with magnitude smaller than supported")
    if len(reduced.as_tuple().digits) > _DIGITS:
        raise refusal("DynamoDB only supports precision up to 38 digits")
    return {"N": f"{reduced:f}"}


def total(left: Value, right: Value, *, sign: int = 1) -> Value:
    """The sum of two numbers, or their difference; refuses what is no number."""
    if "N" not in left or "N" not in right:
        raise refusal("An operand in the update expression has an incorrect data type")
    return number(_EXACT.add(Decimal(left["N"]), _EXACT.multiply(Decimal(sign), Decimal(right["N"]))))


def compared(left: Value, right: Value) -> int | None:
    """-1, 0 or 1; None for values that have no order between them."""
    ((kind, one),) = left.items()
    ((other_kind, other),) = right.items()
    if kind != other_kind or kind not in _ORDERED:
        return None
    if kind == "N":
        one, other = Decimal(one), Decimal(other)
    # Python orders text by code point, which is the order of its UTF-8 bytes.
    return int(one > other) - int(one < other)


def item_size(item: Mapping[str, Value]) -> int:
    """Bytes of an item by AWS's rules."""
    return sum(text_size(name) + size(value) for name, value in item.items())


def text_size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def size(value: Value) -> int:
    """Bytes of a value by AWS's rules."""
    ((kind, content),) = value.items()
    if kind == "S":
        return text_size(content)
    if kind == "B":
        return len(bytes(content))
    if kind == "N":
        digits = len(str(content).lstrip("-").replace(".", "").strip("0"))
        return (digits + 1) // 2 + 1 + str(content).startswith("-")
    if kind == "L":
        return 3 + sum(1 + size(element) for element in content)
    if kind == "M":
        return 3 + len(content) + item_size(content)
    return 1
