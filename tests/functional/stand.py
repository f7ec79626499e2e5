"""A local server whose functions are stubs: what it is itself, without what Turnlog does on it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from queue import Queue
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3

from infra.local.server import LocalServer, running
from tests.http_client import request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.http_client import Reply


class Stand(NamedTuple):
    """A server with stub functions.

    Attributes:
        server: where things are.
        answers: by module, what a function does in place of answering with its event.
        streamed: the events that purge_session took.
    """

    server: LocalServer
    answers: dict[str, Callable[[Any, Any], Any]]
    streamed: Queue[dict[str, Any]]

    def __call__(self, *given: Any, **more: Any) -> Reply:
        return request(self.server.url, *given, **more)

    def dynamodb(self) -> Any:
        return boto3.client("dynamodb", endpoint_url=self.server.dynamodb_url)


def environment() -> dict[str, str]:
    """What this process's environment says to its programs; pytest notes the current test there."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@contextmanager
def standing() -> Iterator[Stand]:
    """A stand, which leaves this process's environment as it was."""
    answers: dict[str, Callable[[Any, Any], Any]] = {}
    streamed: Queue[dict[str, Any]] = Queue()

    def load(path: str) -> Callable[[Any, Any], Any]:
        module = path.split(".")[1]

        def handler(event: Any, context: Any) -> Any:
            if module in answers:
                return answers[module](event, context)
            if module == "purge_session":
                streamed.put(event)
                return {"batchItemFailures": []}
            return {"module": module, "event": event}

        return handler

    before = environment()
    with running(cache_url="", load=load) as server:
        yield Stand(server, answers, streamed)
    assert environment() == before
