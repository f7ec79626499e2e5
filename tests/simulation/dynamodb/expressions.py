"""What all expressions have in common: tokens, operands, and the names and values that they stand for.

An expression is parsed once for each text (the trees are cached and never change), then bound to the names
and values of a request by a `Scope`.
"""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.simulation.dynamodb.attribute_values import Value, canonical, size, text_size
from tests.simulation.dynamodb.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.exceptions import ClientError

    from turnlog.records.item import Item

_TOKEN = re.compile(r"\s*([#:]\w+|[A-Za-z]\w*|<>|<=|>=|[^\s])", re.ASCII)
_PLACEHOLDER = re.compile(r"[#:]\w+", re.ASCII)
_MAX_EXPRESSION = 4_096
# docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
RESERVED = frozenset(
    pathlib.Path(__file__).with_name("reserved_words.txt").read_text(encoding="ascii").split()
)
KEYWORDS = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN"})
END = "<EOF>"


class Scope:
    """The names and values of one request; refuses what is missing, superfluous or none.

    Args:
        parameters: of the request, or of one write in a transaction.
        kinds: which of its parameters are expressions.
    """

    def __init__(self, parameters: Mapping[str, Any], *kinds: str) -> None:
        self._expressions = [parameters[kind] for kind in kinds if kind in parameters]
        used = {each for expression in self._expressions for each in placeholders(expression)}
        self.names: dict[str, str] = parameters.get("ExpressionAttributeNames", {})
        self.values: dict[str, Value] = {}
        for member in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            if member in parameters and not parameters[member]:
                raise refusal(f"{member} must not be empty")
        for placeholder, value in parameters.get("ExpressionAttributeValues", {}).items():
            self.values[placeholder] = canonical(value)
        given = self.names.keys() | self.values.keys()
        if not all(_PLACEHOLDER.fullmatch(placeholder) for placeholder in given):
            raise refusal("ExpressionAttributeNames contains invalid key: Syntax error")
        if not all(self.names.values()):
            raise refusal("ExpressionAttributeNames contains invalid value: Empty attribute name")
        if missing := used - given:
            raise refusal(f"An expression attribute used in expression is not defined: {sorted(missing)}")
        if unused := given - used:
            raise refusal(f"Value provided is unused in expressions: keys: {sorted(unused)}")

    def size(self) -> int:
        """What the expressions count in a transaction: names and values again wherever they are named."""
        sizes = {name: text_size(to) for name, to in self.names.items()}
        sizes |= {name: size(value) for name, value in self.values.items()}
        return sum(
            len(expression) + sum(sizes[each] for each in placeholders(expression))
            for expression in self._expressions
        )


@dataclass(frozen=True)
class Path:
    """An attribute of the item, by its name or by a placeholder for it."""

    token: str

    def name(self, scope: Scope) -> str:
        """The attribute's name."""
        return scope.names[self.token] if self.token[0] == "#" else self.token

    def value(self, item: Item, scope: Scope) -> Value | None:
        """Its value; None when it is not there."""
        return item.get(self.name(scope))


@dataclass(frozen=True)
class Given:
    """A value of the request."""

    token: str


class Cursor:
    """A walk over the tokens of an expression.

    Args:
        kind: the parameter that it is, for the refusal.
        expression: its text.
    """

    def __init__(self, kind: str, expression: str) -> None:
        self._kind = kind
        self._tokens: list[str] = [*_TOKEN.findall(expression), END]
        self._at = 0
        if len(expression) > _MAX_EXPRESSION:
            raise self.wrong("Expression size has exceeded the maximum allowed size")

    @property
    def next(self) -> str:
        """The next token."""
        return self._tokens[self._at]

    def take(self, *expected: str) -> str:
        """Step over the next token, which is one of `expected` if any are given."""
        token = self.next
        if expected and token not in expected:
            raise self.unexpected()
        self._at += 1
        return token

    def skip(self, token: str) -> bool:
        """Step over the next token if it is this one; tell whether it was."""
        if self.next != token:
            return False
        self._at += 1
        return True

    def at_call(self) -> bool:
        """Whether a function's name and its parenthesis come next."""
        return self.next[0].isalpha() and self.next != END and self._tokens[self._at + 1] == "("

    def path(self) -> Path:
        """Step over an attribute's name."""
        token = self.next
        if token[0] != "#" and not (token[0].isalpha() and token not in KEYWORDS):
            raise self.unexpected()
        if token.upper() in RESERVED:
            raise self.wrong(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        self._at += 1
        return Path(token)

    def given(self) -> Given:
        """Step over a value's placeholder."""
        if self.next[0] != ":":
            raise self.unexpected()
        return Given(self.take())

    def end(self) -> None:
        """Nothing may follow."""
        if self.next != END:
            raise self.unexpected()

    def unexpected(self) -> NotImplementedError:
        """What is no expression of the store's, whether DynamoDB would take it or not."""
        return NotImplementedError(
            "The simulation's table knows what the store sends, see tests/simulation/dynamodb. "
            f"In this {self._kind} it does not know {self.next!r}: {' '.join(self._tokens)}"
        )

    def wrong(self, what: str) -> ClientError:
        """A refusal of this expression."""
        return refusal(f"Invalid {self._kind}: {what};")


@cache
def placeholders(expression: str) -> tuple[str, ...]:
    """The placeholders that an expression names, as often as it does."""
    return tuple(_PLACEHOLDER.findall(expression))


@cache
def projection(expression: str) -> tuple[Path, ...]:
    """The attributes that a projection expression lists."""
    cursor = Cursor("ProjectionExpression", expression)
    paths = [cursor.path()]
    while cursor.skip(","):
        paths.append(cursor.path())
    cursor.end()
    return tuple(paths)


def distinct_names(paths: tuple[Path, ...], scope: Scope) -> list[str]:
    """The names of these paths; refuses to name one twice."""
    names = [path.name(scope) for path in paths]
    if len(set(names)) < len(names):
        raise refusal("Two document paths overlap with each other; must remove or rewrite one of these paths")
    return names
