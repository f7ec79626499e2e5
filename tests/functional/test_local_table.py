"""The local server: DynamoDB and its stream as the functions know them from AWS."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.stand import standing
from tests.http_client import PATIENCE

if TYPE_CHECKING:
    from tests.functional.stand import Stand


# DynamoDB


def write(stand: Stand, key: str, *, expect: int | None) -> dict[str, Any]:
    """A part of a transaction: put the item with `n` one higher, if `n` is as expected (None: absent)."""
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(PK)"}
    if expect is not None:
        condition = {
            "ConditionExpression": "n = :n",
            "ExpressionAttributeValues": {":n": {"N": str(expect)}},
        }
    item = {"PK": {"S": key}, "SK": {"S": "X"}, "n": {"N": str((expect or 0) + 1)}}
    return {
        "Put": {
            "TableName": stand.server.table,
            "Item": item,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **condition,
        }
    }


@pytest.mark.thorough
def test_a_transaction_that_fails_leaves_nothing(stand: Stand) -> None:
    client = stand.dynamodb()
    table = stand.server.table
    client.transact_write_items(TransactItems=[write(stand, "old", expect=None)])
    update = {
        "TableName": table,
        "Key": {"PK": {"S": "counter"}, "SK": {"S": "X"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    client.update_item(**update)
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            client.transact_write_items(
                TransactItems=[
                    {"Update": update},
                    write(stand, "new", expect=None),
                    write(stand, "old", expect=7),
                ]
            )
    reasons = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "None", "ConditionalCheckFailed"]
    assert reasons[2]["Item"] == {"PK": {"S": "old"}, "SK": {"S": "X"}, "n": {"N": "1"}}

    def stored(key: str) -> Any:
        return client.get_item(TableName=table, Key={"PK": {"S": key}, "SK": {"S": "X"}}).get("Item")

    assert stored("counter")["n"] == {"N": "1"}
    assert stored("new") is None
    assert stored("old")["n"] == {"N": "1"}
    # Nor does the stream tell of it: here it would be the purge's business.
    tombstone = {"Put": {"TableName": table, "Item": {"PK": {"S": "old"}, "SK": {"S": "EXPIRY"}}}}
    removal = {"Delete": {"TableName": table, "Key": tombstone["Put"]["Item"]}}
    client.put_item(**tombstone["Put"])
    with pytest.raises(ClientError):
        client.transact_write_items(TransactItems=[removal, write(stand, "old", expect=7)])
    client.transact_write_items(TransactItems=[removal])
    assert len(stand.streamed.get(timeout=PATIENCE)["Records"]) == 1
    client.close()


@pytest.mark.thorough
def test_a_refused_update_brings_the_item_back(stand: Stand) -> None:
    client = stand.dynamodb()
    item = {"PK": {"S": "refused"}, "SK": {"S": "X"}, "b": {"B": b"\x00\xff"}}
    client.put_item(TableName=stand.server.table, Item=item)
    with pytest.raises(ClientError) as refused:
        client.update_item(
            TableName=stand.server.table,
            Key={"PK": {"S": "refused"}, "SK": {"S": "X"}},
            UpdateExpression="SET c = :c",
            ConditionExpression="attribute_exists(c)",
            ExpressionAttributeValues={":c": {"N": "1"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Item"] == item
    client.close()


@pytest.mark.thorough
def test_parallel_transactions_lose_nothing(stand: Stand) -> None:
    """Without the one call at a time, a transaction that fails takes back what another one has done."""
    client = stand.dynamodb()
    count = {
        "Update": {
            "TableName": stand.server.table,
            "Key": {"PK": {"S": "sum"}, "SK": {"S": "X"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }

    def add(writer: int) -> None:
        for number in range(8):
            # Large, so that it takes long enough to be met by another.
            writes = [write(stand, f"{writer}/{number}/{part}", expect=None) for part in range(25)]
            client.transact_write_items(TransactItems=[count, *writes])
            with pytest.raises(client.exceptions.TransactionCanceledException):
                client.transact_write_items(TransactItems=[count, *writes])

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(add, range(8)))
    total = client.get_item(TableName=stand.server.table, Key={"PK": {"S": "sum"}, "SK": {"S": "X"}})
    assert total["Item"]["n"] == {"N": "64"}
    client.close()


# The stream


def bury(stand: Stand, session: str) -> None:
    """Make a head into a tombstone."""
    key = {"PK": {"S": session}, "SK": {"S": "HEAD"}}
    client = stand.dynamodb()
    client.put_item(TableName=stand.server.table, Item={**key, "blob": {"B": b"\x00\xff"}})
    client.update_item(
        TableName=stand.server.table,
        Key=key,
        UpdateExpression="SET deleted_at = :at",
        ExpressionAttributeValues={":at": {"S": "2026-11-23T00:00:00Z"}},
    )
    client.close()


@pytest.mark.thorough
def test_a_deleted_session_comes_to_the_purge_as_lambda_would_have_it(stand: Stand) -> None:
    bury(stand, "buried")
    (record,) = stand.streamed.get(timeout=PATIENCE)["Records"]
    change = record["dynamodb"]
    assert record["eventName"] == "MODIFY"
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventSourceARN"].startswith("arn:aws:dynamodb:")
    assert change["Keys"] == {"PK": {"S": "buried"}, "SK": {"S": "HEAD"}}
    assert change["OldImage"]["blob"] == change["NewImage"]["blob"] == {"B": "AP8="}
    assert change["NewImage"]["deleted_at"] == {"S": "2026-11-23T00:00:00Z"}
    assert change["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert change["SequenceNumber"].isdecimal()
    assert isinstance(change["ApproximateCreationDateTime"], float)


def test_the_purge_is_called_again_until_it_is_done(stand: Stand) -> None:
    calls: Queue[str] = Queue()

    def purge(event: Any, _context: Any) -> Any:
        (record,) = event["Records"]
        calls.put(record["dynamodb"]["Keys"]["PK"]["S"])
        match calls.qsize():
            case 1:
                raise TimeoutError
            case 2:
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
            case 3:
                return {"batchItemFailures": [{"itemIdentifier": ""}]}
        done.put(True)
        return {"batchItemFailures": []}

    done: Queue[bool] = Queue()
    stand.answers["purge_session"] = purge
    bury(stand, "again")
    assert done.get(timeout=PATIENCE)
    assert [calls.get() for _ in range(calls.qsize())] == ["again"] * 4


@pytest.mark.thorough
def test_what_has_expired_is_deleted(stand: Stand) -> None:
    client = stand.dynamodb()
    calls: Queue[list[str]] = Queue()
    written = Event()

    def purge(event: Any, _context: Any) -> None:
        calls.put([record["dynamodb"]["Keys"]["PK"]["S"] for record in event["Records"]])
        assert written.wait(PATIENCE)

    def put(session: str, ends: int) -> None:
        item = {"PK": {"S": session}, "SK": {"S": "EXPIRY"}, "expires_at": {"N": str(ends)}}
        client.put_item(TableName=stand.server.table, Item=item)

    # While the purge is busy nobody reads on, so all of these are found together.
    stand.answers["purge_session"] = purge
    bury(stand, "busy")
    assert calls.get(timeout=PATIENCE) == ["busy"]
    now = int(time.time())
    put("lives", now + 3600)
    put("put off", now - 60)
    put("put off", now + 3600)
    put("expired", now - 60)
    written.set()
    assert calls.get(timeout=PATIENCE) == ["expired"]
    client.close()


@pytest.mark.thorough
def test_a_purge_under_way_is_told_that_the_server_stops() -> None:
    began, ended = Event(), Event()

    def purge(_event: Any, context: Any) -> None:
        began.set()
        deadline = time.monotonic() + PATIENCE
        while context.get_remaining_time_in_millis() and time.monotonic() < deadline:
            time.sleep(0.01)
        ended.set()

    with standing() as stand:
        stand.answers["purge_session"] = purge
        bury(stand, "s")
        assert began.wait(PATIENCE)
    assert ended.is_set()
