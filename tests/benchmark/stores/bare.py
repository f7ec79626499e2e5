"""The floor: what boto3 does by itself. Nobody checks here that two writers do not meet."""

from __future__ import annotations

import json
from collections import Counter
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from infra.local.table import ensure_table
from infra.template import environment
from tests.benchmark.stores import Store
from tests.benchmark.stores.dynamodb import attribute, client, ensure, put_all
from turnlog.coroutines import run
from turnlog.drivers.blocking import lambda_store
from turnlog.limits import MAX_BATCH
from turnlog.operations.create_session import create_session
from turnlog.operations.read_session import newest as newest_messages
from turnlog.records.keys import session_key, user_partition
from turnlog.store.large import LargeMessages
from turnlog.store.log import advanced, head_update, puts, with_message_ids
from turnlog.store.session_cache import SessionCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmark.stores import Message
    from turnlog.records.head import Head

OTHER = "bob"  # on Turnlog's table, beside Turnlog's own sessions


class Put(Store):
    """A message is an item, in the order of its writer's clock; a session is one Query."""

    table = "BareMessages"

    def __init__(self) -> None:
        self._client = client()

    async def set_up(self) -> None:
        ensure(self.table, "session", ("number", "N"))
        ensure_table(self._client, environment()["TURNLOG_TABLE"])

    @staticmethod
    def _items(session: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
        return [
            {
                "session": {"S": session},
                "number": {"N": str(number)},
                "message_id": {"S": str(uuid4())},
                **{name: attribute(value) for name, value in message.items()},
            }
            for number, message in enumerate(messages, time_ns())
        ]

    async def fill(self, session: str, messages: Sequence[Message]) -> None:
        put_all(self._client, self.table, self._items(session, messages))

    async def append(self, session: str, messages: Sequence[Message]) -> None:
        items = self._items(session, messages)
        if len(items) == 1:
            self._client.put_item(TableName=self.table, Item=items[0])
        else:
            put_all(self._client, self.table, items)

    async def read(self, session: str, newest: int | None = None) -> list[dict[str, Any]]:
        return self._query(
            TableName=self.table,
            KeyConditionExpression="#session = :session",
            ExpressionAttributeNames={"#session": "session"},
            ExpressionAttributeValues={":session": {"S": session}},
            **({"ScanIndexForward": False, "Limit": newest} if newest else {}),
        )

    async def sessions(self, user: str) -> int:
        """Of Turnlog's own index, which Turnlog has filled."""
        found = self._query(
            TableName=environment()["TURNLOG_TABLE"],
            IndexName="GSI1",
            KeyConditionExpression="GSI1PK = :user",
            ExpressionAttributeValues={":user": {"S": user_partition(user)}},
        )
        return len(found)

    def _query(self, **query: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while True:
            page = self._client.query(**query)
            items += page["Items"]
            if "LastEvaluatedKey" not in page or len(items) >= query.get("Limit", len(items) + 1):
                return items
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def contents(self, answer: Any) -> list[str]:
        return [item["content"]["S"] for item in answer]


class Transaction(Store):
    """The transaction that a Turnlog append must make, made ready beforehand, and nothing besides.

    It knows the head from its own last append and retries nothing: with a second writer it would fail.
    """

    def __init__(self) -> None:
        self._client = client()
        self._store = lambda_store(monotonic())._replace(cache=SessionCache(None, 0, Counter()))
        self._heads: dict[str, Head] = {}

    async def set_up(self) -> None:
        ensure_table(self._client, self._store.table.name)

    async def fill(self, session: str, messages: Sequence[Message]) -> None:
        created = await create_session(self._store, session_key(OTHER, session))
        self._heads[session] = created.head
        for at in range(0, len(messages), MAX_BATCH):
            await self.append(session, self.prepared(session, messages[at : at + MAX_BATCH]))

    def prepared(self, session: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
        head = self._heads.get(session) or run(self._store.head(session_key(OTHER, session)))
        large = LargeMessages(self._store, head.key.session)
        new = with_message_ids(self._store, list(messages))
        after, stored = advanced(self._store, head, new, None, large)
        self._heads[session] = after
        table = {"TableName": self._store.table.name}
        writes = [head_update(head, after, same_version=True), *puts(head.key, stored)]
        return [{kind: {**table, **write}} for one in writes for kind, write in one.items()]

    async def append(self, session: str, messages: Sequence[Any]) -> None:
        del session
        self._client.transact_write_items(TransactItems=messages)

    async def read(self, session: str, newest: int | None = None) -> bytes:
        """By way of Turnlog: the bare read is `Put`'s."""
        head = await self._store.head(session_key(OTHER, session))
        return (await newest_messages(self._store, head, limit=newest)).messages

    def contents(self, answer: Any) -> list[str]:
        return [message["content"] for message in json.loads(b"[%b]" % answer)]
