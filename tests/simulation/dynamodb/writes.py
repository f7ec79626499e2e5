"""One write, alone or in a transaction: what is checked before any item is looked at, and what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulation.dynamodb.attribute_values import canonical_item, copied_item, item_size
from tests.simulation.dynamodb.conditions import condition
from tests.simulation.dynamodb.expressions import Scope
from tests.simulation.dynamodb.refusals import refusal
from tests.simulation.dynamodb.schema import Key, Schema, check_size
from tests.simulation.dynamodb.updates import Update, update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.dynamodb.conditions import Condition
    from turnlog.records.item import Item

_EXPRESSIONS = frozenset({"ExpressionAttributeNames", "ExpressionAttributeValues", "ConditionExpression"})
_COMMON = _EXPRESSIONS | {"TableName", "ReturnValues", "ReturnValuesOnConditionCheckFailure"}
_PARAMETERS = {
    "Put": _COMMON | {"Item"},
    "Update": _COMMON | {"Key", "UpdateExpression"},
    "Delete": _COMMON | {"Key"},
    "ConditionCheck": _COMMON | {"Key"},
}
_RETURN_VALUES = {"NONE", "ALL_OLD"}
_UPDATE_RETURN_VALUES = {"NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"}


@dataclass(frozen=True)
class Write:
    """A write that is well-formed.

    Attributes:
        kind: Put, Update, Delete or ConditionCheck.
        key: of its item.
        size: bytes that it counts in a transaction.
        new: what a Put puts.
        update: what an Update does.
        changed: the names of the attributes that an Update changes.
    """

    kind: str
    key: Key
    size: int
    parameters: Mapping[str, Any]
    schema: Schema
    scope: Scope
    condition: Condition
    new: Item
    update: Update
    changed: tuple[str, ...]

    def check(self) -> None:
        """Refuse what a transaction refuses as the reason of this write, before it looks at any item."""
        self.schema.check_key(self.new or self.parameters["Key"])
        self.schema.check_index_types(self.new)

    def allowed(self, before: Item | None) -> bool:
        """Whether its condition holds."""
        return all(term.holds(before or {}, self.scope) for term in self.condition)

    def shown(self, before: Item | None) -> dict[str, Any]:
        """The item for a failed condition, if the write asked for it."""
        asked = self.parameters.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {"Item": copied_item(before)} if asked and before is not None else {}

    def result(self, before: Item | None) -> Item | None:
        """The item as it is afterwards; refuses what only the item shows to be wrong."""
        if self.kind == "ConditionCheck":
            return before
        if self.kind == "Delete":
            return None
        if self.kind == "Put":
            return self.new
        if before is None:
            before = canonical_item(self.parameters["Key"])
        if set(self.changed) & set(self.schema.keys):
            raise refusal("One or more parameter values were invalid: Cannot update a part of the key")
        after = self.update.applied(before, self.scope)
        check_size(after)
        self.schema.check_index_types(after)
        self.schema.check_index_values(after)
        return after

    def answer(self, before: Item | None, after: Item | None) -> dict[str, Any]:
        """What it answers outside of a transaction."""
        returned = self.parameters.get("ReturnValues", "NONE")
        attributes = (after if returned.endswith("_NEW") else before) or {}
        if returned.startswith("UPDATED"):
            attributes = {name: attributes[name] for name in self.changed if name in attributes}
        return {} if returned == "NONE" or not attributes else {"Attributes": copied_item(attributes)}


def prepared(kind: str, parameters: Mapping[str, Any], schema: Schema) -> Write:
    """The write that these parameters ask for; refuses what DynamoDB refuses before it looks at any item."""
    known(parameters, _PARAMETERS[kind])
    scope = Scope(parameters, "ConditionExpression", "UpdateExpression")
    required: Condition = ()
    if kind == "ConditionCheck" or "ConditionExpression" in parameters:
        required = condition(parameters["ConditionExpression"])
        for term in required:
            term.check(scope)
    new: Item = {}
    if kind == "Put":
        new = canonical_item(parameters["Item"])
        check_size(new)
        schema.check_index_values(new)
    for value in scope.values.values():
        check_size({"": value})
    key = schema.key_of(new) if kind == "Put" else schema.key(parameters["Key"])
    change = update(parameters["UpdateExpression"]) if "UpdateExpression" in parameters else Update()
    changed = tuple(change.check(scope))
    if parameters.get("ReturnValues", "NONE") not in (
        _UPDATE_RETURN_VALUES if kind == "Update" else _RETURN_VALUES
    ):
        raise refusal("Return values set to invalid value")
    bulk = scope.size() + item_size(new or parameters["Key"])
    return Write(kind, key, bulk, parameters, schema, scope, required, new, change, changed)


def known(parameters: Mapping[str, Any], names: frozenset[str] | set[str]) -> None:
    """What a test relies on must be there: no parameter is passed over."""
    if unknown := parameters.keys() - names:
        message = f"parameters {sorted(unknown)}"
        raise NotImplementedError(message)
