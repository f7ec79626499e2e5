"""The usual stack: boto3, pydantic, Powertools' validating resolver, redis-py."""

import os
from typing import Any

import boto3
import redis
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic import BaseModel

logger = Logger(service="usual")
metrics = Metrics(namespace="Usual", service="usual")
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["TURNLOG_TABLE"])
cache = redis.Redis.from_url(os.environ["TURNLOG_CACHE_URL"])


class Session(BaseModel):
    """What it answers."""

    session_id: str
    found: bool


@app.get("/sessions/<session_id>")
def get_session(session_id: str) -> Session:
    """Read one item and the cache."""
    cache.get(session_id)
    found = "Item" in table.get_item(Key={"PK": session_id, "SK": "HEAD"}, ConsistentRead=True)
    return Session(session_id=session_id, found=found)


EVENT = {
    "version": "2.0",
    "routeKey": "GET /sessions/{session_id}",
    "rawPath": "/sessions/cold",
    "rawQueryString": "",
    "headers": {},
    "requestContext": {"http": {"method": "GET", "path": "/sessions/cold"}, "stage": "$default"},
    "isBase64Encoded": False,
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Answer the one request that it knows."""
    return app.resolve(EVENT, context)
