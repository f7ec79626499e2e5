"""A DynamoDB table in memory, behind the store's `Table` protocol.

One thread, no waiting, no chance: the same requests get the same answers. What time and luck do to a table
(late reads, a batch left half done, TTLs that fire) is in the hands of the test.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.simulation.dynamodb.expressions import Scope
from tests.simulation.dynamodb.queries import projected, projected_names, query
from tests.simulation.dynamodb.refusals import refusal
from tests.simulation.dynamodb.schema import Key, Schema
from tests.simulation.dynamodb.shapes import check_shape
from tests.simulation.dynamodb.storage import Storage
from tests.simulation.dynamodb.writes import known, prepared
from turnlog.drivers.translate import TRANSLATED, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tests.simulation.dynamodb.writes import Write
    from turnlog.records.item import Item

_MAX_BATCH_WRITE, _MAX_BATCH_GET, _MAX_TRANSACTION = 25, 100, 100
_MAX_TOKEN = 36
_MAX_TRANSACTION_SIZE = 4 * 1024 * 1024
_READ = {"ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}
# docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html: nothing above this age is deleted.
_OLDEST_EXPIRY = timedelta(days=5 * 365)
_BY_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


class MemoryTable:
    """One table.

    Args:
        definition: the arguments of boto3's `create_table`.
        ttl_attribute: where an item says when it may be deleted.

    Attributes:
        name: the table's.
        stream: its stream from the beginning, a list of records: `eventName`, `Keys`, `OldImage` and
            `NewImage` as there are, and `userIdentity` where the TTL deleted the item.
        processed: how many of the requests of a batch are done; the rest comes back as unprocessed.
        tokens: the transactions that were done, by their ClientRequestToken. DynamoDB forgets one after ten
            minutes; here the test does.
    """

    def __init__(self, definition: Mapping[str, Any], ttl_attribute: str = "expires_at") -> None:
        self.name: str = definition["TableName"]
        self.processed: Callable[[int], int] = lambda requests: requests
        self.tokens: dict[str, Any] = {}
        self._definition = definition
        self._ttl_attribute = ttl_attribute
        self._schema = Schema(definition)
        self._storage = Storage(self._schema, lag=lambda _: 0)
        self.stream = self._storage.stream

    @property
    def lag(self) -> Callable[[int], int]:
        """How many of the newest so many changes of a partition an eventually consistent read lacks.

        It is asked at every GetItem, BatchGetItem and Query without ConsistentRead, and at every Query of an
        index. An item of a transaction is a change of its own, as is the removal from an index's old place.
        """
        return self._storage.lag

    @lag.setter
    def lag(self, lag: Callable[[int], int]) -> None:
        self._storage.lag = lag

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `turnlog.store.protocols.Table`."""
        operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "BatchGetItem": self._batch_get,
            "BatchWriteItem": self._batch_write,
            "DeleteItem": partial(self._write, "Delete"),
            "DescribeTable": self._describe,
            "GetItem": self._get,
            "PutItem": partial(self._write, "Put"),
            "Query": self._query,
            "TransactWriteItems": self._transact,
            "UpdateItem": partial(self._write, "Update"),
        }
        if operation not in operations:
            raise NotImplementedError(operation)
        try:
            check_shape(operation, parameters)
            return operations[operation](parameters)
        except TRANSLATED as error:
            raise translated(error) from error

    def items(self) -> list[Item]:
        """A copy of everything in the table."""
        return [projected(item, None) for item in self._storage.items()]

    def expire(self, now: datetime) -> int:
        """Delete what DynamoDB may delete by now, and tell how many items that were."""
        newest, oldest = now.timestamp(), (now - _OLDEST_EXPIRY).timestamp()
        expired = [
            self._schema.key_of(item)
            for item in self._storage.items()
            if oldest <= float(item.get(self._ttl_attribute, {}).get("N", "inf")) < newest
        ]
        for key in expired:
            self._storage.put(key, None, userIdentity=dict(_BY_TTL))
        return len(expired)

    def _get(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self._check_table(parameters["TableName"])
        known(parameters, _READ | {"TableName", "Key"})
        found = self._read(parameters, self._key(parameters["Key"]))
        return {} if found is None else {"Item": found}

    def _read(self, parameters: Mapping[str, Any], key: Key) -> Item | None:
        names = projected_names(parameters, Scope(parameters, "ProjectionExpression"))
        item = self._storage.item(key, consistent=parameters.get("ConsistentRead", False))
        return None if item is None else projected(item, names)

    def _key(self, key: Mapping[str, Any]) -> Key:
        place = self._schema.key(key)
        self._schema.check_key(key)
        return place

    def _query(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self._check_table(parameters["TableName"])
        return query(parameters, self._schema, self._storage)

    def _write(self, kind: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        write = self._prepared(kind, parameters)
        write.check()
        before = self._storage.item(write.key)
        if not write.allowed(before):
            raise refusal("condition failed", "ConditionalCheckFailedException", **write.shown(before))
        after = write.result(before)
        self._storage.put(write.key, after)
        return write.answer(before, after)

    def _transact(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        known(parameters, {"TransactItems", "ClientRequestToken"})
        asked: list[dict[str, Any]] = parameters["TransactItems"]
        if len(asked) > _MAX_TRANSACTION:
            raise refusal("Member must have length less than or equal to 100")
        token = parameters.get("ClientRequestToken", "")
        if len(token) > _MAX_TOKEN:
            raise refusal("Member must have length less than or equal to 36")
        writes = [self._prepared(*_only_member(item)) for item in asked]
        if len({write.key for write in writes}) < len(writes):
            raise refusal("Transaction request cannot include multiple operations on one item")
        if sum(write.size for write in writes) > _MAX_TRANSACTION_SIZE:
            raise refusal("Transaction payload size cannot exceed 4MB")
        if token in self.tokens:
            if self.tokens[token] != asked:
                raise refusal("", "IdempotentParameterMismatchException")
            return {}
        reasons, results = self._outcomes(writes)
        if codes := {reason["Code"] for reason in reasons} - {"None"}:
            message = (
                f"Transaction cancelled, please refer cancellation reasons for specific reasons: {codes}"
            )
            raise refusal(message, "TransactionCanceledException", CancellationReasons=reasons)
        for write, after in zip(writes, results, strict=True):
            self._storage.put(write.key, after)
        if token:
            self.tokens[token] = deepcopy(asked)
        return {}

    def _outcomes(self, writes: list[Write]) -> tuple[list[dict[str, Any]], list[Item | None]]:
        """Why each write of a transaction cannot be done, or `None` as its code; and what each makes."""
        reasons: list[dict[str, Any]] = []
        results: list[Item | None] = []
        for write in writes:
            before = self._storage.item(write.key)
            try:
                write.check()
                if write.allowed(before):
                    results.append(write.result(before))
                    reasons.append({"Code": "None"})
                else:
                    reasons.append({"Code": "ConditionalCheckFailed", **write.shown(before)})
            except ClientError as error:
                reasons.append({"Code": "ValidationError", "Message": error.response["Error"]["Message"]})
        return reasons, results

    def _batch_write(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        known(parameters, {"RequestItems"})
        requests = self._of_this_table(parameters["RequestItems"])
        if len(requests) > _MAX_BATCH_WRITE:
            raise refusal("Too many items requested for the BatchWriteItem call")
        writes = [self._prepared(*_only_member(request, "Request")) for request in requests]
        if len({write.key for write in writes}) < len(writes):
            raise refusal("Provided list of item keys contains duplicates")
        for write in writes:
            write.check()
        done = self.processed(len(writes))
        for write in writes[:done]:
            self._storage.put(write.key, write.result(None))
        rest = deepcopy(requests[done:])
        return {"UnprocessedItems": {self.name: rest} if rest else {}}

    def _batch_get(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        known(parameters, {"RequestItems"})
        request = self._of_this_table(parameters["RequestItems"])
        known(request, _READ | {"Keys"})
        keys = [self._key(key) for key in request["Keys"]]
        if len(keys) > _MAX_BATCH_GET:
            raise refusal("Too many items requested for the BatchGetItem call")
        if len(set(keys)) < len(keys):
            raise refusal("Provided list of item keys contains duplicates")
        done = self.processed(len(keys))
        found = [self._read(request, key) for key in keys[:done]]
        rest = {**request, "Keys": deepcopy(request["Keys"][done:])}
        return {
            "Responses": {self.name: [item for item in found if item is not None]},
            "UnprocessedKeys": {self.name: rest} if rest["Keys"] else {},
        }

    def _describe(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self._check_table(parameters["TableName"])
        return {"Table": {**deepcopy(dict(self._definition)), "TableStatus": "ACTIVE"}}

    def _prepared(self, kind: str, parameters: Mapping[str, Any]) -> Write:
        self._check_table(parameters.get("TableName", self.name))
        return prepared(kind, parameters, self._schema)

    def _of_this_table(self, requests: Mapping[str, Any]) -> Any:
        if not requests:
            raise refusal("A batch cannot have a null or no requests set")
        for name in requests:
            self._check_table(name)
        return requests[self.name]

    def _check_table(self, name: str) -> None:
        if name != self.name:
            raise refusal("Cannot do operations on a non-existent table", "ResourceNotFoundException")


def _only_member(item: Mapping[str, Any], suffix: str = "") -> tuple[str, Mapping[str, Any]]:
    if len(item) != 1:
        raise refusal("TransactItems can only contain one of Check, Put, Update or Delete")
    ((kind, parameters),) = item.items()
    return kind.removesuffix(suffix), parameters
