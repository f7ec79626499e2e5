from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from turnlog.coroutines import run
from turnlog.settings import Settings, settings

if TYPE_CHECKING:
    from collections.abc import Iterator


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
