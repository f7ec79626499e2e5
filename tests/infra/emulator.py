"""Amazon's Lambda Runtime Interface Emulator with the real runtime client, without Docker.

    aws-lambda-rie … python -m awslambdaric functions.get_session.handler

Both come from the Python package index: AWS SAM CLI carries the emulator. They are put into .cache/, apart
from what the tests themselves import.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.local.embedded import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LOCK = Path(__file__).parent / "runtime.lock"
ROOT = Path(__file__).parent.parent.parent
HOME = ROOT / ".cache" / f"lambda-runtime-{sys.version_info.major}.{sys.version_info.minor}"


def fetch() -> Path:
    """The folder with the emulator and the runtime client, fetched if it is not there.

    Raises:
        CalledProcessError: pip could not fetch them.
    """
    stamp = HOME / "fetched"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--require-hashes", "--requirement", str(LOCK), "--upgrade"),
                *("--target", str(HOME)),
            ],
            check=True,
        )
        stamp.write_bytes(LOCK.read_bytes())
    return HOME


class Lambda(NamedTuple):
    """A function under the emulator. The runtime starts with the first invocation, as a cold start does."""

    url: str

    def invoke(self, event: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        """The answer to an event, and the seconds that it took."""
        request = urllib.request.Request(self.url, json.dumps(event).encode())
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
        return json.loads(body), time.perf_counter() - began


@contextmanager
def emulated(handler: str, path: Sequence[Path], variables: Mapping[str, str]) -> Iterator[Lambda]:
    """Run a handler under the emulator while the context is entered.

    Args:
        handler: such as `functions.get_session.handler`.
        path: the folders from which it imports: its artifact and the layer.
        variables: its environment, beside what Lambda sets.
    """
    home = fetch()
    machine = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
    listening, runtime_api = free_port(), free_port()
    command = [
        str(home / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{machine}"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{listening}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime_api}"),
        # -S: no site-packages but those of the artifact.
        *(getattr(sys, "_base_executable", sys.executable), "-S", "-m", "awslambdaric", handler),
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([*map(str, path), str(home)]),
        "PYTHONDONTWRITEBYTECODE": "1",  # /var/task is read-only
        "AWS_LAMBDA_FUNCTION_NAME": handler,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "29",
        **variables,
    }
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _await(listening)
            yield Lambda(f"http://127.0.0.1:{listening}/2015-03-31/functions/function/invocations")
        finally:
            process.terminate()


def _await(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "the emulator did not start"
            time.sleep(0.005)
        else:
            return
