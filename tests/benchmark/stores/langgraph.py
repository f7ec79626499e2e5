"""LangGraph's DynamoDBSaver: every step stores the whole state, the history with it, as a new checkpoint.

An append is the least that a graph makes of one: read the newest checkpoint, put the next. A running graph
puts more of them and its pending writes as well, so what is measured here is a lower bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import empty_checkpoint
from langgraph_checkpoint_aws import DynamoDBSaver

from tests.benchmark.stores import Store
from tests.benchmark.stores.dynamodb import REGION, endpoint, ensure
from tests.benchmark.stores.langchain import of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from tests.benchmark.stores import Message

TABLE = "LangGraphCheckpoints"


class Saver(Store):
    """Without its offload to S3: a state above 350 KB that it would put there is refused by the table."""

    def __init__(self) -> None:
        self._saver = DynamoDBSaver(TABLE, region_name=REGION, endpoint_url=endpoint())

    async def set_up(self) -> None:
        ensure(TABLE, "PK", ("SK", "S"))

    async def fill(self, session: str, messages: Sequence[Message]) -> None:
        self._put(_config(session), list(map(of, messages)), 1)

    async def append(self, session: str, messages: Sequence[Message]) -> None:
        found = self._saver.get_tuple(_config(session))
        if found is None:
            await self.fill(session, messages)
            return
        before = found.checkpoint
        version = before["channel_versions"]["messages"]
        assert isinstance(version, int)
        history = [*before["channel_values"]["messages"], *map(of, messages)]
        self._put(found.config, history, version + 1)

    def _put(self, config: Any, messages: list[BaseMessage], version: int) -> None:
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"messages": messages}
        checkpoint["channel_versions"] = {"messages": version}
        self._saver.put(config, checkpoint, {"source": "loop", "step": version}, {"messages": version})

    async def read(self, session: str, newest: int | None = None) -> list[BaseMessage]:
        found = self._saver.get_tuple(_config(session))
        messages: list[BaseMessage] = found.checkpoint["channel_values"]["messages"] if found else []
        return messages[-newest:] if newest else messages

    def contents(self, answer: Any) -> list[str]:
        return [str(message.content) for message in answer]


def _config(session: str) -> Any:
    return {"configurable": {"thread_id": session, "checkpoint_ns": ""}}
