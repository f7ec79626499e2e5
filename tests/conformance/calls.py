"""Generated calls of a table: of all shapes that the store uses, and more; one in seven with something wrong.

Few keys, so that items are met again and pages end everywhere. The same seed makes the same calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.conformance.flaws import FLAWS
from tests.conformance.words import Words, attributes, value_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

HASHES = ("USER#a#SESSION#1", "USER#a#SESSION#2", "é😀")
RANGES = (
    "HEAD",
    "MSG#0000000000",
    "MSG#0000000001",
    "MSG#0000000001#1",
    "MSG#0000000010",
    "É",
    "\ufffd",
    "😀",
)
OWNERS = ("USER#a", "USER#b")
TIMES = ("2026", "2026-01", "2026-02", "2026-02#é😀😀", "2026-03", "2027")
AGAIN = "sent again with its token"
_RETURN_VALUES = ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")


@dataclass(frozen=True)
class Call:
    """A request; `flaw` names what is wrong with it, or odd, if that was on purpose."""

    operation: str
    parameters: dict[str, Any]
    flaw: str = ""


class Calls:
    """A source of calls.

    Args:
        chance: makes all choices.
        table: the table's name.
        flaws: the part of the calls that has something wrong.
    """

    def __init__(self, chance: Random, table: str, flaws: float = 1 / 7) -> None:
        self._chance = chance
        self._flaws = flaws
        self._table = {"TableName": table}
        self._next_page: Call | None = None
        self._sent: list[dict[str, Any]] = []

    def call(self) -> Call:
        """The next call."""
        if self._next_page is not None:
            call, self._next_page = self._next_page, None
            return call
        if self._sent and self._chance.random() < 0.02:
            return Call("TransactWriteItems", self._chance.choice(self._sent), AGAIN)
        makers: dict[str, tuple[int, Callable[[], dict[str, Any]]]] = {
            "PutItem": (3, lambda: self._table | self._put() | self._returned(*_RETURN_VALUES[:2])),
            "UpdateItem": (3, lambda: self._table | self._update() | self._returned(*_RETURN_VALUES)),
            "DeleteItem": (1, lambda: self._table | self._delete() | self._returned(*_RETURN_VALUES[:2])),
            "GetItem": (2, self._get),
            "Query": (5, self._query),
            "TransactWriteItems": (4, self._transaction),
            "BatchWriteItem": (1, self._batch_write),
            "BatchGetItem": (1, self._batch_get),
        }
        (operation,) = self._chance.choices(list(makers), [weight for weight, _ in makers.values()])
        parameters = makers[operation][1]()
        if self._chance.random() < self._flaws:
            for flaw in self._chance.sample(list(FLAWS), len(FLAWS)):
                flawed = FLAWS[flaw](operation, parameters)
                if flawed is not None:
                    return Call(operation, flawed, flaw)
        if operation == "TransactWriteItems" and self._chance.random() < 0.3:
            parameters["ClientRequestToken"] = f"{self._table['TableName']}-{len(self._sent)}"
            self._sent.append(parameters)
        return Call(operation, parameters)

    def heed(self, call: Call, answer: Mapping[str, Any]) -> None:
        """Ask for the next page, when there is one and chance will have it."""
        if "LastEvaluatedKey" in answer and self._chance.random() < 0.8:
            key = answer["LastEvaluatedKey"]
            self._next_page = Call("Query", {**call.parameters, "ExclusiveStartKey": key})

    def _key(self) -> dict[str, Any]:
        return {"PK": {"S": self._chance.choice(HASHES)}, "SK": {"S": self._chance.choice(RANGES)}}

    def _index_keys(self, key: Mapping[str, Any]) -> dict[str, Any]:
        # With the item's own key in it, for the order of ties is nobody's promise.
        time = f"2026-0{self._chance.randint(1, 3)}#{key['PK']['S']}{key['SK']['S']}"
        return {"GSI1PK": {"S": self._chance.choice(OWNERS)}, "GSI1SK": {"S": time}}

    def _item(self) -> dict[str, Any]:
        item = self._key()
        if self._chance.random() < 0.6:
            item |= self._index_keys(item)
            if self._chance.random() < 0.1:
                del item[self._chance.choice(("GSI1PK", "GSI1SK"))]
        return item | {name: value_for(self._chance, name) for name in attributes(self._chance, 5)}

    def _put(self) -> dict[str, Any]:
        return {"Item": self._item(), **self._conditional(Words(self._chance))}

    def _delete(self) -> dict[str, Any]:
        return {"Key": self._key(), **self._conditional(Words(self._chance))}

    def _update(self) -> dict[str, Any]:
        words, key = Words(self._chance), self._key()
        expression = words.update(self._index_keys(key))
        return {"Key": key, "UpdateExpression": expression, **self._conditional(words)}

    def _check(self) -> dict[str, Any]:
        return {"Key": self._key(), **self._conditional(Words(self._chance), chance=1)}

    def _conditional(self, words: Words, chance: float = 0.5) -> dict[str, Any]:
        if self._chance.random() >= chance:
            return words.given()
        parameters = {"ConditionExpression": words.condition()} | words.given()
        if self._chance.random() < 0.7:
            shown = self._chance.choice(("ALL_OLD", "ALL_OLD", "NONE"))
            parameters["ReturnValuesOnConditionCheckFailure"] = shown
        return parameters

    def _returned(self, *choices: str) -> dict[str, Any]:
        return {"ReturnValues": self._chance.choice(choices)} if self._chance.random() < 0.5 else {}

    def _projected(self, words: Words) -> dict[str, Any]:
        if self._chance.random() < 0.6:
            return words.given()
        return {"ProjectionExpression": words.projection()} | words.given()

    def _get(self) -> dict[str, Any]:
        words = Words(self._chance)
        return self._table | {"Key": self._key(), "ConsistentRead": True} | self._projected(words)

    def _query(self) -> dict[str, Any]:
        words = Words(self._chance)
        query: dict[str, Any] = dict(self._table)
        if index := self._chance.random() < 0.4:
            query["IndexName"] = "GSI1"
            query["KeyConditionExpression"] = words.key_condition(("GSI1PK", "GSI1SK"), OWNERS, TIMES)
        else:
            ranges = (*RANGES, "MSG#", "M")
            query["KeyConditionExpression"] = words.key_condition(("PK", "SK"), HASHES, ranges)
            query["ConsistentRead"] = self._chance.random() < 0.5
        if self._chance.random() < 0.5:
            query["ScanIndexForward"] = self._chance.random() < 0.5
        if self._chance.random() < 0.5:
            query["Limit"] = self._chance.randint(1, 6)
        if self._chance.random() < 0.1:
            query["Select"] = "COUNT"
        elif not index:
            query |= self._projected(words)
        elif self._chance.random() < 0.3:
            query["ProjectionExpression"] = f"{words.name('title')}, {words.name('GSI1SK')}"
        return query | words.given()

    def _transaction(self) -> dict[str, Any]:
        makers = {
            "Put": self._put,
            "Update": self._update,
            "Delete": self._delete,
            "ConditionCheck": self._check,
        }
        writes = {}
        for _ in range(self._chance.randint(1, 5)):
            (kind,) = self._chance.choices(list(makers), (3, 3, 1, 1))
            write = makers[kind]()
            writes[_place(write.get("Key") or write["Item"])] = {kind: self._table | write}
        return {"TransactItems": list(writes.values())}

    def _batch_write(self) -> dict[str, Any]:
        requests = {}
        for _ in range(self._chance.randint(1, 6)):
            item = self._item()
            key = {name: item[name] for name in ("PK", "SK")}
            put = self._chance.random() < 0.6
            requests[_place(key)] = {"PutRequest": {"Item": item}} if put else {"DeleteRequest": {"Key": key}}
        return {"RequestItems": {self._table["TableName"]: list(requests.values())}}

    def _batch_get(self) -> dict[str, Any]:
        keys = {_place(key): key for key in (self._key() for _ in range(self._chance.randint(1, 6)))}
        request = {"Keys": list(keys.values()), "ConsistentRead": True}
        return {"RequestItems": {self._table["TableName"]: request | self._projected(Words(self._chance))}}


def _place(key: Mapping[str, Any]) -> tuple[str, str]:
    return key["PK"]["S"], key["SK"]["S"]
