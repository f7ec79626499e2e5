"""LangChain's DynamoDBChatMessageHistory: a session is one item, read and written again on every append."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from langchain_community.chat_message_histories.dynamodb import DynamoDBChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, messages_to_dict

from tests.benchmark.stores import Store
from tests.benchmark.stores.dynamodb import REGION, endpoint, ensure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from tests.benchmark.stores import Message

TABLE = "LangChainHistory"


class _OneResource(boto3.Session):  # type: ignore[misc]
    """A history makes a boto3 resource of its own, in 30 ms; a program that counts them keeps one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._kept: Any = None

    def resource(self, *names: Any, **options: Any) -> Any:
        self._kept = self._kept or super().resource(*names, **options)
        return self._kept


class History(Store):
    """The table as its documentation has it: `SessionId` is the key."""

    def __init__(self) -> None:
        self._session = _OneResource(region_name=REGION)

    async def set_up(self) -> None:
        ensure(TABLE, "SessionId")

    def _history(self, session: str) -> DynamoDBChatMessageHistory:
        return DynamoDBChatMessageHistory(
            TABLE, session, endpoint_url=endpoint(), boto3_session=self._session
        )

    async def fill(self, session: str, messages: Sequence[Message]) -> None:
        item = {"SessionId": session, "History": messages_to_dict(list(map(of, messages)))}
        self._history(session).table.put_item(Item=item)

    async def append(self, session: str, messages: Sequence[Message]) -> None:
        self._history(session).add_messages(list(map(of, messages)))

    async def read(self, session: str, newest: int | None = None) -> list[BaseMessage]:
        messages: list[BaseMessage] = self._history(session).messages
        return messages[-newest:] if newest else messages

    def contents(self, answer: Any) -> list[str]:
        return [str(message.content) for message in answer]


def of(message: Message) -> BaseMessage:
    """The message as LangChain has it."""
    match message["role"]:
        case "user":
            return HumanMessage(message["content"])
        case "system":
            return SystemMessage(message["content"])
        case "tool":
            return ToolMessage(message["content"], tool_call_id=message.get("tool_call_id", ""))
        case _:
            return AIMessage(
                message["content"] or "",
                additional_kwargs={"tool_calls": message["tool_calls"]} if message.get("tool_calls") else {},
            )
