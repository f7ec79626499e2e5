"""What the tests of the drivers share: a store elsewhere, and botocore's models."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import pytest
from botocore.loaders import JSONFileLoader

from turnlog.drivers.blocking import forget
from turnlog.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Whatever the machine has of AWS's files is none of a test's.
ENVIRONMENT = {
    "TURNLOG_TABLE": "t",
    "TURNLOG_BUCKET": "b",
    "TURNLOG_CACHE_URL": "",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
}


@pytest.fixture(scope="module")
def models() -> Iterator[None]:
    """Botocore's models, read once: each client would read 5 MB of JSON again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", staticmethod(cache(JSONFileLoader().load_file)))
        yield


@pytest.fixture
def store_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Says at which URL the table and the bucket are; what is made from then on asks there."""

    def anew() -> None:
        settings.cache_clear()
        forget()

    def at(url: str) -> None:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        anew()

    yield at
    anew()
