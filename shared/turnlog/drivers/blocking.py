"""The Lambda driver: botocore and a sync cache client behind the coroutine protocols.

botocore is what boto3 is made of; the rest of boto3 would go unused. The driver's methods are `async def` but
never suspend, so one `send(None)` runs a whole operation: no event loop, no asyncio, no second copy of it.
"""

from __future__ import annotations

import os
import random
import time
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore import xform_name
from botocore.config import Config

from turnlog.cache.breaker import Breaker
from turnlog.drivers.translate import BUCKET, TRANSLATED, check_answers, name_region, translated
from turnlog.errors import CacheUnavailable, Contended, Damaged, NoSuchObject
from turnlog.limits import (
    CONNECT_SECONDS,
    DOWNLOAD_SECONDS,
    HEALTH_SECONDS,
    OBJECT_LIMIT,
    REQUEST_SECONDS,
    UPLOAD_SECONDS,
)
from turnlog.settings import settings
from turnlog.store.protocols import Address
from turnlog.store.session_cache import SessionCache
from turnlog.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from turnlog.cache.iam import Credentials
    from turnlog.cache.resp import RespCache
    from turnlog.cache.url import CacheUrl
    from turnlog.settings import Settings
    from turnlog.store.protocols import Cache, Clock, Objects, Table

# In which a purge begins no further request: it answers how far it came.
_LAST_SECONDS = 1.0


# botocore repeats nothing by itself: only the operation knows what a try without an answer may have done.
# A request takes `limits.REQUEST_SECONDS` at the most. Of what it costs in this process, a fifth would go
# into checking parameters, which the table checks too, and into telling what machine this is.
def _config(seconds: float) -> Config:
    return Config(
        parameter_validation=False,
        user_agent="turnlog",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=seconds - CONNECT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=50,
    )


TABLE_CONFIG = _config(REQUEST_SECONDS)
# By its default, botocore signs an address in a way in which the length of what is put there is not fixed.
BUCKET_CONFIG = TABLE_CONFIG.merge(Config(signature_version="s3v4"))


class BotoTable:
    """A DynamoDB table by way of a botocore client."""

    def __init__(self, name: str, client: Any) -> None:
        self.name = name
        self._client = client

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `turnlog.store.protocols.Table`."""
        try:
            answer: dict[str, Any] = getattr(self._client, xform_name(operation))(**parameters)
        except TRANSLATED as error:
            raise translated(error) from error
        return answer


class TableInTime:
    """A table for a call that makes many requests: none is begun when the call has no time for it.

    A purge is as long as a session. If Lambda ended it in the middle, its batch would count as failed as a
    whole; so it says itself how far it came.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self.name = table.name
        self._table = table
        self._clock = clock

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `turnlog.store.protocols.Table`."""
        if self._clock.remaining() < _LAST_SECONDS:
            raise Contended("There is no time for another request.")
        return await self._table.request(operation, parameters)


class BotoObjects:
    """An S3 bucket by way of a botocore client, which is made when first used: most calls need none."""

    def __init__(self, bucket: str, connect: Callable[[], Any]) -> None:
        self._bucket = bucket
        self._client = cache(connect)

    async def put(self, key: str, data: bytes, *, gzip: bool = False) -> None:
        """See `turnlog.store.protocols.Objects`."""
        told = {"ContentType": "application/json", "ContentEncoding": "gzip"} if gzip else {}
        await self._request("put_object", Key=key, Body=data, **told)

    async def copy(self, key: str, to: str) -> None:
        """See `turnlog.store.protocols.Objects`."""
        source = {"Bucket": self._bucket, "Key": key}
        # Without the tags, of which there are none: to read them takes a permission of its own.
        await self._request("copy_object", Key=to, CopySource=source, TaggingDirective="REPLACE")

    async def get(self, key: str) -> bytes:
        """See `turnlog.store.protocols.Objects`."""
        answer = await self._request("get_object", Key=key)
        if answer["ContentLength"] > OBJECT_LIMIT:
            answer["Body"].close()
            raise Damaged(f"An object is damaged: it has {answer['ContentLength']} bytes.")
        return await self._read(answer["Body"])

    async def has(self, key: str) -> bool:
        """See `turnlog.store.protocols.Objects`."""
        try:
            await self._request("head_object", Key=key)
        except NoSuchObject:
            return False
        return True

    async def upload(self, key: str, *, size: int, sha256: str, media_type: str) -> Address:
        """See `turnlog.store.protocols.Objects`."""
        checksum = b64encode(bytes.fromhex(sha256)).decode()
        fixed = {"ContentLength": size, "ContentType": media_type, "ChecksumSHA256": checksum}
        url = await self._signed("put_object", UPLOAD_SECONDS, Key=key, **fixed)
        headers = {
            "content-length": str(size),
            "content-type": media_type,
            "x-amz-checksum-sha256": checksum,
        }
        return Address("PUT", url, headers)

    async def download(
        self, key: str, *, name: str = "", media_type: str = "", gzip: bool = False
    ) -> Address:
        """See `turnlog.store.protocols.Objects`."""
        told = {"ResponseContentDisposition": disposition(name)} if name else {}
        told |= {"ResponseContentType": media_type} if media_type else {}
        told |= {"ResponseContentEncoding": "gzip"} if gzip else {}
        return Address("GET", await self._signed("get_object", DOWNLOAD_SECONDS, Key=key, **told), {})

    async def delete(self, key: str) -> None:
        """See `turnlog.store.protocols.Objects`."""
        await self._request("delete_object", Key=key)

    async def list(self, prefix: str, before: str = "") -> dict[str, datetime]:
        """See `turnlog.store.protocols.Objects`."""
        found: dict[str, datetime] = {}
        more: dict[str, str] = {}
        while True:
            page = await self._request("list_objects_v2", Prefix=prefix, **more)
            listed = page.get("Contents", ())  # in the order of their keys, and so are the pages
            wanted = [each for each in listed if not before or each["Key"] < before]
            found |= {each["Key"]: each["LastModified"] for each in wanted}
            if not page["IsTruncated"] or len(wanted) < len(listed):
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def _request(self, operation: str, **parameters: Any) -> Any:
        try:
            return getattr(self._client(), operation)(Bucket=self._bucket, **parameters)
        except TRANSLATED as error:
            raise translated(error, BUCKET) from error

    async def _signed(self, operation: str, seconds: int, **parameters: Any) -> str:
        """A URL by which anybody may make this request for so long: nothing is sent."""
        url: str = self._client().generate_presigned_url(
            operation, Params={"Bucket": self._bucket, **parameters}, ExpiresIn=seconds
        )
        return url

    async def _read(self, body: Any) -> bytes:
        try:
            data: bytes = body.read()
        except TRANSLATED as error:  # the connection was lost in the middle
            raise translated(error, BUCKET) from error
        return data


def disposition(name: str) -> str:
    """The header by which a browser saves what it reads under this name (RFC 6266, appendix D)."""
    plain = "".join(one if " " <= one <= "~" and one not in '"\\%' else "_" for one in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


class SystemClock:
    """The machine's clock; `deadline` is in seconds of `time.monotonic`."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def now(self) -> datetime:
        """See `turnlog.store.protocols.Clock`."""
        return datetime.now(UTC)

    def remaining(self) -> float:
        """See `turnlog.store.protocols.Clock`."""
        return self._deadline - time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `turnlog.store.protocols.Clock`."""
        time.sleep(seconds)  # noqa: ASYNC251 (nothing else runs in this thread)

    def random(self) -> float:
        """See `turnlog.store.protocols.Clock`."""
        # Of the system: what a SnapStart snapshot holds, all that are restored from it would draw alike.
        return random.SystemRandom().random()

    def token(self) -> bytes:
        """See `turnlog.store.protocols.Clock`."""
        return os.urandom(16)


class CallClock(SystemClock):
    """The machine's clock; the end of the call is asked for anew each time, since it can be brought forward.

    Args:
        remaining: gives the seconds that the call has left.
    """

    def __init__(self, remaining: Callable[[], float]) -> None:
        self._remaining = remaining

    def remaining(self) -> float:
        """See `turnlog.store.protocols.Clock`."""
        return self._remaining()


@cache
def objects() -> BotoObjects | None:
    """The bucket of this process, if the settings name one."""
    bucket = settings().bucket
    return BotoObjects(bucket, lambda: _client("s3", BUCKET_CONFIG)) if bucket else None


@cache
def clients() -> tuple[BotoTable, Breaker | None]:
    """The table and the cache of this process, as the settings say."""
    configured = settings()
    table = BotoTable(configured.table, _client("dynamodb"))
    if not configured.cache_url:
        return table, None
    return table, Breaker(cache_at(configured.cache_url, configured.cache_password))


@cache
def brief_table() -> BotoTable:
    """The table of this process, of which a request takes `limits.HEALTH_SECONDS` at the most."""
    return BotoTable(settings().table, _client("dynamodb", _config(HEALTH_SECONDS)))


def _client(service: str, config: Config = TABLE_CONFIG, session: Any = None) -> Any:
    from botocore.session import Session  # noqa: PLC0415 (a program that brings its own session needs none)

    client = creator(session or Session())(service, config=config)
    check_answers(client)
    name_region(client)
    return client


def creator(session: Any) -> Callable[..., Any]:
    """What creates a client: of a session of boto3 or aioboto3, or of botocore or aiobotocore."""
    created: Callable[..., Any] = getattr(session, "create_client", None) or session.client
    return created


def region_of(session: Any) -> str:
    """The region of such a session."""
    region: str = (
        session.get_config_variable("region")
        if hasattr(session, "get_config_variable")
        else session.region_name
    )
    return region


class Stores:
    """The clients of a table, its cache and its bucket, for the threads of one process.

    Args:
        configured: what to work on.
        session: of boto3 or botocore, by which AWS is called; None: one of botocore.

    Raises:
        ValueError: the cache's URL is none.
    """

    def __init__(self, configured: Settings, session: Any = None) -> None:
        from botocore.session import Session  # noqa: PLC0415 (as in _client)

        # A session is not made for threads, its clients are.
        session = session or Session()
        self._settings = configured
        self._table = BotoTable(configured.table, _client("dynamodb", session=session))
        self._s3 = _client("s3", BUCKET_CONFIG, session) if configured.bucket else None
        self._objects = BotoObjects(configured.bucket, lambda: self._s3) if configured.bucket else None
        self._cache = (
            cache_at(configured.cache_url, configured.cache_password, session)
            if configured.cache_url
            else None
        )
        self._breaker = Breaker(self._cache) if self._cache else None

    def store(self, seconds: float) -> Store:
        """What one operation works on, which gives up when this time is over."""
        clock = SystemClock(time.monotonic() + seconds)
        return store_on(self._table, self._breaker, clock, self._settings, self._objects)

    def close(self) -> None:
        """Close the connections."""
        self._table.close()
        if self._s3:
            self._s3.close()
        if self._cache:
            self._cache.close()


def forget() -> None:
    """Have this process make its clients anew, as its settings say then.

    A forked process does: on its parent's connections the two would read each other's answers.
    """
    clients.cache_clear()
    brief_table.cache_clear()
    objects.cache_clear()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=forget)


def cache_at(url: str, password: str = "", session: Any = None) -> RespCache:
    """The cache at a URL, see `url.CacheUrl.parse`."""
    from turnlog.cache.resp import RespCache  # noqa: PLC0415
    from turnlog.cache.url import CacheUrl  # noqa: PLC0415 (not where there is no cache)

    parsed = CacheUrl.parse(url, password)
    return RespCache(parsed, _tokens(parsed, session) if parsed.iam else None)


def _tokens(url: CacheUrl, session: Any = None) -> Callable[[], str]:
    """What signs the password of a new connection, with the credentials of this process."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 (as in _client)
    from botocore.session import Session  # noqa: PLC0415 (as in _client)

    from turnlog.cache.iam import Tokens  # noqa: PLC0415 (only where IAM lets in)

    session = session or Session()

    def credentials() -> Credentials:
        try:
            found: Credentials = session.get_credentials().get_frozen_credentials()
        except (AttributeError, BotoCoreError) as error:  # there are none, or they cannot be renewed
            raise CacheUnavailable("no credentials to sign with") from error
        return found

    return Tokens(url.user or "", url.iam or "", region_of(session), credentials)


def lambda_store(deadline: float, *, brief: bool = False) -> Store:
    """What one invocation works on.

    Args:
        deadline: in seconds of `time.monotonic`.
        brief: a request to the table takes `limits.HEALTH_SECONDS` at the most.
    """
    table, cached = clients()
    table = brief_table() if brief else table
    return store_on(table, cached, SystemClock(deadline), settings(), objects())


def purge_store(remaining: Callable[[], float]) -> Store:
    """What a call works on that takes as many requests as there is to delete.

    Args:
        remaining: gives the seconds that the call has left, at any time.
    """
    table, cached = clients()
    clock = CallClock(remaining)
    return store_on(TableInTime(table, clock), cached, clock, settings(), objects())


def store_on(
    table: Table, cached: Cache | None, clock: Clock, configured: Settings, bucket: Objects | None
) -> Store:
    """What one operation works on, whatever drives it."""
    counts: Counter[str] = Counter()
    cache = SessionCache(cached, configured.cache_ttl, counts)
    return Store(
        table,
        cache,
        clock,
        configured.retention_days,
        counts,
        bucket,
        configured.transcripts,
        configured.stream_ttl,
    )
