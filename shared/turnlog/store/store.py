"""What every operation works on, and the reads that several of them share."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from turnlog.errors import Contended, ForkUnfinished, Gone, NotFound, Torn, Unanswered, Unavailable
from turnlog.records import head as heads
from turnlog.records import transcripts
from turnlog.records.expressions import names
from turnlog.records.keys import GenerationKey
from turnlog.records.messages import decode
from turnlog.store.retry import Tries
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from turnlog.errors import ConditionFailed
    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.keys import SessionKey, TranscriptKey, TranscriptName
    from turnlog.records.messages import Stored
    from turnlog.records.transcripts import Transcript
    from turnlog.store.protocols import Clock, Objects, Table
    from turnlog.store.session_cache import SessionCache

T = TypeVar("T")


class LogMoved(Contended):
    """A rewind came between the head that a reader holds and the messages that it reads.

    Args:
        head: the one that there is now.
    """

    def __init__(self, head: Head) -> None:
        super().__init__("The session is being rewound. Try again.")
        self.head = head


class Store(NamedTuple):
    """One caller's table, cache and clock.

    Attributes:
        retention_days: None keeps a session for ever.
        counts: what happened, by name, for the metrics.
        objects: None where there is no bucket.
        transcripts: whether they are served.
        stream_ttl: seconds for which the events of a stream are kept after its end.
        in_process: a program in this process asks: no request and no answer goes through a Lambda.
    """

    table: Table
    cache: SessionCache
    clock: Clock
    retention_days: int | None
    counts: Counter[str]
    objects: Objects | None = None
    transcripts: bool = True
    stream_ttl: int = 86_400
    in_process: bool = False

    @property
    def takes_large(self) -> bool:
        """Whether an entry may be more than an answer holds: over HTTP its reader gets it from the bucket."""
        return self.in_process or self.objects is not None

    def now(self) -> str:
        """The time as it is stored."""
        return timestamp(self.clock.now())

    async def read(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """A request that may be made twice without harm, repeated when it is refused or not answered.

        Raises:
            Unavailable: it still is, and there is no time for another try.
        """
        return await self.repeated(lambda: self._request(operation, parameters))

    async def repeated(self, request: Callable[[], Awaitable[T]]) -> T:
        """A request that may be made twice without harm, see `read`."""
        tries = self.tries()
        while True:
            try:
                return await request()
            except (Contended, Unanswered) as error:
                await tries.again(error)

    async def query(self, parameters: Mapping[str, Any]) -> AsyncIterator[Item]:
        """The items that a Query finds, page by page.

        Raises:
            Unavailable: the table refused or did not answer.
        """
        asked = dict(parameters)
        while True:
            page = await self.read("Query", asked)
            for item in page["Items"]:
                yield item
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def bucket(self) -> Objects:
        """The object store, where an item says that there is one.

        Raises:
            Unavailable: none is configured.
        """
        if self.objects is None:
            raise Unavailable("What is stored lies in a bucket, and none is configured (TURNLOG_BUCKET).")
        return self.objects

    async def write(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """A conditional request, made once: what to do when it fails is the operation's knowledge.

        Raises:
            ConditionFailed: nothing was written.
            Contended: nothing was written.
            Unanswered: it may have been.
        """
        return await self._request(operation, parameters)

    async def transact(self, *writes: Mapping[str, Any]) -> None:
        """All of these writes, or none, see `write`. A write is `{"Put": {…}}` without the table's name."""
        await self.write(
            "TransactWriteItems",
            {
                "TransactItems": [
                    {kind: {"TableName": self.table.name, **write}}
                    for item in writes
                    for kind, write in item.items()
                ]
            },
        )

    def tries(self) -> Tries:
        """For an operation that may have to try again, see `retry`."""
        return Tries(self.clock, self.counts)

    async def find_head(self, key: SessionKey) -> Head | None:
        """The head as it is now, a tombstone too; None if there is none."""
        answer = await self.read("GetItem", {"Key": key.head, "ConsistentRead": True})
        return heads.from_item(answer["Item"]) if "Item" in answer else None

    async def head(self, key: SessionKey | GenerationKey) -> Head:
        """The head of a live session as it is now: of whichever is there, or of this generation alone (G4).

        Raises:
            NotFound: there is no such session; what the cache holds of a deleted one is dropped.
        """
        head = await self.find_head(key.session if isinstance(key, GenerationKey) else key)
        if head is None:
            raise not_found()
        return await self._live(key, head)

    async def refusing_head(self, key: SessionKey | GenerationKey, refused: ConditionFailed) -> Head:
        """The head as a refusal brought it back, see `head`; the refused request's first write is the head's.

        Raises:
            NotFound: there is no such session.
        """
        if (item := refused.items[0]) is None:
            # A message refused, not the head: the head has moved in between, or there is none.
            return await self.head(key)
        return await self._live(key, heads.from_item(item))

    async def _live(self, key: SessionKey | GenerationKey, head: Head) -> Head:
        if not head.live:
            await self.cache.drop(head.key, head)
            raise not_found()
        if isinstance(key, GenerationKey) and key != head.key:
            raise not_found()
        return head

    async def find_transcript(self, key: TranscriptKey) -> Transcript | None:
        """A transcript's head as it is now, a tombstone too; None if there is none."""
        answer = await self.read("GetItem", {"Key": key.head, "ConsistentRead": True})
        return transcripts.from_item(answer["Item"]) if "Item" in answer else None

    async def transcript(self, name: TranscriptName) -> Transcript:
        """The head of a transcript of a live session as it is now.

        Raises:
            NotFound: there is no such session, or no such transcript of it.
        """
        # The session first: if it is deleted in between, the transcript is as it was, or purged.
        session = await self.head(name.session)
        found = await self.find_transcript(name.of(session.key))
        if found is None or not found.live:
            raise no_transcript()
        return found

    async def messages(self, head: Head, first: int, end: int, *attributes: str) -> dict[int, Stored]:
        """The messages first..end-1 of the log that this head counts, all of them, by sequence; see `items`.

        They are as the table has them now. A query may find a message missing or half written, because it
        isolates items and not transactions (docs.aws.amazon.com/amazondynamodb/latest/developerguide/
        transaction-apis.html), and because a purge may be at work. It may also find a message that was put
        after a later rewind: that one is not of this log. Then the head tells: it has
        moved, or the messages are read again.

        Raises:
            NotFound: the session was deleted meanwhile.
            LogMoved: it was rewound meanwhile.
            Unavailable: the table refused or did not answer.
        """
        tries = self.tries()
        while True:
            with suppress(Torn):
                items = await self.items(head.key, first, end, *attributes)
                found = {one.sequence: one for one in decode(items)}
                if len(found) == end - first and all(one.epoch <= head.rewinds for one in found.values()):
                    return found
            now = await self.head(head.key)
            if now.rewinds != head.rewinds:
                raise LogMoved(now)
            await tries.again(Torn("The messages were changed while they were read. Read them again."))

    async def items(self, key: GenerationKey, first: int, end: int, *attributes: str) -> list[Item]:
        """The items of the messages first..end-1 that there are now, in their order.

        Args:
            first: the sequence of the first.
            end: the one behind the last.
            attributes: those that are read; all, if none is named.
        """
        query: dict[str, Any] = {
            "KeyConditionExpression": "PK = :session AND SK BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":session": {"S": key.partition},
                ":first": key.message(first)["SK"],
                # Behind the last message's further parts: `~` sorts after `#`.
                ":last": {"S": f"{key.message(end - 1)['SK']['S']}~"},
            },
            "ConsistentRead": True,
        }
        if attributes:
            projection = ", ".join(f"#{name}" for name in attributes)
            query |= {"ProjectionExpression": projection, "ExpressionAttributeNames": names(projection)}
        return [item async for item in self.query(query)]

    async def _request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        named = operation.startswith(("TransactWrite", "Batch"))
        return await self.table.request(
            operation, parameters if named else {"TableName": self.table.name, **parameters}
        )


def not_found() -> NotFound:
    """The answer for a session that is not there, deleted, or another user's: one for all (G5)."""
    return NotFound("There is no such session.")


def gone(buried: Head) -> Gone:
    """The answer to who wants to create a session under an id that was deleted (G4).

    Args:
        buried: the tombstone.
    """
    return Gone(
        f"A session with this id was deleted at {buried.deleted_at}. To begin another one under the id,"
        ' send POST /sessions with "recreate": true; or take another id.',
        extra={"deleted_at": buried.deleted_at},
    )


def fork_unfinished() -> ForkUnfinished:
    """The answer to who wants to create something under the id of a fork that is not whole yet."""
    return ForkUnfinished(
        "A fork under this id is not finished. Send its request again to finish it, or take another id."
        " A fork that nobody finishes is given up after a day."
    )


def no_message() -> NotFound:
    """The answer for a sequence at which the session has no message."""
    return NotFound("There is no such message: the session ends before this sequence.")


def no_transcript() -> NotFound:
    """The answer for a transcript that a session has not, or no longer."""
    return NotFound("There is no such transcript.")
