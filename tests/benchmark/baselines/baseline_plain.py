"""The least that a function on DynamoDB does: a client, and one GetItem."""

import os
from typing import Any

import boto3

client = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Read one item."""
    key = {"PK": {"S": "USER#alice"}, "SK": {"S": "USER"}}
    answer = client.get_item(TableName=os.environ["TURNLOG_TABLE"], Key=key, ConsistentRead=True)
    return {"statusCode": 200, "body": str(answer.get("Item"))}
