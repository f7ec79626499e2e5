"""The two clients, `Turnlog` and `AsyncTurnlog`.

Arguments say whether a client works on the table or through HTTP; where none does, the environment says it.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Self

from turnlog.client.both import Blocking, Suspending
from turnlog.client.claimed import BlockingJobs, SuspendingJobs
from turnlog.client.http import RETRIES, TIMEOUT, BlockingLink, HttpWay, LoopLink
from turnlog.client.methods import Methods
from turnlog.client.streaming import AsyncStreamWriter, StreamWriter
from turnlog.client.table import BlockingBase, LoopBase, TableWay
from turnlog.coroutines import run
from turnlog.errors import UsageError
from turnlog.limits import LEASE_SECONDS, OPERATION_SECONDS
from turnlog.settings import from_environment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Unpack

    import httpx

    from turnlog.client.http import Link
    from turnlog.client.methods import Opening
    from turnlog.client.request import Way
    from turnlog.client.table import Base
    from turnlog.settings import Settings


class _Client(Methods):
    """What both clients have."""

    def _for(self, way: Way) -> Self:
        """A client on another way, of which the connections are this one's."""
        client = object.__new__(type(self))
        client._way = way
        return client

    def as_user(self, user_id: str) -> Self:
        """This client for another user, on the table. It shares the connections, and closing it closes them.

        Raises:
            UsageError: over HTTP, where the token says who the user is.
        """
        return self._for(self._way.as_user(user_id))

    def with_token(self, token: str | Callable[[], Any]) -> Self:
        """This client with another token, over HTTP. It shares the connections, and closing it closes them.

        Raises:
            UsageError: on the table, where there is no token.
        """
        return self._for(self._way.with_token(token))


class Turnlog(_Client, Blocking):
    """A user's sessions. Its methods are plain calls; threads may share it, and it may be used after a fork.

        with Turnlog(url="https://….amazonaws.com", token=token) as turnlog:
            turnlog.append_messages("session-1", [{"role": "user", "content": "Hello"}])

    Args:
        url: of the API; else `TURNLOG_URL`.
        token: the user's, or what gives one that is good now; else `TURNLOG_TOKEN`.
        table: the name of a DynamoDB table, to work on it directly; else `TURNLOG_TABLE`. The other settings
            (cache, bucket, retention) are the environment's.
        user_id: on the table: whose sessions.
        settings: on the table: all of its settings, in place of the environment's.
        session: on the table: a session of boto3 or botocore, with a profile, role or region of its own.
        timeout: seconds. Over HTTP a request waits so long for the next bytes (35); on the table an operation
            goes on trying so long (29).
        max_retries: over HTTP: how often a request is sent again that was refused for now or got no answer.
            On the table an operation is tried as long as `timeout` says.
        http_client: an `httpx.Client` to use, with its own time-outs; it stays open.
        stream_url: over HTTP: where streams are served as server-sent events, the output `StreamUrl`; else
            `TURNLOG_STREAM_URL`, where the URL is the environment's too; else where all is.

    Raises:
        UsageError: neither a URL nor a table is given and set, or both are; or an argument does not fit.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | Callable[[], str] | None = None,
        table: str | None = None,
        user_id: str | None = None,
        settings: Settings | None = None,
        session: Any = None,
        timeout: float | None = None,
        max_retries: int = RETRIES,
        http_client: httpx.Client | None = None,
        stream_url: str | None = None,
    ) -> None:
        self._way = _way(
            BlockingLink,
            BlockingBase,
            {"url": url, "token": token, "http_client": http_client, "stream_url": stream_url},
            {"table": table, "user_id": user_id, "settings": settings, "session": session},
            timeout=timeout,
            max_retries=max_retries,
        )

    @property
    def jobs(self) -> BlockingJobs[Self]:
        """What workers do: `with turnlog.jobs.claimed(session_id, job_id) as work:`."""
        return BlockingJobs(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        run(self._way.aclose())

    def write_stream(
        self, session_id: str, *, lease_seconds: int = LEASE_SECONDS, **opening: Unpack[Opening]
    ) -> StreamWriter:
        """Open a stream to write to, for `with`; see `open_stream` for what it takes.

            with turnlog.write_stream("session-1") as stream:
                stream.write({"type": "text-delta", "id": "t", "delta": "Hello"})
                stream.finish([{"role": "assistant", "content": "Hello"}])

        Events are gathered and sent, sent again where a cache lost them, and the lease is kept. Where the
        program leaves it without `finish`, the stream ends without messages; as failed, if by an error.
        """
        return StreamWriter(self, session_id, lease_seconds, dict(opening))


class AsyncTurnlog(_Client, Suspending):
    """A user's sessions. Its methods are coroutines; any number of tasks may share it.

        async with AsyncTurnlog(url="https://….amazonaws.com", token=token) as turnlog:
            await turnlog.append_messages("session-1", [{"role": "user", "content": "Hello"}])

    On an event loop that comes after the one before it, it opens other connections. While it is in use on the
    loop of one thread, it is refused on that of another.

    Args:
        url: see `Turnlog`, as for what is not named here.
        token: see there; what gives one may be a coroutine function.
        table: see there.
        user_id: see there.
        settings: see there.
        session: of aiobotocore or aioboto3.
        timeout: see there.
        max_retries: see there.
        http_client: an `httpx.AsyncClient`.
        stream_url: see there.

    Raises:
        UsageError: see there.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | Callable[[], str] | Callable[[], Awaitable[str]] | None = None,
        table: str | None = None,
        user_id: str | None = None,
        settings: Settings | None = None,
        session: Any = None,
        timeout: float | None = None,
        max_retries: int = RETRIES,
        http_client: httpx.AsyncClient | None = None,
        stream_url: str | None = None,
    ) -> None:
        self._way = _way(
            LoopLink,
            LoopBase,
            {"url": url, "token": token, "http_client": http_client, "stream_url": stream_url},
            {"table": table, "user_id": user_id, "settings": settings, "session": session},
            timeout=timeout,
            max_retries=max_retries,
        )

    @property
    def jobs(self) -> SuspendingJobs[Self]:
        """What workers do: `async with turnlog.jobs.claimed(session_id, job_id) as work:`."""
        return SuspendingJobs(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._way.aclose()

    def write_stream(
        self, session_id: str, *, lease_seconds: int = LEASE_SECONDS, **opening: Unpack[Opening]
    ) -> AsyncStreamWriter:
        """Open a stream to write to, for `async with`; see `Turnlog.write_stream`."""
        return AsyncStreamWriter(self, session_id, lease_seconds, dict(opening))


def _way(
    link: Callable[[float, Any], Link],
    base: Callable[[Settings, Any], Base],
    over_http: dict[str, Any],
    on_table: dict[str, Any],
    *,
    timeout: float | None,
    max_retries: int,
) -> Way:
    """The way that a client goes.

    Args:
        link: makes what sends requests, of the client's kind.
        base: makes what works on the table, of the client's kind.
        over_http: the arguments for the HTTP API, by name.
        on_table: those for the table.
        timeout: see `Turnlog`.
        max_retries: see there.

    Raises:
        UsageError: see there.
    """
    to = _to(over_http, on_table)
    if isinstance(to, str):
        made = link(_seconds(timeout, TIMEOUT), over_http["http_client"])
        stream_url = over_http["stream_url"]
        if stream_url is None and over_http["url"] is None:
            stream_url = os.environ.get("TURNLOG_STREAM_URL")  # it goes with the environment's URL
        return HttpWay(to, _token(over_http["token"]), made, _retries(max_retries), stream_url)
    clients = base(to, on_table["session"])
    return TableWay(on_table["user_id"], clients, _seconds(timeout, OPERATION_SECONDS))


def _to(over_http: dict[str, Any], on_table: dict[str, Any]) -> str | Settings:
    """A URL, or the settings of a table.

    The arguments decide which; where they do not, the environment does.

    Raises:
        UsageError: nothing says it, or both are said.
    """
    http, direct = _named(over_http), _named(on_table)
    if http and direct:
        raise UsageError(f"{http} is for the HTTP API, and {direct} for the table: give one of the two.")
    if not http and not direct:
        http = "TURNLOG_URL" if os.environ.get("TURNLOG_URL") else ""
        direct = "TURNLOG_TABLE" if os.environ.get("TURNLOG_TABLE") else ""
        if http and direct:
            raise UsageError(
                "TURNLOG_URL and TURNLOG_TABLE are both set. Unset one, or say which by url= or by table=."
            )
        if not http and not direct:
            raise UsageError(
                "Turnlog needs the URL of its API (url= or TURNLOG_URL) or a table (table= or TURNLOG_TABLE)."
            )
    table, settings = on_table["table"], on_table["settings"]
    if table is not None and settings is not None:
        raise UsageError("settings= names a table already: leave out table=.")
    if direct:
        return settings or from_environment(table)
    url: str | None = over_http["url"] or os.environ.get("TURNLOG_URL")
    if not url:
        raise UsageError("No URL of the API: give url=, or set TURNLOG_URL.")
    return url


def _token(given: Any) -> Any:
    """The token that is given, else the environment's. An empty one is none of the environment's.

    Raises:
        UsageError: it can be no token.
    """
    if given is None:
        return os.environ.get("TURNLOG_TOKEN")
    if not isinstance(given, str) and not callable(given):
        raise UsageError("token= is a text, or a function that returns one.")
    return given


def _seconds(given: float | None, default: float) -> float:
    """A time-out.

    Raises:
        UsageError: it is none.
    """
    if given is None:
        return default
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < math.inf:
        raise UsageError("timeout= is a number of seconds above 0.")
    return given


def _retries(given: int) -> int:
    """How often a request is sent again.

    Raises:
        UsageError: it is no count.
    """
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise UsageError("max_retries= is a whole number from 0 on.")
    return given


def _named(given: dict[str, object]) -> str:
    """The first argument of some that is given."""
    return next((f"{name}=" for name, value in given.items() if value is not None), "")
