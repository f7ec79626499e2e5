"""Turnlog through its edge: the Lambda handlers, called with API Gateway's events, and the same over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.local.lambdas import Context, load_handler
from tests.benchmark.stores import USER
from tests.benchmark.stores.turnlog import PAGE, SECONDS, InProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmark.stores import Message

_FUNCTIONS = {
    ("POST", ""): "create_session",
    ("GET", ""): "list_sessions",
    ("GET", "/{}"): "get_session",
    ("POST", "/{}/messages"): "append_messages",
}


class Asked(NamedTuple):
    """A request: a method, a session if there is one, what comes below it in the path, and the rest."""

    method: str
    session: str = ""
    below: str = ""
    query: Mapping[str, str] = {}
    body: Any = None
    headers: Mapping[str, str] = {}
    user: str = USER


class _Edge(InProcess):
    """What an application gets: text."""

    async def call(self, asked: Asked) -> str:
        raise NotImplementedError

    async def append(self, session: str, messages: Sequence[Message]) -> None:
        await self.call(Asked("POST", session, "/messages", body={"messages": messages}))

    async def read(self, session: str, newest: int | None = None) -> list[str]:
        """The answers' texts: of a session above 5 MB there are several."""
        answers = [await self.call(Asked("GET", session, query={"limit": str(newest)} if newest else {}))]
        while newest is None and (first := _first(answers[-1])):
            answers.append(await self.call(Asked("GET", session, query={"before": str(first)})))
        return answers[::-1]

    async def get(self, session: str) -> list[str]:
        """One answer: 5 MB at most."""
        return [await self.call(Asked("GET", session))]

    def weight(self, answer: Any) -> int:
        return sum(map(len, answer))

    async def unchanged(self, session: str) -> None:
        await self.call(Asked("GET", session, headers={"if-none-match": "*"}))

    def retries(self) -> None:
        """They are in the log's lines, which go nowhere."""

    async def sessions(self, user: str) -> int:
        found, cursor = 0, None
        while True:
            query = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            page = json.loads(await self.call(Asked("GET", query=query, user=user)))
            found += len(page["sessions"])
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def contents(self, answer: Any) -> list[str]:
        return [message["content"] for text in answer for message in json.loads(text)["messages"]]


def _first(answer: str) -> int:
    """The first sequence in an answer, if there is more before it; found without reading the messages."""
    start = answer[: answer.index('"messages":')]
    return json.loads(start.rstrip(",") + "}")["oldest_sequence"] if '"has_more":true' in start else 0


class Handlers(_Edge):
    """The functions, in this process, as Lambda calls them; what they log goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self._handlers = {
            route: load_handler(f"functions.{name}.handler") for route, name in _FUNCTIONS.items()
        }

    async def call(self, asked: Asked) -> str:
        route = ("/{}" if asked.session else "") + asked.below
        path = f"/sessions/{asked.session}{asked.below}"
        event = {
            "version": "2.0",
            "routeKey": f"{asked.method} /sessions{route}",
            "rawPath": path,
            "headers": {"content-type": "application/json", **asked.headers},
            "queryStringParameters": dict(asked.query),
            "pathParameters": {"session_id": asked.session},
            "requestContext": {
                "requestId": "bench",
                "http": {"method": asked.method, "path": path},
                "authorizer": {"jwt": {"claims": {"sub": asked.user}, "scopes": None}},
            },
            "body": None if asked.body is None else json.dumps(asked.body),
            "isBase64Encoded": False,
        }
        context = Context("Bench", 512, time.monotonic() + SECONDS)
        answer = self._handlers[asked.method, route](event, context)
        assert answer["statusCode"] in {200, 201, 304}, answer
        text: str = answer["body"]
        return text


class Http(_Edge):
    """`infra.local`'s gateway in a process of its own, over one connection that is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmark.http_server"],
            env=dict(os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._server.stdout
        self._connection = HTTPConnection("127.0.0.1", int(self._server.stdout.readline()), timeout=60)

    async def call(self, asked: Asked) -> str:
        path = "/sessions" + (f"/{asked.session}" if asked.session else "") + asked.below
        if asked.query:
            path += "?" + "&".join(f"{name}={value}" for name, value in asked.query.items())
        sent = {"Authorization": f"Bearer {asked.user}", "Content-Type": "application/json", **asked.headers}
        self._connection.request(
            asked.method, path, None if asked.body is None else json.dumps(asked.body), sent
        )
        with self._connection.getresponse() as response:
            text = response.read().decode()
            assert response.status in {200, 201, 304}, text
        return text

    async def close(self) -> None:
        self._connection.close()
        self._server.communicate()
