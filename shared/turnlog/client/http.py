"""The operations as methods, through the HTTP API: for programs that have a URL and a token.

A request that was refused for now, or to which no answer came, is sent again: with jitter, not before
`Retry-After` says, and only if sending it twice does no harm. Problem documents become the errors of
`turnlog.errors`.
"""

from __future__ import annotations

import json
import random
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx
from anyio import create_task_group, sleep  # httpx runs on it, and so on asyncio and on Trio

from turnlog.client.methods import Turnlog
from turnlog.errors import (
    Contended,
    Diverged,
    Gone,
    NotFound,
    PreconditionFailed,
    SequenceMismatch,
    TurnlogError,
    Unanswered,
    Unavailable,
)
from turnlog.http.routes import ROUTES
from turnlog.records.keys import session_key, transcript_key
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from ssl import SSLContext

    from turnlog.client.asking import Request

T = TypeVar("T")

TRIES = 5
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
_LONGEST_RETRY_AFTER = 30

# API Gateway answers within 30 seconds; an answer of 6 MB takes its time too.
_TIMEOUT = httpx.Timeout(35.0, connect=5.0)

# Not `application/jsonl`: what is not of `text/` comes to a function in base64, a third larger.
_TEXT = "text/plain; charset=utf-8"

# What may come of a request that never reached a function: nothing was done.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_LOST = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.ProxyError,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
)


@cache
def _trusted() -> SSLContext:
    """The authorities that vouch for a server; to read them takes longer than a request, so once for all."""
    return httpx.create_ssl_context()


class TurnlogClient(Turnlog):
    """A user's sessions, through the HTTP API.

        async with TurnlogClient("https://….amazonaws.com", token) as turnlog:
            await turnlog.append_messages("session-1", [{"role": "user", "content": "Hello"}])

    Args:
        base_url: of the API, without a slash at the end.
        token: the user's, or what gives one that is good now.
        http: a client to use, which has time-outs of its own and stays open; None: one that closes with this.
    """

    def __init__(
        self, base_url: str, token: str | Callable[[], str], *, http: httpx.AsyncClient | None = None
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._http = http or httpx.AsyncClient(timeout=_TIMEOUT, verify=_trusted())
        self._own = http is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._own:
            await _in_a_task(self._http.aclose)

    async def ask(self, request: Request) -> Any:
        """See `Turnlog`.

        Raises:
            Contended: the API was not reached, or refused for now; nothing was carried out.
            Unavailable: the request may have been carried out; `Unanswered` where no answer came.
        """
        unsure: Unavailable | None = None
        for attempt in count(1):
            try:
                return await self._try(request)
            except (NotFound, Gone, SequenceMismatch, PreconditionFailed, Diverged) as refused:
                if unsure and isinstance(refused, NotFound) and request.operation.startswith("delete_"):
                    return None  # by the try to which no answer came
                # That try may have made the difference, or been made before. An append is known by its ids.
                if unsure and (request.if_match is not None or isinstance(refused, Diverged)):
                    raise unsure from refused
                raise
            except Unavailable as error:
                untouched = isinstance(error, Contended)
                if attempt == TRIES or not (untouched or request.repeatable):
                    if unsure and untouched:
                        raise unsure from error  # an earlier try may have been carried out
                    raise
                unsure = unsure if untouched else error
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
                await sleep(error.retry_after + random.random() * longest)  # noqa: S311 (jitter)
        raise AssertionError  # count() does not end

    async def _try(self, request: Request) -> Any:
        try:
            reply = await self._send(request)
        except _LOST as error:
            if isinstance(error, _NOT_SENT):
                raise _at_once(Contended("The API was not reached.")) from error
            raise _at_once(Unanswered("The API did not answer.")) from error
        if not reply.is_success:
            raise error_of(reply)
        if reply.status_code == httpx.codes.NO_CONTENT:
            return None
        try:
            return reply.json()
        except ValueError as error:  # a part of it, or a page of somebody on the way
            raise _at_once(Unanswered("What the API answered is not JSON.")) from error

    async def _send(self, request: Request) -> httpx.Response:
        method, path = ROUTES[request.operation]
        token = self._token if isinstance(self._token, str) else self._token()
        headers = {"authorization": f"Bearer {token}"}
        if request.if_match is not None:
            headers["if-match"] = f'"{request.if_match}"'
        content = None
        if request.body is not None:
            text = isinstance(request.body, str)
            content = request.body.encode() if text else dumps(request.body)
            headers["content-type"] = _TEXT if text else "application/json"
        return await _in_a_task(
            partial(
                self._http.request,
                method,
                self._base_url + _path(path, request),
                params={name: _text(value) for name, value in request.query.items() if value is not None},
                content=content,
                headers=headers,
            )
        )


def _at_once(error: Unavailable) -> Unavailable:
    """An error after which nobody has asked to wait."""
    error.retry_after = 0
    return error


async def _in_a_task(work: Callable[[], Awaitable[T]]) -> T:
    """Do what httpx does in a task that is cancelled by anyio alone, also when asyncio cancels this one.

    When a request ends early, httpx tidies its pool in steps that anyio does not cancel, but asyncio does.
    Then the pool takes the connection for one in use for ever, and after a hundred of them it has none left.
    """
    done: list[T] = []
    failed: list[Exception] = []

    async def one() -> None:
        try:
            done.append(await work())
        except Exception as error:  # raised by itself below, not in a group
            failed.append(error)

    async with create_task_group() as tasks:
        tasks.start_soon(one)
    if failed:
        raise failed[0]
    return done[0]


def error_of(reply: httpx.Response) -> TurnlogError:
    """The error that a problem document tells of; for others (API Gateway's own) what the status says."""
    try:
        document = reply.json()
    except ValueError:
        document = None
    given: dict[str, Any] = document if isinstance(document, dict) else {}
    kind = _KINDS.get(given.get("type", "")) or _STATUSES.get(reply.status_code, TurnlogError)
    error = kind(
        given.get("detail") or given.get("message") or f"The API answered {reply.status_code}.",
        errors=given.get("errors", ()),
        extra={name: value for name, value in given.items() if name not in _MEMBERS},
    )
    error.status = reply.status_code
    if isinstance(error, Unavailable):
        after = reply.headers.get("retry-after", "")
        error.retry_after = min(int(after), _LONGEST_RETRY_AFTER) if after.isdecimal() else 0
    return error


def _tree(root: type[TurnlogError]) -> Iterator[type[TurnlogError]]:
    """The errors of `turnlog.errors`: the API answers none that a program derives from these."""
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == root.__module__:
            yield from _tree(kind)


_MEMBERS = {"type", "title", "status", "detail", "errors", "message"}
# The first of a slug or a status is the most general one that has it.
_KINDS = {kind.code: kind for kind in reversed([*_tree(TurnlogError)])}
_STATUSES = {kind.status: kind for kind in reversed([*_tree(TurnlogError)])} | {
    429: Contended,  # API Gateway's limit
    500: Unanswered,  # API Gateway's own, of a function that crashed or ran out of time
    502: Unanswered,
    504: Unanswered,
}


def _path(template: str, request: Request) -> str:
    """The path, of ids that cannot lead elsewhere.

    Raises:
        Invalid: one is none.
    """
    if request.session_id is not None:
        session = session_key("user", request.session_id)
        if request.name is not None:
            transcript_key(session, request.name)
    return template.format(session_id=request.session_id, name=request.name)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
