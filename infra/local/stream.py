"""What AWS does with the table's stream: events go to the purge function, and what has expired is deleted.

Records are handed on in order, in batches, filtered by the template's patterns, and a batch is handed on
again until the function has taken it. Time to live reads the stream as well: every item with an end passes
by here when it is written, so nothing is ever scanned for.
"""

from __future__ import annotations

import base64
import json
import logging
import time
from contextlib import suppress
from datetime import datetime
from heapq import heappop, heappush
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from infra.template import ttl_attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.template import StreamMapping

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
RETRY_SECONDS = (0.1, 5.0)  # the first wait, and the longest that doubling leads to
STOP_SECONDS = 10
PAGE = 100  # records in one read


class StreamPump:
    """Reads the stream in a thread of its own, from its beginning, while its context is entered.

    Args:
        table: the table's name.
        dynamodb: a boto3 client.
        streams: a boto3 client of DynamoDB Streams at the same endpoint.
        mapping: which records go out, how many at once.
        function: takes `{"Records": […]}` and answers as a Lambda with ReportBatchItemFailures does. It also
            takes an event that is set when the server stops: then it gives up, and names as failed what it
            has not done.
    """

    def __init__(
        self,
        *,
        table: str,
        dynamodb: Any,
        streams: Any,
        mapping: StreamMapping,
        function: Callable[[dict[str, Any], Event], Any],
    ) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._streams = streams
        self._mapping = mapping
        self._function = function
        self._iterators: dict[str, str | None] = {}  # by shard; None: the shard has been read to its end
        self._read: dict[str, str] = {}  # by shard, the sequence number of the last record handed on
        self._expiries: list[tuple[int, str]] = []  # a heap of second and key
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="stream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # The function heeds that at its next request. A request that hangs is not waited for any longer.
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        arn = self._dynamodb.describe_table(TableName=self._table)["Table"].get("LatestStreamArn")
        if arn is None:
            logger.warning("table %s has no stream: deleted sessions keep their messages", self._table)
            return
        while not self._stopping.wait(POLL_SECONDS):
            try:
                for shard in self._shards(arn):
                    self._read_shard(arn, shard)
                self._expire()
            except (BotoCoreError, ClientError) as error:
                # The table is down, or an iterator has aged: go on from the last record that was handed on.
                logger.warning("reading the stream again: %s", type(error).__name__)
                self._iterators.clear()

    def _shards(self, arn: str) -> Iterator[str]:
        """Parents before their children, as DynamoDB lists them."""
        start: dict[str, str] = {}
        while True:
            description = self._streams.describe_stream(StreamArn=arn, **start)["StreamDescription"]
            for shard in description["Shards"]:
                yield shard["ShardId"]
            if "LastEvaluatedShardId" not in description:
                return
            start = {"ExclusiveStartShardId": description["LastEvaluatedShardId"]}

    def _read_shard(self, arn: str, shard: str) -> None:
        if shard not in self._iterators:
            position = {"ShardIteratorType": self._mapping.starting_position}
            if shard in self._read:
                position = {
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "SequenceNumber": self._read[shard],
                }
            answer = self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **position)
            self._iterators[shard] = answer["ShardIterator"]
        while (iterator := self._iterators[shard]) and not self._stopping.is_set():
            page = self._streams.get_records(ShardIterator=iterator, Limit=PAGE)
            records = [_as_lambda_has_it(record, arn) for record in page["Records"]]
            if not self._hand_on(records):
                return
            for record in records:
                self._note_expiry(record["dynamodb"])
                self._read[shard] = record["dynamodb"]["SequenceNumber"]
            self._iterators[shard] = page.get("NextShardIterator")
            if not records:
                return

    def _hand_on(self, records: list[dict[str, Any]]) -> bool:
        """Whether all of them were taken; not so only when stopping."""
        patterns = self._mapping.patterns
        due = [record for record in records if any(fits(record, pattern) for pattern in patterns)]
        wait, longest = RETRY_SECONDS
        while due:
            batch = due[: self._mapping.batch_size]
            left = self._call(batch)
            due = left + due[len(batch) :]
            if len(left) < len(batch):
                wait = RETRY_SECONDS[0]
            elif self._stopping.wait(wait):
                return False
            else:
                wait = min(2 * wait, longest)
        return True

    def _call(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Hand the batch on; what has to be handed on again, from the first failure on."""
        try:
            answer = self._function({"Records": batch}, self._stopping)
        except Exception:
            # The function's fault, whatever it is. Lambda does the same: it logs, and comes again.
            logger.exception("%s failed", self._mapping.function.name)
            return batch
        failures = {failure["itemIdentifier"] for failure in (answer or {}).get("batchItemFailures", ())}
        if not failures:
            return []
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        # An identifier that is not of this batch fails all of it.
        first = min(numbers.index(failure) if failure in numbers else 0 for failure in failures)
        return batch[first:]

    def _note_expiry(self, change: dict[str, Any]) -> None:
        if end := change.get("NewImage", {}).get(ttl_attribute(), {}).get("N"):
            heappush(self._expiries, (int(end), json.dumps(change["Keys"])))

    def _expire(self) -> None:
        now = int(time.time())
        while self._expiries and self._expiries[0][0] < now:
            _, key = self._expiries[0]
            # It may have got another end since; that has come by here as well.
            with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
                self._dynamodb.delete_item(
                    TableName=self._table,
                    Key=json.loads(key),
                    ConditionExpression="#end < :now",
                    ExpressionAttributeNames={"#end": ttl_attribute()},
                    ExpressionAttributeValues={":now": {"N": str(now)}},
                )
            heappop(self._expiries)


def fits(value: Any, pattern: Any) -> bool:
    """Whether a record fits an event filter: nested names, at the leaves a list of alternatives.

    An alternative is a literal or `{"exists": true}` / `{"exists": false}`, which is about the leaf itself.

    Raises:
        NotImplementedError: another of Lambda's operators.
    """
    if isinstance(pattern, dict):
        fields = value if isinstance(value, dict) else {}
        return all(fits(fields.get(name), inner) for name, inner in pattern.items())
    return any(_is(value, alternative) for alternative in pattern)


def _is(value: Any, alternative: Any) -> bool:
    if not isinstance(alternative, dict):
        return bool(value == alternative)
    if alternative.keys() != {"exists"}:
        raise NotImplementedError(str(alternative))
    leaf = value is not None and not isinstance(value, dict)
    return leaf is alternative["exists"]


def _as_lambda_has_it(record: dict[str, Any], arn: str) -> dict[str, Any]:
    """A record of DynamoDB Streams as in a Lambda's event: bytes in base64, times in seconds."""
    event: dict[str, Any] = json.loads(json.dumps(record, default=_plain))
    return event | {"eventSourceARN": arn}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(type(value).__name__)
