"""Conditions: as many kinds as the store sends, parsed, checked and asked of an item.

    condition := term (AND term)*
    term      := attribute_exists(path) | attribute_not_exists(path) | begins_with(path, :value)
               | path = :value, or with <>, <, <= | path BETWEEN :value AND :value | path IN (:value, …)

Another one is a `NotImplementedError`: add it here, and to `tests/conformance/words.py`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.simulation.dynamodb.attribute_values import compared
from tests.simulation.dynamodb.expressions import Cursor
from tests.simulation.dynamodb.refusals import refusal

if TYPE_CHECKING:
    from tests.simulation.dynamodb.attribute_values import Value
    from tests.simulation.dynamodb.expressions import Given, Path, Scope
    from turnlog.records.item import Item

_ORDERS = {"<": operator.lt, "<=": operator.le}
_EXISTENCE = {"attribute_exists", "attribute_not_exists"}


@dataclass(frozen=True)
class Term:
    """One term: an operator or a function, an attribute, and values of the request."""

    operator: str
    path: Path
    given: tuple[Given, ...] = ()

    def values(self, scope: Scope) -> list[Value]:
        """What the attribute is compared with."""
        return [scope.values[each.token] for each in self.given]

    def check(self, scope: Scope) -> None:
        """Refuse what DynamoDB refuses before it looks at any item."""
        values = self.values(scope)
        kinds = {kind for value in values for kind in value}
        allowed = {"S", "B"} if self.operator == "begins_with" else {"S", "N", "B"}
        if self.operator in {*_ORDERS, "BETWEEN", "begins_with"} and not kinds <= allowed:
            raise refusal(f"Incorrect operand type for operator or function; {self.operator}: {kinds}")
        if self.operator == "BETWEEN":
            if (order := compared(*values)) is None:
                raise refusal("The BETWEEN operator requires same data type for lower and upper bounds")
            if order > 0:
                raise refusal("The BETWEEN operator requires an upper bound that is not below the lower")

    def holds(self, item: Item, scope: Scope) -> bool:
        """Whether it is true of the item; one that is not there has no attributes."""
        value, others = self.path.value(item, scope), self.values(scope)
        if self.operator in _EXISTENCE:
            return (value is None) == (self.operator == "attribute_not_exists")
        if self.operator == "<>":
            return value != others[0]
        return value is not None and _true(self.operator, value, others)


Condition: TypeAlias = "tuple[Term, ...]"
"""Terms, all of which must hold."""


@cache
def condition(expression: str, kind: str = "ConditionExpression") -> Condition:
    """The condition that an expression says.

    Args:
        expression: its text.
        kind: which parameter of the request it is.
    """
    cursor = Cursor(kind, expression)
    terms = [_term(cursor)]
    while cursor.skip("AND"):
        terms.append(_term(cursor))
    cursor.end()
    return tuple(terms)


def _term(cursor: Cursor) -> Term:
    if cursor.at_call():
        function = cursor.take(*_EXISTENCE, "begins_with")
        cursor.take("(")
        path = cursor.path()
        given: list[Given] = []
        if function == "begins_with":
            cursor.take(",")
            given.append(cursor.given())
        cursor.take(")")
        return Term(function, path, tuple(given))
    path = cursor.path()
    name = cursor.take("=", "<>", *_ORDERS, "BETWEEN", "IN")
    if name == "BETWEEN":
        low = cursor.given()
        cursor.take("AND")
        return Term(name, path, (low, cursor.given()))
    if name != "IN":
        return Term(name, path, (cursor.given(),))
    cursor.take("(")
    among = [cursor.given()]
    while cursor.skip(","):
        among.append(cursor.given())
    cursor.take(")")
    return Term(name, path, tuple(among))


def _true(name: str, value: Value, others: list[Value]) -> bool:
    match name:
        case "begins_with":
            return value.keys() == others[0].keys() and bool(_content(value).startswith(_content(others[0])))
        case "BETWEEN":
            low, high = others
            return _ordered("<=", low, value) and _ordered("<=", value, high)
        case "<" | "<=":
            return _ordered(name, value, others[0])
    return value in others


def _ordered(name: str, left: Value, right: Value) -> bool:
    order = compared(left, right)
    return order is not None and bool(_ORDERS[name](order, 0))


def _content(value: Value) -> Any:
    (content,) = value.values()
    return content
