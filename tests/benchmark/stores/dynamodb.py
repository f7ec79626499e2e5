"""What the stores on boto3 share: a client for DynamoDB Local, and making a table."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

import boto3

REGION = "us-east-1"


def client() -> Any:
    """A boto3 client with its defaults, at the endpoint in the environment."""
    return boto3.client("dynamodb", region_name=REGION, endpoint_url=endpoint())


def endpoint() -> str:
    """The table's endpoint."""
    return os.environ["AWS_ENDPOINT_URL_DYNAMODB"]


def ensure(name: str, partition: str, sort: tuple[str, str] | None = None) -> None:
    """Make a table on demand, unless it is there.

    Args:
        name: the table's.
        partition: the partition key, a string.
        sort: the sort key and its type.
    """
    keys = [(partition, "S", "HASH"), *([(*sort, "RANGE")] if sort else [])]
    dynamodb = client()
    with suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind, _ in keys],
            KeySchema=[{"AttributeName": key, "KeyType": role} for key, _, role in keys],
        )
    dynamodb.close()


def attribute(value: Any) -> dict[str, Any]:
    """A message's field as an attribute: text as it is, all else as JSON."""
    return {"S": value if isinstance(value, str) else json.dumps(value)}


def put_all(dynamodb: Any, table: str, items: list[dict[str, Any]]) -> None:
    """Put many items, 25 a request."""
    for at in range(0, len(items), 25):
        waiting = {table: [{"PutRequest": {"Item": item}} for item in items[at : at + 25]]}
        while waiting:
            waiting = dynamodb.batch_write_item(RequestItems=waiting)["UnprocessedItems"]
