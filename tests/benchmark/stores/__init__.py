"""The stores that are measured, and what a store is: a handful of coroutines, run in a process of its own.

A new one is a class with the methods of `Store` in a module here, and a line in `STORES`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    Message = dict[str, str]

USER = "alice"


class Unsupported(Exception):
    """The store has no such operation."""

    def __init__(self, *asked: object) -> None:
        super().__init__(f"no such operation: {asked}"[:100])


class Store:
    """A conversation store. Where a method is not overridden, the store has no such operation.

    The environment says where the table and the cache are: `AWS_ENDPOINT_URL_DYNAMODB`, `TURNLOG_CACHE_URL`.
    A message is `{"role": …, "content": …}`.
    """

    async def set_up(self) -> None:
        """Make the tables, if they are missing."""

    async def fill(self, session: str, messages: Sequence[Message]) -> None:
        """Bring a new session to these messages, as quickly as can be: not measured."""
        await self.append(session, messages)

    def prepared(self, session: str, messages: Sequence[Message]) -> Any:
        """What `append` takes for these messages, where that is something else: not measured."""
        del session
        return messages

    async def append(self, session: str, messages: Sequence[Message]) -> None:
        """Append messages, in one operation."""
        raise Unsupported(session, messages)

    async def read(self, session: str, newest: int | None = None) -> Any:
        """The session's messages, or the newest of them, as the store's user gets them."""
        raise Unsupported(session, newest)

    async def unchanged(self, session: str) -> None:
        """Ask for a session that the asker has already, and learn that it has not changed."""
        raise Unsupported(session)

    async def forget(self, session: str) -> None:
        """Drop the caches, so that the next read is cold: not measured."""
        raise Unsupported(session)

    async def begin(self, user: str, session: str) -> None:
        """Make an empty session of this user: not measured."""
        raise Unsupported(user, session)

    async def sessions(self, user: str) -> int:
        """List all of a user's sessions; how many there are."""
        raise Unsupported(user)

    def contents(self, answer: Any) -> list[str]:
        """The messages' contents in what `read` gave: not measured."""
        raise NotImplementedError

    async def get(self, session: str) -> Any:
        """The session in one answer, of which the memory is measured."""
        return await self.read(session)

    def weight(self, answer: Any) -> int:
        """Bytes of the messages in an answer: not measured."""
        return sum(len(content) for content in self.contents(answer))

    def retries(self) -> int | None:
        """How often an operation of this process was tried again; None where that is not told."""
        return 0

    async def close(self) -> None:
        """Release what it holds."""


class Entry(NamedTuple):
    """A store to measure.

    Attributes:
        place: `module:Class`, in this package.
        peer: it runs in the virtual environment of the peers, see `bench.in`.
        cached: it reads faster a second time.
    """

    title: str
    place: str
    peer: bool = False
    cached: bool = False


STORES = {
    "turnlog": Entry("Turnlog, in process", "turnlog:InProcess", cached=True),
    "async": Entry("Turnlog, on a loop", "turnlog_loop:OnLoop", cached=True),
    "handlers": Entry("Turnlog, handlers", "turnlog_edge:Handlers", cached=True),
    "http": Entry("Turnlog, HTTP", "turnlog_edge:Http", cached=True),
    "put": Entry("boto3: PutItem, Query", "bare:Put"),
    "transaction": Entry("boto3: the bare transaction", "bare:Transaction"),
    "langchain": Entry("LangChain DynamoDBChatMessageHistory", "langchain:History", peer=True),
    "langgraph": Entry("LangGraph DynamoDBSaver", "langgraph:Saver", peer=True),
    "openai": Entry("OpenAI Agents RedisSession", "openai_agents:Session", peer=True),
    "ancestor": Entry("lock, count, insert, rewrite cache", "ancestor:Ancestor", cached=True),
}
TURNLOG = tuple(name for name, entry in STORES.items() if entry.place.startswith("turnlog"))
"""Those that work on one table and one user, Turnlog's."""


def load(name: str) -> Store:
    """A store, in this process."""
    module, _, kind = STORES[name].place.partition(":")
    store: Store = getattr(import_module(f"{__name__}.{module}"), kind)()
    return store
