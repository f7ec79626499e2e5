"""The way through the HTTP API: for programs that have a URL and a token.

A request that was refused for now, or to which no answer came, is sent again: with jitter, not before
`Retry-After` says, and only if sending it twice does no harm. Problem documents become the errors of
`turnlog.errors`.
"""

from __future__ import annotations

import inspect
import json
import random
import time
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar
from urllib.parse import quote

import httpx
from anyio import CancelScope, create_task_group, sleep  # httpx runs on it, and so on asyncio and on Trio

from turnlog.client.kept import PerLoop, PerProcess
from turnlog.client.request import TAKE_FILES, Request, described, too_long
from turnlog.client.sse import Frames
from turnlog.errors import (
    Contended,
    FilesOff,
    Invalid,
    NotFound,
    TooLarge,
    TurnlogError,
    Unanswered,
    Unavailable,
    UsageError,
)
from turnlog.http.routes import ROUTES
from turnlog.limits import BODY_FILE_LIMIT, BODY_LIMIT, MAX_WAIT
from turnlog.records.keys import (
    check_file_id,
    check_job_id,
    check_stream_id,
    session_key,
    transcript_name,
)
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
    from ssl import SSLContext

    from turnlog.client.request import Object
    from turnlog.client.sse import Frame

T = TypeVar("T")
Http = TypeVar("Http", httpx.AsyncClient, httpx.Client)

Token: TypeAlias = "str | Callable[[], str] | Callable[[], Awaitable[str]]"  # noqa: S105 (a type)
"""A token, or what gives one that is good now; with `Turnlog` a plain function."""

RETRIES = 4
TIMEOUT = 35.0
"""Seconds. API Gateway answers within 30; an answer of 6 MB takes its time too."""

_CONNECT_SECONDS = 5.0
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
_LONGEST_RETRY_AFTER = 30

# Not `application/jsonl`: what is not of `text/` comes to a function in base64, a third larger.
_TEXT = "text/plain; charset=utf-8"
_EVENT_STREAM = "text/event-stream"

# What may come of a request that never reached a function: nothing was done.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_LOST = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.ProxyError,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
)


# What an answer says of a message, whose content is in the bucket: see `store.large.referred`.
_OF_THE_SERVER = {"sequence", "message_id", "created_at", "edited_at", "removed", "metadata"}


class _NotGiven(Contended):
    """The bucket does not give or take something at an address: that may have run out, so ask for another."""

    retry_after = 0


@cache
def _trusted() -> SSLContext:
    """The authorities that vouch for a server; to read them takes longer than a request, so once for all."""
    return httpx.create_ssl_context()


class Link(Protocol):
    """What sends a request, on an event loop or without one."""

    async def send(self, method: str, url: str, **given: Any) -> httpx.Response:
        """Send a request, see `httpx.request`."""

    async def open(self, method: str, url: str, **given: Any) -> Incoming:
        """Send a request, of which the answer's body is read as it comes, see `httpx.stream`."""

    async def carry(self, method: str, url: str, **given: Any) -> httpx.Response:
        """Send a request to a signed address, which gets nothing of what is meant for the API."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def token(self, token: Token) -> str:
        """The token that is good now."""

    async def aclose(self) -> None:
        """Close the connections, but for those of a client that was handed over."""


class Incoming(Protocol):
    """An answer whose body is still coming.

    Attributes:
        reply: the answer; its body is there after `whole`.
    """

    reply: httpx.Response

    async def chunk(self) -> bytes:
        """The next bytes of the body; none: it is at its end."""

    async def whole(self) -> httpx.Response:
        """The answer, with its body."""

    async def aclose(self) -> None:
        """Read no more of it."""


class _LoopIncoming(Incoming):
    def __init__(self, reply: httpx.Response) -> None:
        self.reply = reply
        self._chunks = reply.aiter_bytes()

    async def chunk(self) -> bytes:
        async def one() -> bytes:
            return await anext(self._chunks, b"")

        return await _in_a_task(one)

    async def whole(self) -> httpx.Response:
        await _in_a_task(self.reply.aread)
        return self.reply

    async def aclose(self) -> None:
        with CancelScope(shield=True):
            await _in_a_task(self.reply.aclose)


class _BlockingIncoming(Incoming):
    def __init__(self, reply: httpx.Response) -> None:
        self.reply = reply
        self._chunks = reply.iter_bytes()

    async def chunk(self) -> bytes:
        return next(self._chunks, b"")

    async def whole(self) -> httpx.Response:
        self.reply.read()
        return self.reply

    async def aclose(self) -> None:
        self.reply.close()


class LoopLink(Link):
    """The link for event loops: connections for each that it is used on.

    Args:
        timeout: seconds that a request may take.
        http: a client to use, which has time-outs of its own and stays open; None: one for each loop.
    """

    def __init__(self, timeout: float, http: httpx.AsyncClient | None) -> None:
        if http is not None and not isinstance(http, httpx.AsyncClient):
            raise UsageError("AsyncTurnlog takes an httpx.AsyncClient as http_client=.")
        given = _HandedOver(http, "event loop") if http is not None else None

        async def make() -> httpx.AsyncClient:
            return given.take() if given else httpx.AsyncClient(timeout=_time_out(timeout), verify=_trusted())

        async def close(made: httpx.AsyncClient) -> None:
            if not given:
                await _in_a_task(made.aclose)

        self._kept = PerLoop(make, close)

    async def send(self, method: str, url: str, **given: Any) -> httpx.Response:
        """See `Link`."""
        kept = _open(await self._kept.get())
        return await _in_a_task(partial(kept.request, method, url, **given))

    async def open(self, method: str, url: str, **given: Any) -> Incoming:
        """See `Link`."""
        kept = _open(await self._kept.get())
        request = kept.build_request(method, url, timeout=_patient(kept.timeout), **given)
        opened: list[_LoopIncoming] = []

        async def one() -> None:
            opened.append(_LoopIncoming(await kept.send(request, stream=True)))

        try:
            await _in_a_task(one)
        except BaseException:
            for incoming in opened:  # it came while this was cancelled
                await incoming.aclose()
            raise
        return opened[0]

    async def carry(self, method: str, url: str, **given: Any) -> httpx.Response:
        """See `Link`."""
        kept = _open(await self._kept.get())
        return await _in_a_task(partial(kept.send, _signed(kept, method, url, **given), **_AS_IT_IS))

    async def sleep(self, seconds: float) -> None:
        """See `Link`."""
        await sleep(seconds)

    async def token(self, token: Token) -> str:
        """See `Link`."""
        if isinstance(token, str):
            return token
        made = token()
        return await made if inspect.isawaitable(made) else made

    async def aclose(self) -> None:
        """See `Link`."""
        await self._kept.aclose()


class BlockingLink(Link):
    """The link without an event loop: its threads share connections, and a forked process makes its own.

    Args:
        timeout: seconds that a request may take.
        http: a client to use, which has time-outs of its own and stays open; None: one for each process.
    """

    def __init__(self, timeout: float, http: httpx.Client | None) -> None:
        if http is not None and not isinstance(http, httpx.Client):
            raise UsageError("Turnlog takes an httpx.Client as http_client=.")
        given = _HandedOver(http, "process") if http is not None else None

        def make() -> httpx.Client:
            return given.take() if given else httpx.Client(timeout=_time_out(timeout), verify=_trusted())

        def close(made: httpx.Client) -> None:
            if not given:
                made.close()

        self._kept = PerProcess(make, close)

    async def send(self, method: str, url: str, **given: Any) -> httpx.Response:
        """See `Link`."""
        kept = _open(self._kept.get())
        return kept.request(method, url, **given)

    async def open(self, method: str, url: str, **given: Any) -> Incoming:
        """See `Link`."""
        kept = _open(self._kept.get())
        request = kept.build_request(method, url, timeout=_patient(kept.timeout), **given)
        return _BlockingIncoming(kept.send(request, stream=True))

    async def carry(self, method: str, url: str, **given: Any) -> httpx.Response:
        """See `Link`."""
        kept = _open(self._kept.get())
        return kept.send(_signed(kept, method, url, **given), **_AS_IT_IS)

    async def sleep(self, seconds: float) -> None:
        """See `Link`."""
        time.sleep(seconds)  # noqa: ASYNC251 (there is no loop)

    async def token(self, token: Token) -> str:
        """See `Link`."""
        made = token if isinstance(token, str) else token()
        if isinstance(made, str):
            return made
        if inspect.iscoroutine(made):
            made.close()
        raise UsageError("Turnlog takes a token from a plain function. For a coroutine use AsyncTurnlog.")

    async def aclose(self) -> None:
        """See `Link`."""
        self._kept.close()


class HttpWay:
    """The operations through the HTTP API, for the user whom a token names.

    Args:
        url: of the API.
        token: the user's; None: `with_token` gives one.
        link: what sends the requests.
        retries: how often a request is sent again.
        stream_url: where streams are served as server-sent events; None: where all else is.

    Raises:
        UsageError: a URL is none.
    """

    def __init__(
        self, url: str, token: Token | None, link: Link, retries: int, stream_url: str | None = None
    ) -> None:
        self._url = _checked(url)
        self._stream_url = _checked(stream_url or url)
        self._token = token
        self._link = link
        self._retries = retries

    def as_user(self, user_id: str) -> HttpWay:  # noqa: ARG002 (see `Way`)
        """See `Way`."""
        raise UsageError("Over HTTP the token says who the user is: use with_token(token).")

    def with_token(self, token: Token) -> HttpWay:
        """See `Way`."""
        return HttpWay(self._url, token, self._link, self._retries, self._stream_url)

    async def aclose(self) -> None:
        """See `Way`."""
        await self._link.aclose()

    def holds(self, request: Request) -> bool:
        """See `Way`.

        Raises:
            TooLarge: no file holds it either.
        """
        content = _content(request)
        if content and len(content) > BODY_FILE_LIMIT:
            raise TooLarge(
                f"The body has {len(content)} bytes, and is at most {BODY_FILE_LIMIT} as a file. Send it in"
                " several requests."
            )
        return not too_long(content)

    async def ask(self, request: Request) -> Any:
        """See `Way`.

        Raises:
            Contended: the API was not reached, or refused for now; nothing was carried out.
            Unavailable: the request may have been carried out; `Unanswered` where no answer came.
            UsageError: the URL is not of a Turnlog, there is no token, or the client is closed.
        """
        # Once: of a large body it takes its time, and each try sends the same.
        request = request._replace(content=_content(request))
        if request.operation in TAKE_FILES and too_long(request.content):
            request = await self._with_file(request, request.content)

        async def asked() -> Any:
            return await self._whole(request, await self._asked(request, self._try))

        return await self._at_new_addresses(asked)

    async def _at_new_addresses(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, and again as long as the bucket does not give or take something at the address of this time.

        Raises:
            _NotGiven: it does not, as often as it was tried.
        """
        for attempt in count():
            try:
                return await work()
            except _NotGiven:
                if attempt == self._retries:
                    raise
                await self._pause(attempt)
        raise AssertionError  # count() does not end

    async def follow(self, request: Request) -> AsyncGenerator[Any, None]:
        """See `Way`. An address that does not stream answers one page, after `wait` at the latest."""
        incoming = await self._asked(request, self._opened)
        frames, came, reset, over = Frames(), False, dict[str, Any](), False
        try:
            if not incoming.reply.headers.get("content-type", "").startswith(_EVENT_STREAM):
                yield _page(await incoming.whole())
                return
            while chunk := await _chunk(incoming, begun=came):
                found = frames.feed(chunk)
                came = came or bool(found)
                for page in (_told(frame) for frame in found if frame.event):
                    if page is None:
                        over = True
                    elif page.get("reset"):
                        reset = page  # of the events behind it, of which the first says so
                    else:
                        yield {**reset, **page}
                        reset = {}
        finally:
            await incoming.aclose()
        if over:  # said when the answer was read to its end, so that its connection serves again
            if reset:
                yield reset
            yield None
        elif frames.last_id is None:
            await self._link.sleep(frames.retry or 0.0)

    async def _asked(self, request: Request, once: Callable[[Request], Awaitable[Any]]) -> Any:
        doubt: Unavailable | None = None  # the error of a try that may have been carried out
        for attempt in count():
            try:
                return await once(request)
            except Unavailable as error:
                untouched = isinstance(error, Contended)
                if attempt == self._retries or not (untouched or request.repeatable):
                    if doubt and untouched:
                        raise doubt from error  # an earlier try may have been carried out
                    raise
                doubt = doubt if untouched else error
                await self._pause(attempt, error.retry_after)
            except TurnlogError as refused:
                absent = isinstance(refused, NotFound)
                if doubt and absent and request.operation.startswith("delete_"):
                    return None  # by the try to which no answer came
                # What is refused now may be refused because that try was carried out. Only where a session is
                # not there, nothing was appended to it; and who reads changes nothing.
                appends = request.operation.startswith("append_")
                if doubt is None or (absent and appends) or ROUTES[request.operation][0] == "GET":
                    raise
                raise doubt from refused
        raise AssertionError  # count() does not end

    async def _with_file(self, request: Request, content: bytes) -> Request:
        """The request with its body in a file, which any further try names as well.

        Raises:
            TooLarge: a file does not hold it either.
        """

        async def sent() -> Request:
            file = await self._promised(request, content)
            address = file["upload"]
            headers = {name: value for name, value in address["headers"].items() if name != "content-length"}
            await self._carried(address["method"], address["url"], content=content, headers=headers)
            query = {**request.query, "body_file": file["file_id"]}
            return request._replace(body=None, content=None, query=query)

        return await self._at_new_addresses(sent)

    async def _promised(self, request: Request, content: bytes) -> Any:
        """A file for the request's body.

        Raises:
            TooLarge: a file does not hold it, or there are none.
        """
        create = Request("create_file", request.session_id, body=described(content))
        try:
            return await self.ask(create)
        except FilesOff:
            raise TooLarge(
                f"The body has {len(content)} bytes, and a request holds {BODY_LIMIT}. Larger ones need the"
                " stack's bucket, which is not there. Send less at once."
            ) from None
        except NotFound:
            if request.operation != "put_session" or request.if_match is not None:
                raise
            await self.ask(Request("put_session", request.session_id, body={}))  # it is created
            return await self.ask(create)

    async def _whole(self, request: Request, answer: Any) -> Any:
        """The answer with each message and entry whole, or as a whole: what no answer holds is in the bucket.

        Raises:
            _NotGiven: the bucket does not give it.
        """
        if request.operation == "get_message":
            return await self._read(answer)
        if request.operation in {"get_session", "list_messages"} and isinstance(answer, dict):
            messages = answer.get("messages")
            if isinstance(messages, list):
                answer["messages"] = [await self._read(message, request.sent) for message in messages]
        if request.operation in {"edit_message", "add_tool_call"} and isinstance(answer, dict):
            answer["message"] = await self._edited(request, answer.get("message"))
        if request.operation.startswith("export_") and isinstance(answer, dict) and answer.get("file"):
            file = answer.pop("file")
            return {**answer, "text": await self._text(file)} if request.text else await self._json(file)
        if request.operation == "read_entries" and isinstance(answer, dict) and answer.get("file"):
            answer["entries"] = [await self._json(answer.pop("file"))]
        return answer

    async def _read(self, message: Any, sent: Mapping[str, Object] | None = None) -> Any:
        # A message that has a `file` of a user's own has a `content`, too: see `NewMessage.fields`.
        if not isinstance(message, dict) or "file" not in message or "content" in message:
            return message
        file = message.pop("file")
        if sent:
            own = sent.get(message.get("message_id", ""))
            if own is None:
                return {**message, "content": None}  # nobody asks what it says
            if "edited_at" not in message:  # else another content stands under the id
                return {**message, **_said(own)}
        return {**message, **await self._json(file)}

    async def _edited(self, request: Request, message: Any) -> Any:
        """The message of a change that is made, and not to be made again: it can be asked for.

        Raises:
            NotFound: it was taken away since.
            Unanswered: it cannot be read. What refuses the look does not say that nothing was changed.
        """
        try:
            try:
                return await self._read(message)
            except _NotGiven:
                there = await self.ask(
                    Request("get_message", request.session_id, sequence=message["sequence"])
                )
        except NotFound:
            raise
        except TurnlogError as error:
            raise _at_once(Unanswered(f"The change was made, but not read: {error.detail}")) from error
        if there["message_id"] != message["message_id"]:
            raise NotFound("The message was changed, and taken away since.")
        return there

    async def _json(self, file: Any) -> Any:
        reply = await self._carried("GET", file["url"])
        try:
            return reply.json()
        except ValueError as error:
            raise _NotGiven("What the bucket answered is not JSON, or not all of it. Try again.") from error

    async def _text(self, file: Any) -> str:
        reply = await self._carried("GET", file["url"])
        try:
            return reply.content.decode()
        except ValueError as error:
            raise _NotGiven("What the bucket answered is not UTF-8, or not all of it. Try again.") from error

    async def _carried(self, method: str, url: str, **given: Any) -> httpx.Response:
        """What the bucket answers, which may be asked twice without harm.

        Raises:
            _NotGiven: it refuses, as when the address has run out.
            Contended: it does not answer.
        """
        for attempt in count():
            refused: Exception | None = None
            try:
                reply = await self._link.carry(method, url, **given)
            except _LOST as error:
                refused = error
            else:
                if reply.is_success:
                    return reply
            if refused is None and reply.is_client_error:
                raise _NotGiven(f"The bucket answered {reply.status_code} at its address. Try again.")
            if attempt == self._retries:
                told = refused or f"it answered {reply.status_code}"
                raise _at_once(
                    Contended(f"The bucket could not be reached at its address: {told}. Try again.")
                ) from refused
            await self._pause(attempt)
        raise AssertionError  # count() does not end

    async def _opened(self, request: Request) -> Incoming:
        """The answer to a read that may stream, whose body is still coming."""
        token = await self._current_token()
        method, path = ROUTES[request.operation]
        headers = {"authorization": f"Bearer {token}", "accept": f"{_EVENT_STREAM}, application/json"}
        url = self._stream_url + _path(path, request)
        try:
            incoming = await self._link.open(method, url, params=_query(request), headers=headers)
            if not incoming.reply.is_success:
                try:
                    raise error_of(await incoming.whole())
                finally:
                    await incoming.aclose()
        except _LOST as error:
            raise self._lost(error) from error
        return incoming

    def _lost(self, error: Exception) -> Unavailable:
        if isinstance(error, _NOT_SENT):
            return _at_once(Contended(f"The API at {self._url} was not reached: {error}."))
        return _at_once(Unanswered("The API did not answer."))

    async def _pause(self, attempt: int, at_least: float = 0) -> None:
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt + 1))
        await self._link.sleep(at_least + random.random() * longest)  # noqa: S311 (jitter)

    async def _try(self, request: Request) -> Any:
        # By itself: what goes wrong there is not the API's.
        token = await self._current_token() if request.bearer is None else request.bearer
        try:
            reply = await self._send(request, token)
        except _LOST as error:
            raise self._lost(error) from error
        if not reply.is_success:
            raise error_of(reply)
        if reply.status_code == httpx.codes.NO_CONTENT:
            return None
        try:
            if request.text:
                before = reply.headers.get("x-turnlog-next-before")
                # Where no answer holds the text, JSON says where it is.
                apart = reply.headers.get("content-type") == "application/json"
                said = {"file": reply.json()["file"]} if apart else {"text": reply.content.decode()}
                return {**said, "next_before": before and int(before)}
            return reply.json()
        except (ValueError, LookupError, TypeError) as error:  # a part of it, or a page of somebody else
            raise _at_once(Unanswered("What the API answered is not JSON.")) from error

    async def _send(self, request: Request, token: str) -> httpx.Response:
        method, path = ROUTES[request.operation]
        if not isinstance(request.if_match, int | None):
            raise Invalid.at("if_match", msg="must be a session's version, which is a number")
        headers = {"authorization": f"Bearer {token}", **request.headers()}
        if request.content is not None:
            headers["content-type"] = _TEXT if isinstance(request.body, str) else "application/json"
        url = self._url + _path(path, request)
        return await self._link.send(
            method, url, params=_query(request), content=request.content, headers=headers
        )

    async def _current_token(self) -> str:
        if self._token is None:
            raise UsageError("No token: give token=, or set TURNLOG_TOKEN.")
        token: object = await self._link.token(self._token)
        # What a header can carry: RFC 9110, 5.5, without white space.
        if not (
            isinstance(token, str) and token and token.isascii() and token.isprintable() and " " not in token
        ):
            raise UsageError("The token is empty or no text, or it holds spaces. Give it without `Bearer`.")
        return token


def _query(request: Request) -> dict[str, str]:
    return {name: _text(name, value) for name, value in request.query.items() if value is not None}


async def _chunk(incoming: Incoming, *, begun: bool) -> bytes:
    """What comes next of an answer; nothing behind a cut, after which its reader comes again.

    Raises:
        Unanswered: it was cut off before it had begun.
    """
    try:
        return await incoming.chunk()
    except _LOST as error:
        if begun:
            return b""
        raise _at_once(Unanswered("The answer was cut off.")) from error


def _page(reply: httpx.Response) -> Any:
    """A page of events; None: there are no more.

    Raises:
        Unanswered: it is none.
    """
    if reply.status_code == httpx.codes.NO_CONTENT:
        return None
    try:
        return reply.json()
    except ValueError as error:
        raise _at_once(Unanswered("What the API answered is not JSON.")) from error


def _told(frame: Frame) -> Any:
    """A page of events as server-sent events have it: one, or none and what became of the stream.

    Raises:
        TurnlogError: the reader cannot go on.
    """
    try:
        data = json.loads(frame.data)
    except ValueError as error:
        raise _at_once(Unanswered("What the API answered is not JSON.")) from error
    match frame.event:
        case "end":
            return None
        case "resync":
            raise error_of(httpx.Response(data["status"], json=data))
        case "reset":
            return {"events": [], "cursor": frame.id, "state": "open", "reset": True}
    return {"events": [{"cursor": frame.id, "event": data}], "cursor": frame.id, "state": "open"}


def _content(request: Request) -> bytes | None:
    """The body as it is sent, if there is one.

    Raises:
        Invalid: it is no text that UTF-8 carries.
    """
    if request.body is None:
        return None
    return _encoded("body", request.body) if isinstance(request.body, str) else dumps(request.body)


def _said(message: Object) -> Any:
    """What a message says, without what the server says of it: as the bucket has it."""
    said = {
        name: value
        for name, value in message.items()
        if name not in _OF_THE_SERVER and (value is not None or name == "content")
    }
    if "file" in said:
        said.setdefault("content", None)
    return json.loads(dumps(said))


class _HandedOver(Generic[Http]):
    """An httpx client of the caller's, for the one event loop or process that uses it first.

    On the connections of another one, the two would read each other's answers.
    """

    def __init__(self, http: Http, place: str) -> None:
        self._http: Http = http
        self._place = place
        self._taken = False

    def take(self) -> Http:
        """The client, once.

        Raises:
            UsageError: another loop or process has it.
        """
        if self._taken:
            raise UsageError(f"The httpx client that was handed over is in use in another {self._place}.")
        self._taken = True
        return self._http


class _Secret(httpx.URL):
    """A signed address. Whoever has it may use it; so its text, which httpx logs, is without its query."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc.decode()}{self.path}?…"

    __repr__ = __str__


# No log-in of the client's, and no redirect, for which the signature would be none.
_AS_IT_IS: dict[str, Any] = {"auth": None, "follow_redirects": False}


def _signed(kept: httpx.Client | httpx.AsyncClient, method: str, url: str, **given: Any) -> httpx.Request:
    """A request with its own headers alone: those of the client, and its cookies, are meant for the API."""
    request = httpx.Request(method, url, extensions={"timeout": kept.timeout.as_dict()}, **given)
    request.url = _Secret(url)
    return request


def _open(handed_over: Http) -> Http:
    """An httpx client that the caller has opened.

    Raises:
        UsageError: the caller has closed it.
    """
    if handed_over.is_closed:
        raise UsageError("The httpx client that was handed over is closed.")
    return handed_over


def _checked(url: str) -> str:
    """A URL without a slash at its end.

    Raises:
        UsageError: it is none.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    beside = parsed.query or parsed.fragment or parsed.userinfo
    if parsed.scheme not in {"http", "https"} or not parsed.host or beside:
        raise UsageError("The URL of the API must be like https://….amazonaws.com or http://127.0.0.1:3000.")
    return url.rstrip("/")


def _time_out(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _patient(given: httpx.Timeout) -> httpx.Timeout:
    """As long as a read of events may wait for the first of them, and longer than heartbeats are apart."""
    read = None if given.read is None else max(given.read, MAX_WAIT + 10)
    return httpx.Timeout(connect=given.connect, read=read, write=given.write, pool=given.pool)


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
    told = given.get("detail") or given.get("message")
    kind = _KINDS.get(str(given.get("type")))
    if kind is None:
        kind = _STATUSES.get(reply.status_code, TurnlogError)
        told = f"The API answered {reply.status_code}{f' ({told})' if told else ''}."
        if reply.is_redirect or reply.status_code in _NO_SUCH_ROUTE:
            kind = UsageError
            told = f"{told} This URL is not that of a Turnlog API, or a part of it is missing."
    error = kind(
        told or f"The API answered {reply.status_code}.",
        errors=given.get("errors") or (),
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


_NO_SUCH_ROUTE = {404, 405}
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
    if "{session_id}" in template:
        session = session_key("user", _one("session_id", request.session_id))
        if "{name}" in template:
            transcript_name(session, _one("name", request.name))
    if "{file_id}" in template:
        check_file_id(request.file_id, "path", "file_id")
    if "{stream_id}" in template:
        check_stream_id(request.stream_id, "path", "stream_id")
    if "{job_id}" in template:
        check_job_id(request.job_id)
    if "{sequence}" in template and not (type(request.sequence) is int and request.sequence >= 0):
        raise Invalid.at("path", "sequence", msg="must be a whole number from 0 on")
    return template.format(
        session_id=quote(request.session_id or "", safe=""),
        name=request.name,
        sequence=request.sequence,
        file_id=request.file_id,
        stream_id=quote(request.stream_id or "", safe=""),
        job_id=request.job_id,
    )


def _one(name: str, value: str | None) -> str:
    """An id of the path.

    Raises:
        Invalid: it is no text.
    """
    if not isinstance(value, str):
        raise Invalid.at("path", name, msg="must be a text")
    return value


def _text(name: str, value: Any) -> str:
    """A value of the query.

    Raises:
        Invalid: it is no text, number or boolean, or no UTF-8.
    """
    if not isinstance(value, str | int):
        raise Invalid.at("query", name, msg="must be a text, a whole number or a boolean")
    return _encoded(name, value if isinstance(value, str) else json.dumps(value)).decode()


def _encoded(name: str, text: str) -> bytes:
    """A text in UTF-8.

    Raises:
        Invalid: it holds half a character (a lone surrogate).
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Invalid.at(name, msg="holds a character that UTF-8 cannot carry") from error
