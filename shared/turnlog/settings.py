"""Settings: environment variables, read when first used, so that importing a module asks for none."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple


class Settings(NamedTuple):
    """What the environment says.

    Attributes:
        table: the DynamoDB table's name (`TURNLOG_TABLE`).
        cache_url: `redis://…`, `rediss://…` with TLS, empty for no cache (`TURNLOG_CACHE_URL`); see
            `cache.url.CacheUrl`.
        cache_ttl: seconds that a cache entry lives after its last write (`TURNLOG_CACHE_TTL`).
        retention_days: a session that is not changed for so long is deleted; None keeps it
            (`TURNLOG_RETENTION_DAYS`).
        transcripts: whether they are served (`TURNLOG_TRANSCRIPTS`, unless it is `off`, `0` or `false`).
        bucket: the S3 bucket for what no item holds, empty for none (`TURNLOG_BUCKET`).
        cache_password: the cache's password, as it is and not encoded for a URL (`TURNLOG_CACHE_PASSWORD`).
            If it is empty, the password is the one in `cache_url`.
    """

    table: str
    cache_url: str
    cache_ttl: int
    retention_days: int | None
    transcripts: bool
    bucket: str
    cache_password: str = ""


_OFF = {"off", "0", "false"}


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises:
        KeyError: `TURNLOG_TABLE` is not set.
        ValueError: a number is not one.
    """
    retention = os.environ.get("TURNLOG_RETENTION_DAYS", "")
    return Settings(
        table=os.environ["TURNLOG_TABLE"],
        cache_url=os.environ.get("TURNLOG_CACHE_URL", ""),
        cache_ttl=int(os.environ.get("TURNLOG_CACHE_TTL") or 43_200),
        retention_days=int(retention) if retention else None,
        transcripts=os.environ.get("TURNLOG_TRANSCRIPTS", "").strip().lower() not in _OFF,
        bucket=os.environ.get("TURNLOG_BUCKET", ""),
        cache_password=os.environ.get("TURNLOG_CACHE_PASSWORD", ""),
    )
