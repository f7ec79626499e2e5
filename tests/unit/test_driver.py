from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from turnlog.coroutines import run
from turnlog.drivers.blocking import Stores
from turnlog.drivers.event_loop import AsyncStores
from turnlog.settings import Settings, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from turnlog.store.store import Store


async def answer() -> int:
    return 42


async def failing() -> None:
    raise KeyError("x")


def test_a_coroutine_that_never_waits_is_run_without_an_event_loop() -> None:
    assert run(answer()) == 42
    with pytest.raises(KeyError):
        run(failing())


def test_a_driver_that_waits_is_a_defect() -> None:
    with pytest.raises(RuntimeError, match="suspended"):
        run(asyncio.sleep(0))


@pytest.fixture
def _fresh() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("_fresh")
def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE_URL", "CACHE_PASSWORD", "CACHE_TTL", "RETENTION_DAYS", "TRANSCRIPTS", "BUCKET"):
        monkeypatch.delenv(f"TURNLOG_{name}", raising=False)
    monkeypatch.setenv("TURNLOG_TABLE", "t")
    assert settings() == Settings("t", "", 43_200, None, transcripts=True, bucket="")
    monkeypatch.setenv("TURNLOG_CACHE_TTL", "")
    monkeypatch.setenv("TURNLOG_RETENTION_DAYS", "30")
    # Read when first used.
    assert settings().retention_days is None
    settings.cache_clear()
    assert settings() == Settings("t", "", 43_200, 30, transcripts=True, bucket="")
    for off in ("off", "0", "False"):
        monkeypatch.setenv("TURNLOG_TRANSCRIPTS", off)
        settings.cache_clear()
        assert not settings().transcripts
    monkeypatch.setenv("TURNLOG_CACHE_PASSWORD", "p@ss/word")
    settings.cache_clear()
    assert settings().cache_password == "p@ss/word"  # noqa: S105 (a test's)


@pytest.mark.parametrize(
    ("region", "endpoint", "host"),
    [
        ("eu-central-1", "", "bucket.s3.eu-central-1.amazonaws.com"),
        ("ap-south-2", "", "bucket.s3.ap-south-2.amazonaws.com"),
        ("us-east-1", "", "bucket.s3.amazonaws.com"),
        ("cn-north-1", "", "bucket.s3.cn-north-1.amazonaws.com.cn"),
        ("eu-central-1", "http://minio:9000", "minio:9000"),
    ],
)
def test_an_address_names_the_region_of_the_bucket(
    monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str, host: str
) -> None:
    """The host of all regions redirects while a bucket is new, and no browser follows that."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "x")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    on = Settings("t", "", 43_200, None, transcripts=True, bucket="bucket")

    async def signed(store: Store) -> list[str]:
        bucket = store.bucket()
        upload = await bucket.upload("k", size=1, sha256="0" * 64, media_type="text/plain")
        return [urlsplit(one.url).netloc for one in (upload, await bucket.download("k"))]

    async def on_a_loop() -> list[str]:
        async with AsyncStores(on) as stores:
            return await signed(stores.store())

    stores = Stores(on)
    assert run(signed(stores.store(1))) == [host, host]
    stores.close()
    assert asyncio.run(on_a_loop()) == [host, host]
