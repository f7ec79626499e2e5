"""Where the other tables answer otherwise than DynamoDB, by name: that is let pass, and nothing else is.

DynamoDB Local is the reference; its own deviations are those where AWS's documentation says otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.conformance.calls import AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.conformance.calls import Call
    from tests.conformance.outcomes import Outcome


@dataclass(frozen=True)
class Deviation:
    """One way in which a table deviates.

    Attributes:
        name: what it does.
        fits: whether the call and the outcomes, ours and theirs, are of this kind.
    """

    name: str
    fits: Callable[[Call, Outcome, Outcome], bool]


def _refuses_otherwise(name: str, *flaws: str, of: tuple[str, ...] = ()) -> Deviation:
    """It does not refuse calls with such flaws, or not so; of some operations only, if they are given."""

    def fits(call: Call, ours: Outcome, _: Outcome) -> bool:
        return call.flaw in flaws and ours.kind != "answered" and (not of or call.operation in of)

    return Deviation(name, fits)


def _condition(name: str, pattern: str, *kinds: str, fails: bool = False) -> Deviation:
    """It takes a condition otherwise that has a text in it, or a value of one of these kinds.

    Or, if so it `fails`, with an exception of Python's and in no other way.
    """

    def fits(call: Call, _: Outcome, theirs: Outcome) -> bool:
        failed = theirs.kind == "crashed" or {"TypeError", "ValueError"} & set(theirs.codes)
        return bool(failed or not fails) and any(
            re.search(pattern, write.get("ConditionExpression", ""))
            or any(kind in value for value in _values(write) for kind in kinds)
            for write in _writes(call)
            if "ConditionExpression" in write
        )

    return Deviation(name, fits)


def _writes(call: Call) -> Iterator[Mapping[str, Any]]:
    if call.operation != "TransactWriteItems":
        yield call.parameters
    for item in call.parameters.get("TransactItems", ()):
        yield from item.values()


def _values(write: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(write.get("ExpressionAttributeValues", {}).values())


def _uncancelled(call: Call, ours: Outcome, theirs: Outcome) -> bool:
    if theirs.what != "ValidationException" or call.operation != "TransactWriteItems":
        return False
    updates = any("Update" in item for item in call.parameters["TransactItems"])
    return updates and ("ValidationError" in ours.codes or call.flaw == "other table")


def _trailing_zeros(_: Call, ours: Outcome, theirs: Outcome) -> bool:
    return ours != theirs and trimmed(vars(ours)) == trimmed(vars(theirs))


def _spelt(call: Call, ours: Outcome, theirs: Outcome) -> bool:
    spellings = {"number spelt otherwise", "number with an exponent"}
    return call.flaw in spellings or _trailing_zeros(call, ours, theirs)


def trimmed(value: Any) -> Any:
    """The value with its numbers as numbers."""
    if isinstance(value, dict):
        return {
            name: Decimal(member) if name == "N" and isinstance(member, str) else trimmed(member)
            for name, member in value.items()
        }
    return [trimmed(element) for element in value] if isinstance(value, list | tuple) else value


def _but_for(member: str, ours: Outcome, theirs: Outcome) -> bool:
    if not ours.kind == theirs.kind == "answered":
        return False
    one, other = ({**outcome.what, member: None} for outcome in (ours, theirs))
    return one == other


def _limit_at_end(call: Call, ours: Outcome, theirs: Outcome) -> bool:
    if not _but_for("LastEvaluatedKey", ours, theirs):
        return False
    return "Limit" in call.parameters and call.parameters["Limit"] == ours.what["Count"]


def _updated(call: Call, ours: Outcome, theirs: Outcome) -> bool:
    asked: str = call.parameters.get("ReturnValues", "")
    return asked.startswith("UPDATED_") and _but_for("Attributes", ours, theirs)


def _one_reason(call: Call, ours: Outcome, theirs: Outcome) -> bool:
    return (
        call.flaw == "key changed"
        and theirs.codes == ("ValidationError",)
        and "ValidationError" in ours.codes
    )


def _late_twice(call: Call, ours: Outcome, theirs: Outcome) -> bool:
    if call.flaw != "same item twice" or call.operation != "TransactWriteItems":
        return False
    checks = any("ConditionCheck" in write for write in call.parameters["TransactItems"])
    return ours.kind == "refused" and (theirs.kind == "failed" or (checks and theirs.kind == "answered"))


LOCAL = (
    # docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html, under
    # TransactionCanceledException: "Validation Error" lists what an update finds wrong with the item.
    Deviation("refuses a transaction for its update, where AWS cancels it", _uncancelled),
    # docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html:
    # "leading and trailing zeroes are trimmed".
    Deviation("keeps the trailing zeros of a sum", _trailing_zeros),
    # The same page as the first: "The update expression attempted to update the secondary index key beyond
    # allowed size limits", and "to unsupported type".
    _refuses_otherwise(
        "takes any index key from an update", "index key made a number", "index key made too long"
    ),
    # The same page: no two actions of a request may target one item, whatever their conditions.
    Deviation("finds two writes of one item after failed conditions, two checks never", _late_twice),
    # The same page: the reasons "are ordered in the order of items in the TransactItems parameter".
    Deviation("gives one reason alone when a transaction changes a key", _one_reason),
)

# It stores what is no value, and fails at every read from then on.
MOTO_UNASKED = {"two types", "no type", "attribute without name"}

MOTO = (
    LOCAL[0],
    Deviation("keeps a number as it was spelt or summed", _spelt),
    Deviation("ignores ClientRequestToken", lambda call, _, __: call.flaw == AGAIN),
    Deviation("has no LastEvaluatedKey when a limit meets the end, or one too many", _limit_at_end),
    Deviation("adds keys to UPDATED_NEW, omits what was set to what it was", _updated),
    Deviation(
        "answers a projected BatchGetItem with {} for what is not there",
        lambda call, ours, theirs: call.operation == "BatchGetItem" and _but_for("Responses", ours, theirs),
    ),
    Deviation(
        "leaves what a refused write has done before it was refused",
        lambda call, ours, theirs: (
            call.operation in {"BatchWriteItem", "UpdateItem"} and ours == theirs and ours.kind == "refused"
        ),
    ),
    _condition("takes what is not there for NULL", r"(?!)", "NULL"),
    _condition("finds what is not there IN a list", r"IN \("),
    _condition("finds no beginning of binary data", r"begins_with\(#?data"),
    _condition("fails at the order of two types", r"<=? |BETWEEN", fails=True),
    _refuses_otherwise(
        "does not check expressions",
        "value not used",
        "no names",
        "value not defined",
        "name not defined",
        "bounds swapped",
        "bounds of two types",
        "order of booleans",
        "begins with a number",
    ),
    _refuses_otherwise(
        "does not check keys",
        "key part empty",
        "key part missing",
        "key part a number",
        "hash key too long",
        "range key too long",
        "index key a number",
        "index key made too long",
        "start of an index without its keys",
        "start elsewhere",
        "start somewhere",
        "start without range",
    ),
    _refuses_otherwise(
        "does not check values",
        "number too precise",
        "number too large",
    ),
    _refuses_otherwise("checks neither tokens nor projections", "token too long", "not projected"),
    _refuses_otherwise("takes 26 writes in a batch", "too many", of=("BatchWriteItem",)),
    _refuses_otherwise("says ResourceNotFoundException for an index", "index not there"),
    _refuses_otherwise(
        "gives a transaction other reasons",
        "key changed",
        "index key empty",
        "index key too long",
        "index key made a number",
        "index key made empty",
        "item too large",
        "no number",
        "null that is not",
        "number too small",
        "other table",
        of=("TransactWriteItems",),
    ),
)
