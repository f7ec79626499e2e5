"""Amazon's DynamoDB Local, which is atomic where moto is not: for the tests that need a table to be real.

    python -m infra.local.dynamodb_local fetch
    python -m infra.local.dynamodb_local run --port 8000

It comes from npm, where AWS Amplify's simulator carries it, and runs on Java. Amazon's licence allows its use
for development and tests, not to pass it on: it is fetched, never kept in the repository.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING

from infra.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"  # of the npm package
CACHE = Path(__file__).parent.parent.parent / ".cache" / "dynamodb-local"
START_TIMEOUT = 60  # seconds; it takes two, or ten on a machine that is busy


class Missing(RuntimeError):
    """A program that is needed is not installed."""


def fetch() -> Path:
    """Fetch DynamoDB Local, if it is not there yet, and return the folder of its jar.

    Raises:
        Missing: npm is not installed.
        RuntimeError: npm failed, or sent something else.
    """
    home = CACHE / VERSION
    if home.exists():
        return home
    npm = _program("npm", "Node.js with npm (nodejs.org; Debian: npm)")
    CACHE.mkdir(parents=True, exist_ok=True)
    # In a folder beside its own, from which one rename brings it home: it is there whole or not at all.
    with TemporaryDirectory(dir=CACHE) as scratch:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", scratch]
        packed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our words)
        if packed.returncode:
            message = f"npm could not fetch {PACKAGE}: {packed.stderr.strip()}"
            raise RuntimeError(message)
        (archive,) = Path(scratch).glob("*.tgz")
        with archive.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
                message = f"{archive.name} is not the {PACKAGE} {VERSION} that is expected"
                raise RuntimeError(message)
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        try:
            (Path(scratch) / "package" / "emulator").rename(home)
        except OSError:
            if not home.exists():  # or else another process was first
                raise
    return home


def command_line(port: int) -> list[str]:
    """How to start it; to be run in the folder of its jar.

    Raises:
        Missing: Java is not installed.
    """
    java = _program("java", "a Java runtime, 17 or later (Debian: default-jre-headless)")
    library = "-Djava.library.path=./DynamoDBLocal_lib"
    return [java, library, "-jar", "DynamoDBLocal.jar", "-inMemory", "-port", str(port)]


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """An empty DynamoDB Local on a free port, fetched if need be; yields its endpoint's URL.

    Raises:
        Missing: Java or npm is not installed.
        RuntimeError: it could not be fetched or did not start; the message is what it said.
    """
    port = free_port()
    command, home = command_line(port), fetch()
    with TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 (our words)
            command,
            cwd=home,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the tests, which end it.
            start_new_session=True,
        )
        try:
            if not _answers(process, port):
                log.seek(0)
                message = f"DynamoDB Local did not start:\n{log.read().decode(errors='replace')}"
                raise RuntimeError(message)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()  # all that it has is in memory
            process.wait()


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until it accepts connections; False when it ends, or does not within its time."""
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def _environment() -> dict[str, str]:
    # It reports its use to Amazon unless it is told not to.
    return {**os.environ, "DDB_LOCAL_TELEMETRY": "0"}


def _program(name: str, what: str) -> str:
    path = shutil.which(name)
    if path is None:
        message = f"DynamoDB Local needs {what}: there is no `{name}` on the PATH"
        raise Missing(message)
    return path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.dynamodb_local", description="DynamoDB Local"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="fetch it, if it is not there yet")
    commands.add_parser("run", help="run it until Ctrl-C").add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    try:
        home = fetch()
        if arguments.command == "fetch":
            sys.stdout.write(f"DynamoDB Local is in {home}\n")
            return
        command = command_line(arguments.port)
    except RuntimeError as error:
        sys.exit(str(error))
    os.chdir(home)
    os.execve(command[0], command, _environment())  # noqa: S606 (our words; no shell is wanted)


if __name__ == "__main__":
    main()
