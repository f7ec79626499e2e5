"""What Turnlog descends from, written small: a lock in the process, a count, an insert by that number.

The whole session is kept in the cache as one value: every append reads it, and writes it again.
"""

from __future__ import annotations

import json
import os
from threading import Lock
from typing import TYPE_CHECKING, Any

from redis import Redis

from tests.benchmark.stores import Store
from tests.benchmark.stores.dynamodb import attribute, client, ensure, put_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmark.stores import Message

TABLE, TTL = "AncestorMessages", 43_200


class Ancestor(Store):
    """The lock keeps apart the threads of one process, and no others."""

    def __init__(self) -> None:
        self._client = client()
        self._cache = Redis.from_url(os.environ["TURNLOG_CACHE_URL"])
        self._lock = Lock()

    async def set_up(self) -> None:
        ensure(TABLE, "session", ("number", "N"))

    async def fill(self, session: str, messages: Sequence[Message]) -> None:
        put_all(self._client, TABLE, _items(session, 0, messages))
        self._keep(session, list(messages))

    async def append(self, session: str, messages: Sequence[Message]) -> None:
        with self._lock:
            history = self._history(session)
            items = _items(session, self._count(session), messages)
            if len(items) == 1:
                self._client.put_item(
                    TableName=TABLE,
                    Item=items[0],
                    ConditionExpression="attribute_not_exists(#session)",
                    ExpressionAttributeNames={"#session": "session"},
                )
            else:
                put_all(self._client, TABLE, items)
            self._keep(session, [*history, *messages])

    async def read(self, session: str, newest: int | None = None) -> list[Message]:
        history = self._history(session)
        return history[-newest:] if newest else history

    async def forget(self, session: str) -> None:
        self._cache.delete(f"ancestor:{session}")

    def _history(self, session: str) -> list[Message]:
        if kept := self._cache.get(f"ancestor:{session}"):
            history: list[Message] = json.loads(kept)
            return history
        items = [item for page in self._pages(session) for item in page["Items"]]
        history = [{"role": item["role"]["S"], "content": item["content"]["S"]} for item in items]
        self._keep(session, history)
        return history

    def _keep(self, session: str, history: Sequence[Message]) -> None:
        self._cache.setex(f"ancestor:{session}", TTL, json.dumps(history))

    def _count(self, session: str) -> int:
        return sum(page["Count"] for page in self._pages(session, Select="COUNT"))

    def _pages(self, session: str, **more: Any) -> Any:
        return self._client.get_paginator("query").paginate(
            TableName=TABLE,
            KeyConditionExpression="#session = :session",
            ExpressionAttributeNames={"#session": "session"},
            ExpressionAttributeValues={":session": {"S": session}},
            ConsistentRead=True,
            **more,
        )

    def contents(self, answer: Any) -> list[str]:
        return [message["content"] for message in answer]

    async def close(self) -> None:
        self._cache.close()


def _items(session: str, first: int, messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {
            "session": {"S": session},
            "number": {"N": str(number)},
            **{name: attribute(value) for name, value in message.items()},
        }
        for number, message in enumerate(messages, first)
    ]
