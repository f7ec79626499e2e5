"""What each function was seen to ask of table, bucket and cache. `python -m tests.infra.recorded FILE`.

Runs every function, through all that it can do, against the local server, whose cache lets it in as the user
that `infra/cache.yaml` makes. Writes JSON. In a process of its own, since it listens in on the functions'
clients and has settings of its own.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from infra.local import embedded
from infra.local.lambdas import load_handler
from infra.local.server import running
from tests.functional.api import Api
from tests.infra.cloudformation import load
from tests.infra.every_way import drive
from turnlog.cache import resp
from turnlog.cache.resp import RespCache
from turnlog.cache.url import CacheUrl
from turnlog.coroutines import run
from turnlog.drivers.blocking import brief_table, clients, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "for-the-test-alone"  # noqa: S105
_TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}

table_calls: set[tuple[str, str, str, str]] = set()
"""Function, IAM action, `table` or `index/…`, partition key."""

bucket_calls: set[tuple[str, str, str]] = set()
"""Function, IAM action, key or prefix."""

cache_calls: set[tuple[str, str]] = set()
"""Function, command."""

_running = threading.local()


def recording(path: str) -> Callable[..., Any]:
    """The handler, that says while it runs which one it is."""
    handler = load_handler(path)

    def recorded(event: Any, context: Any) -> Any:
        _running.name = context.function_name
        return handler(event, context)

    return recorded


def note_table_call(params: dict[str, Any], model: Any, **_: Any) -> None:
    """A request, as the actions that IAM asks permission for (for a transaction: for each of its writes)."""
    for action, resource, key in _actions(model.name, params):
        table_calls.add((_running.name, f"dynamodb:{action}", resource, key))


def _actions(operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    if operation == "TransactWriteItems":
        for write in params["TransactItems"]:
            for kind, one in write.items():
                yield _TRANSACTED[kind], "table", _partition(one)
    elif operation == "BatchWriteItem":
        for requests in params["RequestItems"].values():
            for request in requests:
                for one in request.values():
                    yield operation, "table", _partition(one)
    elif operation == "Query":
        (placeholder,) = re.findall(r"^\w+ = (:\w+)", params["KeyConditionExpression"])
        index = params.get("IndexName")
        key = params["ExpressionAttributeValues"][placeholder]["S"]
        yield operation, f"index/{index}" if index else "table", key
    else:
        yield operation, "table", _partition(params)


def _partition(request: dict[str, Any]) -> str:
    key: str = (request.get("Key") or request["Item"])["PK"]["S"]
    return key


def note_bucket_call(params: dict[str, Any], model: Any, **_: Any) -> None:
    """A request, as the actions that IAM asks permission for."""
    if model.name == "CopyObject":
        source = params["CopySource"]
        key = source["Key"] if isinstance(source, dict) else source.partition("/")[2]
        bucket_calls.add((_running.name, "s3:GetObject", key))
        bucket_calls.add((_running.name, "s3:PutObject", params["Key"]))
        return
    action = {"ListObjectsV2": "ListBucket", "HeadObject": "GetObject"}.get(model.name, model.name)
    bucket_calls.add((_running.name, f"s3:{action}", params.get("Key") or params["Prefix"]))


def note_cache_calls() -> None:
    """Listen in on the cache's client."""
    plain = RespCache._asked

    async def noting(cache: RespCache, slot: int, commands: Any, *, wait: bool) -> list[Any]:
        for command in commands:
            cache_calls.add((getattr(_running, "name", ""), command[0].lower()))
        return await plain(cache, slot, commands, wait=wait)

    resp.RespCache._asked = noting  # type: ignore[method-assign,assignment]


def main() -> None:
    """Record, and write it to the file that the command line names."""
    access = load("infra/cache.yaml")["Resources"]["CacheUser"]["Properties"]["AccessString"].split()
    with ExitStack() as stack:
        cache_url = stack.enter_context(embedded.valkey())
        operator = RespCache(CacheUrl.parse(cache_url))
        assert run(operator.run(("ACL", "SETUSER", "functions", *access, f">{PASSWORD}"))) == [b"OK"]
        note_cache_calls()
        as_user = cache_url.replace("redis://", f"redis://functions:{PASSWORD}@")
        os.environ["TURNLOG_RETENTION_DAYS"] = "30"
        server = stack.enter_context(running(cache_url=as_user, load=recording))
        for table in (clients()[0], brief_table()):
            table._client.meta.events.register("before-parameter-build.dynamodb", note_table_call)
        bucket = objects()
        assert bucket is not None
        bucket._client().meta.events.register("before-parameter-build.s3", note_bucket_call)
        dynamodb = boto3.client("dynamodb", endpoint_url=server.dynamodb_url)
        drive(Api(server.url, "alice"), dynamodb, server.table)
        (refusals,) = run(operator.run(("ACL", "LOG")))
    found = {
        "table": sorted(table_calls),
        "bucket": sorted(bucket_calls),
        "cache": sorted(call for call in cache_calls if call[0]),
        "refusals": len(refusals),
    }
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
