"""Handlers whose answer comes bit by bit: `(status, headers, iterator of bytes)`.

What calls such a handler sends each chunk as it comes: `streaming_runtime.py` in Lambda, the gateway of the
local server, the tests. The iterator is closed when nobody wants more of it.

A REST API stands in front of them in AWS. It adds no headers for pages of other origins (CORS) by itself, as
the HTTP API does. So the handler says which origins may read its answers: those in the stage's `CorsOrigins`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from turnlog.coroutines import iterate, run
from turnlog.drivers.blocking import SystemClock, lambda_store
from turnlog.errors import TurnlogError
from turnlog.http import events
from turnlog.http.answers import Answer, problem
from turnlog.limits import FOLLOW_SECONDS, OPERATION_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping

    from turnlog.http.endpoint import Endpoint
    from turnlog.http.events import Call
    from turnlog.store.protocols import Clock
    from turnlog.store.store import Store

    Operation: TypeAlias = Callable[[Store, Call], Coroutine[Any, Any, "Answer | Flow"]]

_DEFECT = "The answer could not be begun. The log says why, under the request's id."
_ALLOWED = "authorization,content-type,idempotency-key,last-event-id"
_EXPOSED = "retry-after,x-request-id"
_LONGEST = FOLLOW_SECONDS + 10.0  # the last look at the table may be slow
_MAX_AGE = "3600"  # seconds for which a browser keeps what it may send


class Flow(NamedTuple):
    """An answer of status 200 whose body is not there yet.

    Attributes:
        headers: with names in lower case.
        chunks: makes it.
    """

    headers: Mapping[str, str]
    chunks: Callable[[Store], AsyncGenerator[bytes, None]]


class Streamed(NamedTuple):
    """What a streaming handler returns."""

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]


class StreamingEndpoint:
    """A streaming handler.

    Attributes:
        operation: the coroutine behind it. What it raises, it raises before its answer begins.
        at_once: answers a direct invoke, which Lambda gives one answer in one piece.
        methods: that it serves.
        name: the operation's, in logs and metrics.
    """

    def __init__(self, operation: Operation, *, at_once: Endpoint, methods: str) -> None:
        self.operation = operation
        self.at_once = at_once
        self.methods = methods
        self.name = operation.__module__.rpartition(".")[2]

    def __call__(self, event: Mapping[str, Any], context: Any = None) -> Streamed | dict[str, Any] | bytes:
        """Answer an event of a REST API, or of a direct invoke."""
        if "requestContext" not in event:
            return self.at_once(event, context)
        now, left = time.monotonic(), _LONGEST
        if context:
            left = min(left, context.get_remaining_time_in_millis() / 1000)
        # Who gets no answer at all is told so as soon as by any other endpoint.
        store = lambda_store(now + min(left, OPERATION_SECONDS))
        call = events.parse(event, getattr(context, "aws_request_id", ""))
        headers = {"x-request-id": call.request_id, **_shared_with(event, call.headers.get("origin"))}
        if event.get("httpMethod") == "OPTIONS":
            return Streamed(204, headers | self._preflight(), iter(()))
        status, more, chunks = run(self.respond(store, call, SystemClock(now + left)))
        return Streamed(status, {**headers, **more}, iterate(chunks))

    async def respond(
        self, store: Store, call: Call, clock: Clock
    ) -> tuple[int, Mapping[str, str], AsyncGenerator[bytes, None]]:
        """Answer a call, on whatever drives the store.

        Args:
            clock: for the chunks: an answer goes on longer than it may take to begin.
        """
        from turnlog.http.telemetry import emit, failed  # noqa: PLC0415 (a fifth of a cold start)

        try:
            _ = call.user_id  # without a user nothing else is told
            answer = await self.operation(store, call)
        except TurnlogError as refused:
            answer = problem(refused)
        except Exception as error:  # the last resort: the client gets no stack trace
            failed(self.name, call, error)
            answer = problem(TurnlogError(_DEFECT))
        if isinstance(answer, Flow):
            chunks = answer.chunks(store._replace(clock=clock))
            return 200, answer.headers, self._told(store, call, chunks)
        emit(self.name, call, answer.status, store.counts)
        typed = {"content-type": "application/json"} if answer.body else {}
        headers = {"cache-control": "private, no-cache", **typed, **answer.headers}
        return answer.status, headers, _at_once(answer.body)

    async def _told(
        self, store: Store, call: Call, chunks: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """The chunks; and when they are at their end, or nobody wants more, a line in the log."""
        from turnlog.http.telemetry import emit, failed  # noqa: PLC0415

        try:
            async for chunk in chunks:
                yield chunk
        except Exception as error:
            failed(self.name, call, error)
            raise
        finally:
            await chunks.aclose()
            emit(self.name, call, 200, store.counts)

    def _preflight(self) -> dict[str, str]:
        return {
            "access-control-allow-methods": self.methods,
            "access-control-allow-headers": _ALLOWED,
            "access-control-max-age": _MAX_AGE,
        }


def _shared_with(event: Mapping[str, Any], origin: str | None) -> dict[str, str]:
    """The headers that let a page of an origin read the answer, if it is one of those that may."""
    origins = (event.get("stageVariables") or {}).get("CorsOrigins", "").split(",")
    if not any(origins):
        return {}
    headers = {"vary": "origin"}
    if origin and origin in origins:
        headers |= {"access-control-allow-origin": origin, "access-control-expose-headers": _EXPOSED}
    return headers


async def _at_once(body: bytes) -> AsyncGenerator[bytes, None]:
    if body:
        yield body
