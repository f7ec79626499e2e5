"""Conditions on an item: what they hold for, and what DynamoDB refuses of them at sight."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from tests.simulation.dynamodb.attribute_values import compared
from tests.simulation.dynamodb.expressions import Given, Path
from tests.simulation.dynamodb.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.dynamodb.attribute_values import Value
    from tests.simulation.dynamodb.expressions import Operand, Scope
    from turnlog.records.item import Item

_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
COMPARATORS = _ORDERS.keys() | {"=", "<>"}


class Condition(Protocol):
    """A condition on an item."""

    def check(self, scope: Scope) -> None:
        """Refuse what DynamoDB refuses before it looks at any item."""
        ...

    def holds(self, item: Item, scope: Scope) -> bool:
        """Whether it is true of the item; one that is not there has no attributes."""
        ...


@dataclass(frozen=True)
class Size:
    """`size(…)`: characters, bytes or elements."""

    of: Operand

    def value(self, item: Item, scope: Scope) -> Value | None:
        """See `Operand`."""
        value = self.of.value(item, scope)
        if value is None or value.keys().isdisjoint({"S", "B", "L", "M"}):
            return None
        # DynamoDB Local is Java, where a text is as long as its UTF-16.
        content = value["S"].encode("utf-16-le")[::2] if "S" in value else _content(value)
        return {"N": str(len(content))}


@dataclass(frozen=True)
class Comparison:
    """A comparator, BETWEEN, IN, `begins_with` or `contains`, and its operands."""

    operator: str
    operands: tuple[Operand, ...]

    def check(self, scope: Scope) -> None:
        """See `Condition`."""
        first, *others = self.operands
        if isinstance(first, Path) and any(
            isinstance(other, Path) and other.name(scope) == first.name(scope) for other in others
        ):
            raise refusal("The first operand must be distinct from the remaining operands")
        given = [scope.values[each.token] for each in self.operands if isinstance(each, Given)]
        kinds = {kind for value in given for kind in value}
        allowed = {"begins_with": {"S", "B"}}.get(self.operator, {"S", "N", "B"})
        if self.operator in {*_ORDERS, "BETWEEN", "begins_with"} and not kinds <= allowed:
            raise refusal(f"Incorrect operand type for operator or function; {self.operator}: {kinds}")
        if self.operator == "BETWEEN" and all(isinstance(bound, Given) for bound in others):
            low, high = given[-2:]
            if (order := compared(low, high)) is None:
                raise refusal("The BETWEEN operator requires same data type for lower and upper bounds")
            if order > 0:
                raise refusal("The BETWEEN operator requires an upper bound that is not below the lower")

    def holds(self, item: Item, scope: Scope) -> bool:
        """See `Condition`."""
        first, *others = (operand.value(item, scope) for operand in self.operands)
        if self.operator == "<>":
            return first is None or first != others[0]
        return first is not None and _TESTS[self.operator](first, *others)


@dataclass(frozen=True)
class Exists:
    """`attribute_exists(…)`."""

    path: Path

    def check(self, scope: Scope) -> None:
        """See `Condition`."""

    def holds(self, item: Item, scope: Scope) -> bool:
        """See `Condition`."""
        return self.path.name(scope) in item


@dataclass(frozen=True)
class Not:
    """The opposite."""

    condition: Condition

    def check(self, scope: Scope) -> None:
        """See `Condition`."""
        self.condition.check(scope)

    def holds(self, item: Item, scope: Scope) -> bool:
        """See `Condition`."""
        return not self.condition.holds(item, scope)


@dataclass(frozen=True)
class Joined:
    """Conditions between ANDs, or between ORs."""

    by: str
    conditions: tuple[Condition, ...]

    def check(self, scope: Scope) -> None:
        """See `Condition`."""
        for condition in self.conditions:
            condition.check(scope)

    def holds(self, item: Item, scope: Scope) -> bool:
        """See `Condition`."""
        every = all if self.by == "AND" else any
        return every(condition.holds(item, scope) for condition in self.conditions)


def _ordered(comparator: str, left: Value, right: Value | None) -> bool:
    order = None if right is None else compared(left, right)
    return order is not None and bool(_ORDERS[comparator](order, 0))


def _between(value: Value, low: Value | None, high: Value | None) -> bool:
    return _ordered(">=", value, low) and _ordered("<=", value, high)


def _begins_with(value: Value, start: Value | None) -> bool:
    return _same_kind(value, start) and bool(_content(value).startswith(_content(start)))


def _contains(value: Value, part: Value | None) -> bool:
    return part in value.get("L", ()) or (_same_kind(value, part) and _content(part) in _content(value))


def _same_kind(left: Value, right: Value | None) -> bool:
    return right is not None and left.keys() == right.keys() and left.keys() <= {"S", "B"}


def _content(value: Value | None) -> Any:
    (content,) = (value or {}).values()
    return content


_TESTS: dict[str, Callable[..., bool]] = {
    **{comparator: partial(_ordered, comparator) for comparator in _ORDERS},
    "=": operator.eq,
    "BETWEEN": _between,
    "IN": lambda value, *others: value in others,
    "begins_with": _begins_with,
    "contains": _contains,
}
