"""Update expressions: parsed to a list of changes, applied to a copy of an item.

update := SET path = term (, …)* | REMOVE path (, …)* | ADD path :value (, …)*, each once, in any order
term   := operand [+ operand | - operand]
operand:= path | :value | if_not_exists ( path, operand ) | ( term )
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
    from tests.simulation.dynamodb.expressions import Operand, Scope
    from turnlog.records.item import Item

_SIGNS = {"+": 1, "-": -1}


@dataclass(frozen=True)
class IfNotExists:
    """`if_not_exists(path, …)`: the attribute, or the other where it is not there."""

    path: Path
    other: Operand

    def value(self, item: Item, scope: Scope) -> Value | None:
        """See `Operand`."""
        other = _present(self.other, item, scope)  # refused also where it is not needed
        return self.path.value(item, scope) or other


@dataclass(frozen=True)
class Sum:
    """`left + right` or `left - right`."""

    left: Operand
    operator: str
    right: Operand

    def value(self, item: Item, scope: Scope) -> Value | None:
        """See `Operand`."""
        left, right = _present(self.left, item, scope), _present(self.right, item, scope)
        return total(left, right, sign=_SIGNS[self.operator])

    def check(self, scope: Scope) -> None:
        """Refuse what DynamoDB refuses before it looks at any item."""
        for operand in (self.left, self.right):
            if isinstance(operand, Given) and "N" not in operand.value({}, scope):
                raise refusal("Incorrect operand type for operator or function; operator or function: +")


@dataclass(frozen=True)
class Update:
    """What an update expression does: per section the attributes and what each gets."""

    sets: tuple[tuple[Path, Operand], ...] = ()
    removes: tuple[Path, ...] = ()
    adds: tuple[tuple[Path, Given], ...] = ()

    def check(self, scope: Scope) -> list[str]:
        """The names of what is changed; refuses what DynamoDB refuses before it looks at any item."""
        for _, operand in self.sets:
            if isinstance(operand, Sum):
                operand.check(scope)
        if any("N" not in given.value({}, scope) for _, given in self.adds):
            raise refusal("Incorrect operand type for operator or function; operator: ADD")
        changed = [path for path, _ in self.sets] + [*self.removes] + [path for path, _ in self.adds]
        return distinct_names(tuple(changed), scope)

    def applied(self, item: Item, scope: Scope) -> Item:
        """The item as it is afterwards; everything is computed from the item as it was."""
        after = dict(item)
        for path, operand in self.sets:
            after[path.name(scope)] = copied(_present(operand, item, scope))
        for path in self.removes:
            after.pop(path.name(scope), None)
        for path, given in self.adds:
            value = given.value(item, scope)
            before = path.value(item, scope)
            after[path.name(scope)] = value if before is None else total(before, value)
        return after


@cache
def update(expression: str) -> Update:
    """The update that an expression says."""
    cursor = Cursor("UpdateExpression", expression)
    sections: dict[str, list[tuple[Path, Operand]]] = {}
    while cursor.next != "<EOF>":
        name = cursor.take("SET", "REMOVE", "ADD", "DELETE").upper()
        if name == "DELETE":
            raise NotImplementedError(name)
        if name in sections:
            raise cursor.wrong(f'The "{name}" section can only be used once in an update expression')
        sections[name] = [_change(cursor, name)]
        while cursor.skip(","):
            sections[name].append(_change(cursor, name))
    return Update(
        sets=tuple(sections.get("SET", ())),
        removes=tuple(path for path, _ in sections.get("REMOVE", ())),
        adds=tuple((path, given) for path, given in sections.get("ADD", ()) if isinstance(given, Given)),
    )


def _change(cursor: Cursor, section: str) -> tuple[Path, Operand]:
    path = cursor.path()
    if section == "REMOVE":
        return path, path
    if section == "ADD":
        return path, cursor.given()
    cursor.take("=")
    return path, _term(cursor)


def _term(cursor: Cursor) -> Operand:
    left = _operand(cursor)
    if cursor.next not in _SIGNS:
        return left
    return Sum(left, cursor.take(), _operand(cursor))


def _operand(cursor: Cursor) -> Operand:
    if cursor.next[0] == ":":
        return cursor.given()
    if cursor.skip("("):
        if cursor.next == "(":
            raise cursor.wrong("The expression has redundant parentheses")
        inner = _term(cursor)
        cursor.take(")")
        return inner
    return _call(cursor) if cursor.at_call() else cursor.path()


def _call(cursor: Cursor) -> Operand:
    function = cursor.take()
    if function == "list_append":
        raise NotImplementedError(function)
    if function != "if_not_exists":
        raise cursor.wrong(f"Invalid function name; function: {function}")
    cursor.take("(")
    if cursor.next[0] == ":":
        raise cursor.wrong("Operator or function requires a document path; function: if_not_exists")
    path = cursor.path()
    cursor.take(",")
    other = _operand(cursor)
    cursor.take(")")
    return IfNotExists(path, other)


def _present(operand: Operand, item: Item, scope: Scope) -> Value:
    value = operand.value(item, scope)
    if value is None:
        raise refusal("The provided expression refers to an attribute that does not exist in the item")
    return value
