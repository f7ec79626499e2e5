"""Generated expressions over few attributes and few values, so that they are true about as often as not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.dynamodb.expressions import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

# What each attribute holds, as a rule; `x` holds anything.
KINDS = {
    "n": "N",
    "count": "N",
    "version": "N",
    "s": "S",
    "title": "S",
    "data": "B",
    "flag": "BOOL",
    "list": "L",
    "map": "M",
    "none": "NULL",
}
VALUES: dict[str, tuple[Any, ...]] = {
    "N": ("0", "1", "2", "5", "10", "-1", "9.5", "-0.25", "12345678901234567890"),
    "S": ("", "a", "ab", "b", "é", "😀", "\ufffd", "MSG#1", "1"),
    "B": (b"", b"a", b"ab", b"\x00\xff"),
    "BOOL": (True, False),
    "NULL": (True,),
    "L": ([], [{"S": "a"}], [{"N": "1"}, {"S": "ab"}]),
    "M": ({}, {"a": {"S": "b"}}, {"a": {"L": [{"N": "1"}]}}),
}
ORDERED = ("N", "S", "B")
NUMBERS = ("n", "count", "version")


class Words:
    """The expressions of one request, and the names and values that they come to need.

    Args:
        chance: makes all choices.
    """

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def given(self) -> dict[str, Any]:
        """What of the request's parameters they make."""
        members = {"ExpressionAttributeNames": self._names, "ExpressionAttributeValues": self._values}
        return {name: member for name, member in members.items() if member}

    def name(self, attribute: str) -> str:
        """How an expression calls an attribute: as it is, or by a placeholder."""
        if attribute.upper() not in RESERVED and self._chance.random() < 0.7:
            return attribute
        self._names[f"#{attribute}"] = attribute
        return f"#{attribute}"

    def value(self, value: Mapping[str, Any]) -> str:
        """The placeholder of a value."""
        self._values[f":v{len(self._values)}"] = dict(value)
        return f":v{len(self._values) - 1}"

    def number(self) -> str:
        """The placeholder of a number."""
        return self.value({"N": self._chance.choice(VALUES["N"])})

    def projection(self) -> str:
        """A projection expression."""
        return ", ".join(map(self.name, attributes(self._chance, 3)))

    def key_condition(self, names: tuple[str, str], hashes: Sequence[str], ranges: Sequence[str]) -> str:
        """A key condition expression of one partition, mostly with a span of its range keys."""
        parts = [f"{self.name(names[0])} = {self.value({'S': self._chance.choice(hashes)})}"]
        if self._chance.random() < 0.7:
            low, high = sorted(self._chance.choice(ranges) for _ in range(2))
            name, bound = self.name(names[1]), self.value({"S": low})
            operator = self._chance.choice(("=", "<", "BETWEEN", "begins_with"))
            if operator == "BETWEEN":
                parts.append(f"{name} BETWEEN {bound} AND {self.value({'S': high})}")
            elif operator == "begins_with":
                parts.append(f"begins_with({name}, {bound})")
            else:
                parts.append(f"{name} {operator} {bound}")
        return " AND ".join(parts)

    def update(self, index_keys: Mapping[str, Any]) -> str:
        """An update expression, which now and then moves the item in the index or takes it out."""
        sections: dict[str, list[str]] = {"SET": [], "REMOVE": [], "ADD": []}
        for name in attributes(self._chance, 5):
            if name in NUMBERS and self._chance.random() < 0.3:
                sections["ADD"].append(f"{self.name(name)} {self.number()}")
            elif self._chance.random() < 0.2:
                sections["REMOVE"].append(self.name(name))
            else:
                sections["SET"].append(f"{self.name(name)} = {self._term(name)}")
        if self._chance.random() < 0.3:
            sections["SET"] += [f"{self.name(name)} = {self.value(key)}" for name, key in index_keys.items()]
        elif self._chance.random() < 0.2:
            sections["REMOVE"].append(self.name(self._chance.choice(list(index_keys))))
        return " ".join(f"{section} {', '.join(changes)}" for section, changes in sections.items() if changes)

    def _term(self, name: str) -> str:
        if name not in NUMBERS:
            return self.value(value_for(self._chance, name))
        other = self._chance.choice((name, *NUMBERS))
        return self.number() if self._chance.random() < 0.5 else f"{self.name(other)} + {self.number()}"

    def condition(self) -> str:
        """A condition expression."""
        return " AND ".join(self._leaf() for _ in range(self._chance.choice((1, 1, 1, 2, 2, 3))))

    def _leaf(self) -> str:
        attribute = self._chance.choice([*KINDS, "x", "PK"])
        ordered = self._chance.choice([name for name, kind in KINDS.items() if kind in ORDERED])
        text = self._chance.choice([name for name, kind in KINDS.items() if kind in {"S", "B"}])
        order = self._chance.choice(("<", "<="))
        leaves: tuple[Callable[[], str], ...] = (
            lambda: f"attribute_exists({self.name(attribute)})",
            lambda: f"attribute_not_exists({self.name(attribute)})",
            lambda: f"{self.name(attribute)} = {self._like(attribute)}",
            lambda: f"{self.name(attribute)} <> {self._like(attribute)}",
            lambda: f"{self.name(ordered)} {order} {self._of(KINDS[ordered])}",
            lambda: f"{self.name('x')} {order} {self._of(self._chance.choice(ORDERED))}",
            lambda: f"{self.name(ordered)} BETWEEN {self._bounds(KINDS[ordered])}",
            lambda: f"{self.name(attribute)} IN ({self._like(attribute)}, {self._like(attribute)})",
            lambda: f"begins_with({self.name(text)}, {self._of(KINDS[text])})",
        )
        return self._chance.choice(leaves)()

    def _like(self, attribute: str) -> str:
        return self.value(value_for(self._chance, attribute))

    def _of(self, kind: str) -> str:
        return self.value({kind: self._chance.choice(VALUES[kind])})

    def _bounds(self, kind: str) -> str:
        order: Callable[[Any], Any] = float if kind == "N" else lambda value: value
        low, high = sorted((self._chance.choice(VALUES[kind]) for _ in range(2)), key=order)
        return f"{self.value({kind: low})} AND {self.value({kind: high})}"


def attributes(chance: Random, most: int) -> list[str]:
    """Some attributes, each once."""
    return chance.sample([*KINDS, "x"], chance.randint(1, most))


def value_for(chance: Random, attribute: str) -> dict[str, Any]:
    """A value for an attribute, mostly of its kind."""
    kind = KINDS.get(attribute)
    if kind is None or chance.random() < 0.05:
        kind = chance.choice(list(VALUES))
    return {kind: chance.choice(VALUES[kind])}
