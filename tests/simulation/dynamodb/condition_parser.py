"""Condition expressions: parsed to a tree that tells whether it holds for an item.

    or      := and (OR and)*
    and     := not (AND not)*
    not     := NOT not | term
    term    := primary [comparator primary | BETWEEN primary AND primary | IN ( primary, … )]
    primary := ( or ) | function ( primary, … ) | path | :value

A parenthesis may hold a condition or an operand, so both are parsed alike and told apart where one is needed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeGuard

from tests.simulation.dynamodb.conditions import (
    COMPARATORS,
    Comparison,
    Condition,
    Exists,
    Joined,
    Not,
    Size,
)
from tests.simulation.dynamodb.expressions import Cursor, Path

if TYPE_CHECKING:
    from tests.simulation.dynamodb.expressions import Operand

_FUNCTIONS = {"attribute_exists": 1, "attribute_not_exists": 1, "begins_with": 2, "contains": 2, "size": 1}
_MAX_IN = 100


@cache
def condition(expression: str, kind: str = "ConditionExpression") -> Condition:
    """The condition that an expression says.

    Args:
        expression: its text.
        kind: which parameter of the request it is.
    """
    parser = _Parser(Cursor(kind, expression))
    parsed = parser.condition(parser.joined("OR"))
    parser.cursor.end()
    return parsed


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self._group: Any = None  # what the parenthesis that was closed last held

    def joined(self, by: str) -> Any:
        part = self._negated if by == "AND" else lambda: self.joined("AND")
        parts = [part()]
        while self.cursor.skip(by):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(by, tuple(map(self.condition, parts)))

    def _negated(self) -> Any:
        return Not(self.condition(self._negated())) if self.cursor.skip("NOT") else self._term()

    def _term(self) -> Any:
        first = self._primary()
        if _is_condition(first):
            return first
        name = self.cursor.keyword
        if name in COMPARATORS:
            self.cursor.take()
            return Comparison(name, (first, self._operand()))
        if self.cursor.skip("BETWEEN"):
            low = self._operand()
            self.cursor.take("AND")
            return Comparison(name, (first, low, self._operand()))
        if self.cursor.skip("IN"):
            operands = self._arguments()
            if len(operands) > _MAX_IN:
                raise self.cursor.wrong("The IN operator is provided with too many operands")
            return Comparison(name, (first, *operands))
        return first

    def _primary(self) -> Any:
        cursor = self.cursor
        if cursor.skip("("):
            inner = self.joined("OR")
            cursor.take(")")
            if inner is self._group:
                raise cursor.wrong("The expression has redundant parentheses")
            self._group = inner
            return inner
        if cursor.at_call() and cursor.keyword not in {"NOT", "AND", "OR"}:
            return self._call(cursor.take())
        return cursor.given() if cursor.next[0] == ":" else cursor.path()

    def _call(self, function: str) -> Any:
        operands = self._arguments()
        if function == "attribute_type":
            raise NotImplementedError(function)
        if function not in _FUNCTIONS:
            raise self.cursor.wrong(f"Invalid function name; function: {function}")
        if len(operands) != _FUNCTIONS[function]:
            raise self.cursor.wrong(f"Incorrect number of operands for operator or function: {function}")
        if len(operands) > 1:
            return Comparison(function, operands)
        (only,) = operands
        if function == "size" and not isinstance(only, Size):
            return Size(only)
        if isinstance(only, Path):
            return Exists(only) if function == "attribute_exists" else Not(Exists(only))
        raise self.cursor.wrong(f"Operator or function requires a document path: {function}")

    def _arguments(self) -> tuple[Operand, ...]:
        self.cursor.take("(")
        operands = [self._operand()]
        while self.cursor.skip(","):
            operands.append(self._operand())
        self.cursor.take(")")
        return tuple(operands)

    def _operand(self) -> Operand:
        operand: Operand = self._primary()
        if _is_condition(operand):
            raise self.cursor.wrong("The function is not allowed to be used this way in an expression")
        return operand

    def condition(self, parsed: Any) -> Condition:
        if not _is_condition(parsed):
            raise self.cursor.unexpected()
        return parsed


def _is_condition(parsed: object) -> TypeGuard[Condition]:
    return hasattr(parsed, "holds")
