"""Settings: environment variables, read when first used, so that importing a module asks for none."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from turnlog.errors import SettingsError


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
        stream_ttl: seconds for which the events of a stream are kept after its end (`TURNLOG_STREAM_TTL`).
        job_ttl: seconds for which a job is kept after its end (`TURNLOG_JOB_TTL`).
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
    stream_ttl: int = 86_400
    job_ttl: int = 2_592_000


_OFF = {"off", "0", "false"}


# Far more than anyone means, and within what a date can be.
_MOST_SECONDS = 999_999_999
_MOST_DAYS = 999_999


@cache
def settings() -> Settings:
    """The settings of this process, as they were when this was first called.

    Raises:
        SettingsError: one of them is missing or wrong.
    """
    return from_environment()


def from_environment(table: str | None = None) -> Settings:
    """The settings that the environment has now.

    Args:
        table: another table than the environment's.

    Raises:
        SettingsError: one of them is missing or wrong.
    """
    table = table or os.environ.get("TURNLOG_TABLE", "")
    if not table:
        raise SettingsError(
            "TURNLOG_TABLE is not set. Set it to the name of the DynamoDB table: the output TableName of a "
            "deployed stack, or SessionsTable beside `make run`."
        )
    return Settings(
        table=table,
        cache_url=os.environ.get("TURNLOG_CACHE_URL", ""),
        cache_ttl=_number("TURNLOG_CACHE_TTL", "seconds", _MOST_SECONDS) or 43_200,
        retention_days=_number("TURNLOG_RETENTION_DAYS", "days", _MOST_DAYS),
        transcripts=os.environ.get("TURNLOG_TRANSCRIPTS", "").strip().lower() not in _OFF,
        bucket=os.environ.get("TURNLOG_BUCKET", ""),
        stream_ttl=_number("TURNLOG_STREAM_TTL", "seconds", _MOST_SECONDS) or 86_400,
        job_ttl=_number("TURNLOG_JOB_TTL", "seconds", _MOST_SECONDS) or 2_592_000,
        cache_password=os.environ.get("TURNLOG_CACHE_PASSWORD", ""),
    )


def _number(name: str, unit: str, most: int) -> int | None:
    """The number in a setting; None where it is not set, or empty."""
    given = os.environ.get(name, "")
    if not given:
        return None
    number = int(given) if given.isascii() and given.isdecimal() and len(given) <= len(str(most)) else 0
    if not 0 < number <= most:
        raise SettingsError(
            f"{name} is {given[:40]!r}. Set it to a whole number of {unit} from 1 to {most}, "
            "or leave it empty."
        )
    return number
