"""Update and condition expressions of DynamoDB, written in one way.

Attribute names are written `#name` and declared from there, so that none can collide with DynamoDB's reserved
words (`token` and `data` are two).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from turnlog.records.keys import recency_sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from turnlog.records.item import Item
    from turnlog.records.keys import GenerationKey

# A head counts by its bytes, and names are some of them: a usual one should stay under one write unit (1 KB).
# These are attributes of heads alone: names that other items have as well are not shortened.
SHORT = {
    "message_count": "n",
    "rewinds": "r",
    "log_size": "l",
    "prompt_tokens": "p",
    "completion_tokens": "c",
    "total_tokens": "t",
    "details": "d",
    "active_stream": "a",
    "stream_epoch": "e",
}
"""Attribute of a `Head` → its name in the table."""

LIVE = "attribute_exists(#message_count)"
"""The condition that a head is there and no tombstone."""


EMPTY = "{}"
"""JSON text of an object without members: such an attribute is left out of an item, since its name costs."""


def of(key: GenerationKey) -> str:
    """The condition that a head, or a tombstone, is of this generation (G4); for its value see `of_value`."""
    return "#generation = :generation" if key.generation else "attribute_not_exists(#generation)"


def of_value(key: GenerationKey) -> dict[str, Value]:
    """The value that the condition `of` names: none for generation 0, which no head bears."""
    return {"generation": key.generation} if key.generation else {}


Value: TypeAlias = str | int | bytes


def attribute(value: Value) -> dict[str, Any]:
    """The value as DynamoDB's low-level API has it."""
    match value:
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}


NOT_EARLIER = "#updated_at <= :updated_at"
"""The condition that the time which `touch` sets is not before the one that stands: clocks differ."""


def touch(key: GenerationKey, now: str) -> dict[str, Value]:
    """What every change of a session sets: its time, and by it the session's place in the list.

    The write bears the condition `NOT_EARLIER`. Where it fails, the refused writer tries again with the later
    of the two times, so that no time in the table runs backwards.
    """
    return {"updated_at": now, "GSI1SK": recency_sort_key(now, key.session_id)}


def update(
    key: GenerationKey,
    *,
    to: Mapping[str, Value] | None = None,
    plus: Mapping[str, int] | None = None,
    without: Iterable[str] = (),
    condition: str,
    values: Mapping[str, Value] | None = None,
) -> dict[str, Any]:
    """The parameters of UpdateItem, or of an Update in a transaction, of a session's head.

    Args:
        key: only if the head is of this generation (G4).
        to: attributes and the values they get; one that gets an `EMPTY` object goes.
        plus: attributes that are numbers, and what is added to each.
        without: attributes that go.
        condition: with `#name` for an attribute; when it fails, the item as it is comes back. Where `to` has
            the session's time, `NOT_EARLIER` is added to the condition.
        values: those that the condition names, without the colon.
    """
    condition = f"{condition} AND {of(key)}"
    if "updated_at" in (to or {}):
        condition = f"{condition} AND {NOT_EARLIER}"
    values = {**(values or {}), **of_value(key)}
    without = [*without, *(name for name, value in (to or {}).items() if value == EMPTY)]
    to = {name: value for name, value in (to or {}).items() if value != EMPTY}
    sets = [f"#{name} = :{name}" for name in to]
    sets += [f"#{name} = #{name} + :plus_{name}" for name in plus or {}]
    removed = [f"#{name}" for name in without]
    clauses = [("SET", sets), ("REMOVE", removed)]
    expression = " ".join(f"{verb} {', '.join(named)}" for verb, named in clauses if named)
    parameters: dict[str, Any] = {
        "Key": key.head,
        "UpdateExpression": expression,
        "ExpressionAttributeNames": names(expression, condition),
        "ExpressionAttributeValues": {
            **{f":{name}": attribute(value) for name, value in to.items()},
            **{f":plus_{name}": attribute(value) for name, value in (plus or {}).items()},
            **{f":{name}": attribute(value) for name, value in values.items()},
        },
    }
    return parameters | _conditioned(condition)


def check(
    key: GenerationKey, condition: str = LIVE, values: Mapping[str, Value] | None = None
) -> dict[str, Any]:
    """The parameters of a ConditionCheck in a transaction, of a session's head; see `update`."""
    condition = f"{condition} AND {of(key)}"
    named = {f":{name}": attribute(value) for name, value in {**(values or {}), **of_value(key)}.items()}
    checked = {
        "Key": key.head,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names(condition),
    }
    return checked | ({"ExpressionAttributeValues": named} if named else {})


def unchanged(objects: Mapping[str, str]) -> tuple[str, dict[str, Value]]:
    """The condition that objects of a head are what they were, and its values.

    Args:
        objects: their JSON text by name. An empty one is left out of the item.
    """
    there = {name: text for name, text in objects.items() if text != EMPTY}
    terms = [
        f"#{name} = :was_{name}" if name in there else f"attribute_not_exists(#{name})" for name in objects
    ]
    return " AND ".join(terms), {f"was_{name}": text for name, text in there.items()}


def put(item: Item, *, condition: str, values: Mapping[str, Value] | None = None) -> dict[str, Any]:
    """The parameters of a Put in a transaction, see `update`."""
    parameters: dict[str, Any] = {"Item": item, **_conditioned(condition)}
    if declared := names(condition):
        parameters["ExpressionAttributeNames"] = declared
    if values:
        parameters["ExpressionAttributeValues"] = {
            f":{name}": attribute(value) for name, value in values.items()
        }
    return parameters


def _conditioned(condition: str) -> dict[str, str]:
    if not condition:
        return {}
    return {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def names(*expressions: str) -> dict[str, str]:
    """The declaration of every `#name` in these expressions, see `SHORT`."""
    found = [name for expression in expressions for name in re.findall(r"#(\w+)", expression)]
    return {f"#{name}": SHORT.get(name, name) for name in found}


class Fence(NamedTuple):
    """Which stream a write is of, and in which epoch: it is refused when another has taken that over."""

    stream_id: str
    epoch: int


def running(fence: Fence) -> tuple[str, dict[str, Value]]:
    """The condition that this stream runs in a session, in this epoch; and its values."""
    condition = "#active_stream = :stream_id AND #stream_epoch = :stream_epoch_was"
    return condition, {"stream_id": fence.stream_id, "stream_epoch_was": fence.epoch}


def quiet_condition(fence: Fence | None) -> tuple[str, dict[str, Value]]:
    """The condition that no stream runs on a session, or that of the one that asks; and its values."""
    return running(fence) if fence else ("attribute_not_exists(#active_stream)", {})
