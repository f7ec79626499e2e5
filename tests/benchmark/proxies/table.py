"""A counting proxy before DynamoDB Local: requests, bytes, and units by AWS's rules.

It is for counts, never for times: around every write it reads the items that are written, before and after,
past itself, so that it holds whole items and not what the request says of them. Writes go through one at a
time for that. A Query is asked again without its filter and its projection, which do not make it cheaper. A
refused write is counted as if it had been made: AWS charges a failed condition by the item that is there.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3

from tests.benchmark.capacity import Index, indexes, read_units, write_units
from tests.benchmark.proxies.requests import keys_written, reads_of
from tests.simulation.dynamodb.attribute_values import item_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmark.proxies.requests import Place, Read
    from turnlog.records.item import Item

WRITES = frozenset({"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})
READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})


@dataclass
class TableCounts:
    """What was asked of a table.

    Attributes:
        stored: bytes of items, by how much they grew; indexes are not counted.
        refused: writes that were not made, for a condition or a conflict.
    """

    requests: Counter[str] = field(default_factory=Counter)
    up: int = 0
    down: int = 0
    writes: float = 0
    reads: float = 0
    stored: int = 0
    refused: int = 0


class TableProxy:
    """The proxy, while it runs.

    Attributes:
        url: where a client finds it.
        counts: since the last `reset`.
    """

    def __init__(self, upstream: str, port: int = 0) -> None:
        self.upstream = urlsplit(upstream).netloc
        self._client = boto3.client(
            "dynamodb",
            endpoint_url=upstream,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 (asked for, and not checked)
        )
        self._tables: dict[str, tuple[tuple[str, ...], list[Index]]] = {}
        self._writing, self._counting = Lock(), Lock()
        self.counts = TableCounts()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def reset(self) -> None:
        """Count from zero."""
        self.counts = TableCounts()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(_Handler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                operation = self.headers["x-amz-target"].rpartition(".")[2]
                status, answer, up, down = proxy.answer(operation, self, body)
                with proxy._counting:
                    proxy.counts.requests[operation] += 1
                    proxy.counts.up += up
                    proxy.counts.down += down
                self.reply(status, answer)

        return Handler

    def answer(self, operation: str, handler: _Handler, body: bytes) -> tuple[int, _Response, int, int]:
        """Pass a request on, and count it; the status, the answer, and the bytes of both ways."""
        if operation not in WRITES | READS:
            return handler.forward(self.upstream, body)
        request = json.loads(body)
        if operation in READS:
            exchanged = handler.forward(self.upstream, body)
            if exchanged[0] == 200:
                units = sum(map(self._read, reads_of(operation, request, json.loads(exchanged[1].body))))
                with self._counting:
                    self.counts.reads += units
            return exchanged
        with self._writing:
            places = keys_written(operation, request, lambda table: self._table(table)[0])
            before = self._items(places)
            exchanged = handler.forward(self.upstream, body)
            after = self._items(places) if exchanged[0] == 200 else before
        with self._counting:
            self.counts.refused += exchanged[0] != 200
            transaction = operation == "TransactWriteItems"
            for place, old, new in zip(places, before, after, strict=True):
                over = self._table(place.table)[1]
                self.counts.writes += write_units(old, new, over, transaction=transaction)
                self.counts.stored += item_size(new or {}) - item_size(old or {})
        return exchanged

    def _table(self, name: str) -> tuple[tuple[str, ...], list[Index]]:
        if name not in self._tables:
            definition = self._client.describe_table(TableName=name)["Table"]
            keys = tuple(key["AttributeName"] for key in definition["KeySchema"])
            self._tables[name] = keys, indexes(definition)
        return self._tables[name]

    def _items(self, places: list[Place]) -> list[Item | None]:
        return [
            self._client.get_item(TableName=place.table, Key=place.key, ConsistentRead=True).get("Item")
            for place in places
        ]

    def _read(self, read: Read) -> float:
        if read.again is None:
            size = item_size(
                self._client.get_item(TableName=read.table, Key=read.key, ConsistentRead=True).get("Item", {})
            )
        else:
            size = self._evaluated(read.again, read.scanned)
        return read_units(size, consistent=read.consistent, transaction=read.transaction)

    def _evaluated(self, query: dict[str, Any], scanned: int) -> int:
        """Bytes of the items that a page of a Query or Scan looked at."""
        ask = self._client.query if "KeyConditionExpression" in query else self._client.scan
        looked_at, size = 0, 0
        while looked_at < scanned:
            page = ask(**query)
            items = page["Items"][: scanned - looked_at]
            looked_at += len(items)
            size += sum(map(item_size, items))
            if "LastEvaluatedKey" not in page:
                break
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return size


class _Response:
    def __init__(self, headers: list[tuple[str, str]], body: bytes) -> None:
        self.headers, self.body = headers, body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self, upstream: str, body: bytes) -> tuple[int, _Response, int, int]:
        # A connection that is kept may be closed by the server while it lies idle.
        with closing(HTTPConnection(upstream, timeout=60)) as connection:
            connection.request("POST", self.path, body, dict(self.headers.items()))
            response = connection.getresponse()
            answer = _Response(response.getheaders(), response.read())
        up = len(self.requestline) + 2 + _size(self.headers.items()) + len(body)
        return response.status, answer, up, _size(answer.headers) + len(answer.body)

    def reply(self, status: int, answer: _Response) -> None:
        self.send_response_only(status)
        for name, value in answer.headers:
            if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base's name)
        del format, args


def _size(headers: Any) -> int:
    """Bytes of headers on the wire."""
    return sum(len(name) + len(value) + 4 for name, value in headers) + 2


@contextmanager
def table_proxy(upstream: str) -> Iterator[TableProxy]:
    """A proxy before the endpoint at this URL, on a free port."""
    proxy = TableProxy(upstream)
    thread = Thread(target=proxy.server.serve_forever, args=(0.05,), name="table proxy", daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()
