"""Update expressions: as many kinds as the store sends, parsed, checked and applied to a copy of an item.

    update := [SET change (, change)*] [REMOVE path (, path)*] [ADD path :value (, path :value)*]
    change := path = :value | path = path + :value

Another one is a `NotImplementedError`: add it here, and to `tests/conformance/words.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tests.simulation.dynamodb.attribute_values import copied, total
from tests.simulation.dynamodb.expressions import Cursor, Given, Path, distinct_names
from tests.simulation.dynamodb.refusals import refusal

if TYPE_CHECKING:
    from tests.simulation.dynamodb.attribute_values import Value
    from tests.simulation.dynamodb.expressions import Scope
    from turnlog.records.item import Item


@dataclass(frozen=True)
class Change:
    """An attribute gets a value, or the sum of an attribute and a value; without either it goes.

    Attributes:
        must: whether that other attribute has to be there.
    """

    path: Path
    given: Given | None = None
    plus: Path | None = None
    must: bool = True

    def check(self, scope: Scope) -> None:
        """Refuse what DynamoDB refuses before it looks at any item."""
        if self.given and self.plus and "N" not in scope.values[self.given.token]:
            raise refusal("Incorrect operand type for operator or function")

    def value(self, item: Item, scope: Scope) -> Value | None:
        """What the attribute gets."""
        if self.given is None:
            return None
        value = scope.values[self.given.token]
        if self.plus is None:
            return copied(value)
        before = self.plus.value(item, scope)
        if before is None and self.must:
            raise refusal("The provided expression refers to an attribute that does not exist in the item")
        return copied(value) if before is None else total(before, value)


@dataclass(frozen=True)
class Update:
    """What an update expression does."""

    changes: tuple[Change, ...] = ()

    def check(self, scope: Scope) -> list[str]:
        """The names of what is changed; refuses what DynamoDB refuses before it looks at any item."""
        for change in self.changes:
            change.check(scope)
        return distinct_names(tuple(change.path for change in self.changes), scope)

    def applied(self, item: Item, scope: Scope) -> Item:
        """The item as it is afterwards; everything is computed from the item as it was."""
        after = {change.path.name(scope): change.value(item, scope) for change in self.changes}
        return {name: value for name, value in (item | after).items() if value is not None}


@cache
def update(expression: str) -> Update:
    """The update that an expression says."""
    cursor = Cursor("UpdateExpression", expression)
    changes: list[Change] = []
    for section, change in (("SET", _set), ("REMOVE", _remove), ("ADD", _add)):
        if cursor.skip(section):
            changes.append(change(cursor))
            while cursor.skip(","):
                changes.append(change(cursor))
    cursor.end()
    return Update(tuple(changes))


def _set(cursor: Cursor) -> Change:
    path = cursor.path()
    cursor.take("=")
    if cursor.next[0] == ":":
        return Change(path, cursor.given())
    other = cursor.path()
    cursor.take("+")
    return Change(path, cursor.given(), other)


def _remove(cursor: Cursor) -> Change:
    return Change(cursor.path())


def _add(cursor: Cursor) -> Change:
    path = cursor.path()
    return Change(path, cursor.given(), path, must=False)
