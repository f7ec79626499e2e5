"""What tests look at and interfere with: the table, the requests to it, the process's settings."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from tests.functional.drivers import DRIVERS, load_driven
from turnlog.drivers.blocking import SystemClock
from turnlog.records.keys import HEAD, SessionKey, user_partition
from turnlog.settings import settings
from turnlog.store.retry import RESERVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.local.lambdas import Handler

QUIET = Lock()
Rows = dict[tuple[str, str], dict[str, Any]]


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited for in vain"
        time.sleep(0.01)
    return found


class TableView:
    """The table as it lies, read past the store."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name

    def rows(self) -> Rows:
        """All items."""
        return self._read("scan")

    def session(self, user: str | None, session_id: str) -> Rows:
        """The items of a session."""
        return self._read(
            "query",
            KeyConditionExpression="PK = :session",
            ExpressionAttributeValues={":session": {"S": SessionKey(user or "", session_id).partition}},
        )

    def item(self, user: str, session_id: str, sort_key: str) -> dict[str, Any]:
        """One item of a session."""
        key = {"PK": {"S": SessionKey(user, session_id).partition}, "SK": {"S": sort_key}}
        found: dict[str, Any] = self.client.get_item(TableName=self.name, Key=key)["Item"]
        return found

    def put(self, item: dict[str, Any]) -> None:
        """Write an item past the store."""
        self.client.put_item(TableName=self.name, Item=item)

    def owned(self, user: str | None) -> Rows:
        """The items of all of a user's sessions, and the user's own."""
        heads = self._read(
            "query",
            IndexName="GSI1",
            KeyConditionExpression="GSI1PK = :user",
            ExpressionAttributeValues={":user": {"S": user_partition(user or "")}},
        )
        found = self._read(
            "query",
            KeyConditionExpression="PK = :user",
            ExpressionAttributeValues={":user": {"S": user_partition(user or "")}},
        )
        for partition, _ in heads:
            found |= self.session(user, partition.rpartition("#")[2])
        return found

    def _read(self, operation: str, **parameters: Any) -> Rows:
        pages = self.client.get_paginator(operation).paginate(TableName=self.name, **parameters)
        return {(item["PK"]["S"], item["SK"]["S"]): item for page in pages for item in page["Items"]}

    def settled(self) -> Rows:
        """All items, when the purge has nothing left to do."""

        def purged() -> Rows | None:
            rows = self.rows()
            # A transcript's tombstone stays as long as its session.
            heads = [row for (_, name), row in rows.items() if name == HEAD]
            return rows if all("expires_at" in row for row in heads if "deleted_at" in row) else None

        found: Rows = wait_until(purged)
        return found


def purging() -> bool:
    """Whether this is the stream's purge, which goes on beside the tests, with the functions' clients."""
    return threading.current_thread().name == "stream"


@contextmanager
def hook(event: str, handler: Callable[..., Any]) -> Iterator[None]:
    """A botocore event handler on the functions' own client."""
    clients, hooked = DRIVERS.clients(), DRIVERS.hooked(handler)
    for client in clients:
        client.meta.events.register_last(event, hooked)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister(event, hooked)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The DynamoDB requests that the functions send, by name; those of the purge are not among them."""
    operations: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        if not purging():
            operations.append(event_name.rpartition(".")[2])

    with hook("before-send.dynamodb", note):
        yield operations


@contextmanager
def first(operation: str, action: Callable[[], Any], *, after: int = 0) -> Iterator[None]:
    """Do something right before the first request of this kind goes out, as another client might.

    Args:
        operation: the request.
        action: what is done.
        after: let so many requests of the kind go out before.
    """
    pending = [*[lambda: None] * after, action]

    def act(**_: Any) -> None:
        if pending and not purging():
            pending.pop(0)()

    with hook(f"before-send.dynamodb.{operation}", act):
        yield
    assert not pending


@contextmanager
def after_first(operation: str, action: Callable[[], Any]) -> Iterator[None]:
    """Do something right after the first request of this kind was answered, before the answer is used."""
    pending = [action]

    def act(**_: Any) -> None:
        if pending and not purging():
            pending.pop()()

    with hook(f"after-call.dynamodb.{operation}", act):
        yield
    assert not pending


@contextmanager
def lost_reply(operation: str, meanwhile: Callable[[], Any] = lambda: None) -> Iterator[None]:
    """The first request of this kind is carried out; its reply is lost, for botocore's retries too.

    Those of the purge, which still works off what an earlier test has deleted, are none of them.

    Args:
        operation: the request.
        meanwhile: what goes on before its sender knows.
    """
    pending = [operation]

    def lose(**_: Any) -> None:
        if pending and not purging():
            pending.pop()
            meanwhile()
            raise ConnectionClosedError(endpoint_url="the table")

    with hook(f"after-call.dynamodb.{operation}", lose):
        yield
    assert not pending


@contextmanager
def sent_twice(operation: str) -> Iterator[None]:
    """The first request of this kind is carried out, its reply is lost, and botocore sends it again."""
    pending = [operation]

    def lose(request: Any, **_: Any) -> None:
        if pending:
            pending.pop()
            session = URLLib3Session()
            try:
                assert session.send(request).status_code == 200
            finally:
                session.close()
            raise ConnectionClosedError(endpoint_url="the table")

    with hook(f"before-send.dynamodb.{operation}", lose):
        yield
    assert not pending


def forget(valkey: Any, session_id: str, what: str = "*") -> None:
    """The cache loses what it has of a session, or the keys that end so."""
    for key in valkey.scan_iter(f"turnlog:*{session_id}{what}"):
        valkey.delete(key)


@contextmanager
def unreachable(operation: str = "") -> Iterator[None]:
    """No request, or none of this kind, reaches the table."""

    def refuse(**_: Any) -> None:
        if not purging():
            raise ConnectionClosedError(endpoint_url="the table")

    with hook(f"before-call.dynamodb.{operation}".rstrip("."), refuse), hurried():
        yield


@contextmanager
def stopped(after: int) -> Iterator[None]:
    """A request's writes behind the first so many do not reach the table, and its time is short."""
    left = [after]

    def refuse(**_: Any) -> None:
        if not purging():
            left[0] -= 1
            if left[0] < 0:
                raise ConnectionClosedError(endpoint_url="the table")

    with hook("before-send.dynamodb.TransactWriteItems", refuse), hurried():
        yield


@contextmanager
def hurried(seconds: float = RESERVE + 0.2) -> Iterator[None]:
    """The functions have so little time that what goes on trying soon gives up."""
    DRIVERS.seconds = seconds
    try:
        yield
    finally:
        DRIVERS.seconds = None


class Later(SystemClock):
    """The machine's clock, some days from now."""

    def __init__(self, days: float) -> None:
        super().__init__(time.monotonic() + 29)
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


@contextmanager
def configured(**environment: str) -> Iterator[None]:
    """The functions with other settings."""
    before = {name: os.environ.get(name) for name in environment}
    _reconfigure(dict(environment))
    try:
        yield
    finally:
        _reconfigure(before)


def _reconfigure(environment: dict[str, str | None]) -> None:
    with QUIET:
        DRIVERS.close()
        for name, value in environment.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        settings.cache_clear()
        DRIVERS.reopen()


def load_quiet(path: str) -> Handler:
    """The handler at a path; the purge's, which has a thread of its own, waits while settings change."""
    handler = load_driven(path)
    if "purge" not in path:
        return handler

    def quiet(event: Any, context: Any) -> Any:
        with QUIET:
            return handler(event, context)

    return quiet
