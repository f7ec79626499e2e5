"""The driver for an event loop: aiobotocore and an asyncio cache client behind the coroutine protocols.

aiobotocore is what aioboto3 is made of; the rest of it would go unused. For programs that live on a loop, as
agents do: one `AsyncStores` holds the connections, and any number of tasks work on them at once.

    async with AsyncStores() as stores:
        await append_messages(stores.store(), key, [message])

A task that is cancelled leaves what a crash at that step would leave (G7): its message may be stored or not,
and sending it again with its id stores it once.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from aiohttp import ClientPayloadError
from botocore import xform_name

from turnlog.cache.async_resp import AsyncRespCache, within
from turnlog.cache.breaker import Breaker
from turnlog.cache.url import CacheUrl
from turnlog.drivers.blocking import (
    BUCKET_CONFIG,
    TABLE_CONFIG,
    BotoObjects,
    SystemClock,
    creator,
    region_of,
    store_on,
)
from turnlog.drivers.translate import BUCKET, TRANSLATED, check_answers, name_region, translated
from turnlog.errors import CacheUnavailable, UsageError
from turnlog.limits import OPERATION_SECONDS, REQUEST_SECONDS
from turnlog.settings import Settings, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from turnlog.store.store import Store

_LARGE = 1 << 18


class AsyncTable:
    """A DynamoDB table by way of an aiobotocore client."""

    def __init__(self, name: str, client: Any) -> None:
        self.name = name
        self._client = client
        # The time of a request begins when there is a connection for it.
        self._room = asyncio.Semaphore(TABLE_CONFIG.max_pool_connections)
        self.closed = False

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `turnlog.store.protocols.Table`."""
        try:
            async with self._room, within(REQUEST_SECONDS):
                if self.closed:  # aiobotocore would open connections anew, which nobody closes
                    raise UsageError("The client was closed while an operation was going on.")
                answer: dict[str, Any] = await getattr(self._client, xform_name(operation))(**parameters)
        except (TimeoutError, *TRANSLATED) as error:
            raise translated(error) from error
        return answer


class AsyncObjects(BotoObjects):
    """An S3 bucket by way of an aiobotocore client."""

    async def _request(self, operation: str, **parameters: Any) -> Any:
        try:
            return await getattr(self._client(), operation)(Bucket=self._bucket, **parameters)
        except TRANSLATED as error:
            raise translated(error, BUCKET) from error

    async def _signed(self, operation: str, seconds: int, **parameters: Any) -> str:
        url: str = await self._client().generate_presigned_url(
            operation, Params={"Bucket": self._bucket, **parameters}, ExpiresIn=seconds
        )
        return url

    async def _read(self, body: Any) -> bytes:
        try:
            async with body:
                data: bytes = await body.read()
        except (ClientPayloadError, *TRANSLATED) as error:  # the connection was lost in the middle
            raise translated(error, BUCKET) from error
        return data


class LoopClock(SystemClock):
    """The machine's clock, for a task that lets the others run while it waits."""

    async def sleep(self, seconds: float) -> None:
        """See `turnlog.store.protocols.Clock`."""
        await asyncio.sleep(seconds)


class AsyncStores:
    """The clients of a table and its cache, open while this is entered; for the tasks of one event loop.

    Args:
        configured: what to work on; None: what the environment says.
        session: of aiobotocore or aioboto3, by which AWS is called; None: one of aiobotocore.

    Raises:
        ValueError: on entering: the cache's URL is none.
    """

    def __init__(self, configured: Settings | None = None, session: Any = None) -> None:
        self._configured = configured
        self._session = session
        self._opened: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        self._settings = self._configured or settings()
        session = self._session or AioSession()
        async with AsyncExitStack() as opening:
            self._cache = None
            if self._settings.cache_url:
                cache = _cache_at(self._settings.cache_url, session, self._settings.cache_password)
                opening.push_async_callback(cache.aclose)
                self._cache = Breaker(cache)
            dynamodb = await opening.enter_async_context(_client(session, "dynamodb"))
            self._table = AsyncTable(self._settings.table, dynamodb)
            self._bucket = None
            if bucket := self._settings.bucket:
                s3 = await opening.enter_async_context(_client(session, "s3"))
                self._bucket = AsyncObjects(bucket, lambda: s3)
            self._opened = opening.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        opened, self._opened = self._opened, None
        if opened:
            self._table.closed = True
            await opened.aclose()

    def store(self, seconds: float = OPERATION_SECONDS) -> Store:
        """What one operation works on, which gives up when this time is over.

        Raises:
            RuntimeError: this is not entered, or left already.
        """
        if self._opened is None:
            message = "the stores are not open: use them within `async with`"
            raise RuntimeError(message)
        clock = LoopClock(time.monotonic() + seconds)
        return store_on(self._table, self._cache, clock, self._settings, self._bucket)


@asynccontextmanager
async def _client(session: Any, service: str) -> AsyncIterator[Any]:
    config = BUCKET_CONFIG if service == "s3" else TABLE_CONFIG
    async with creator(session)(service, config=AioConfig().merge(config)) as client:
        client.meta.events.register(f"before-send.{service}", _in_chunks)
        check_answers(client)
        name_region(client)
        yield client


def _in_chunks(request: Any, **_: object) -> None:
    """A large body as a file: aiohttp sends it bit by bit, and warns that one of bytes holds up the loop."""
    if isinstance(request.body, bytes) and len(request.body) > _LARGE:
        request.body = BytesIO(request.body)


def _cache_at(url: str, session: Any, password: str = "") -> AsyncRespCache:
    """The cache at a URL, see `url.CacheUrl.parse`."""
    parsed = CacheUrl.parse(url, password)
    return AsyncRespCache(parsed, _signer(parsed, session) if parsed.iam else None)


def _signer(url: CacheUrl, session: Any) -> Callable[[], Awaitable[str]]:
    """What signs the password of a new connection, with the credentials of this process."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 (as in `blocking`)

    from turnlog.cache.iam import Credentials, Tokens  # noqa: PLC0415

    current: list[Credentials] = []
    tokens = Tokens(url.user or "", url.iam or "", region_of(session), lambda: current[-1])

    async def signed() -> str:
        try:
            credentials = await session.get_credentials()
            current[:] = [await credentials.get_frozen_credentials()]
        except (AttributeError, BotoCoreError) as error:  # there are none, or they cannot be renewed
            raise CacheUnavailable("no credentials to sign with") from error
        return tokens()

    return signed
