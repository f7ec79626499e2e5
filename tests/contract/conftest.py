"""One local server for each module; what the functions keep between calls is forgotten around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.local.server import running
from tests.functional.drivers import DRIVERS
from tests.functional.world import load_quiet
from turnlog.drivers.blocking import forget
from turnlog.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.server import LocalServer


def pytest_configure(config: pytest.Config) -> None:
    """Take up the plugin that `pyproject.toml` leaves out for the other levels."""
    config.pluginmanager.import_plugin("schemathesis.pytest.plugin")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """The table, the cache and the functions of this module's own server."""
    _forget()
    try:
        with running(load=load_quiet) as server:
            yield server
        DRIVERS.stop()  # when the stream, too, has stopped to use them
    finally:
        _forget()


def _forget() -> None:
    settings.cache_clear()
    forget()
