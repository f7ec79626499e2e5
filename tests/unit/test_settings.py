"""Settings: what is missing or wrong is named, with what to do."""

from __future__ import annotations

import pytest

from turnlog.drivers.blocking import forget, lambda_store
from turnlog.settings import Settings, SettingsError, from_environment, settings


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_table_the_error_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    forget()
    settings.cache_clear()
    monkeypatch.delenv("TURNLOG_TABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("TURNLOG_TABLE", value)
    with pytest.raises(SettingsError, match=r"^TURNLOG_TABLE is not set\. Set it to the name"):
        lambda_store(0)


@pytest.mark.parametrize(
    ("name", "unit"), [("TURNLOG_CACHE_TTL", "seconds"), ("TURNLOG_RETENTION_DAYS", "days")]
)
@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "1e3", "٣", " 1", "9" * 5000])
def test_a_number_that_is_none_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str, unit: str, value: str
) -> None:
    monkeypatch.setenv("TURNLOG_TABLE", "t")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^{name} is '.{{1,40}}'\. Set it to a whole number of {unit} "):
        from_environment()


def test_what_is_not_set_or_empty_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNLOG_TABLE", "t")
    for name in ("TURNLOG_CACHE_TTL", "TURNLOG_RETENTION_DAYS", "TURNLOG_BUCKET", "TURNLOG_CACHE_URL"):
        monkeypatch.setenv(name, "")
    expected = Settings("t", "", 43_200, None, transcripts=True, bucket="")
    assert from_environment() == expected
