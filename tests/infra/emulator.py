"""Amazon's Lambda Runtime Interface Emulator with the real runtime client, without Docker.

    aws-lambda-rie … python -m awslambdaric functions.get_session.handler

Both come from the Python package index: AWS SAM CLI carries the emulator. They are put into .cache/, apart
from what the tests themselves import.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.build import interpreter, this_platform
from infra.local.ports import free_port
from infra.template import python_versions
from tests.http_client import request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LOCK = Path(__file__).parent / "runtime.lock"
ROOT = Path(__file__).parent.parent.parent
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


def runtimes() -> list[str]:
    """The versions that the template allows and this machine has; without any, the one that runs this."""
    return [version for version in python_versions() if interpreter(version)] or [OURS]


def fetch(python: str = OURS) -> Path:
    """The folder with the emulator and this Python's runtime client, fetched if it is not there.

    Raises:
        CalledProcessError: pip could not fetch them.
    """
    home = ROOT / ".cache" / f"lambda-runtime-{python}"
    stamp = home / "fetched"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--require-hashes", "--requirement", str(LOCK), "--upgrade"),
                *("--only-binary", ":all:", "--python-version", python, "--target", str(home)),
            ],
            check=True,
        )
        stamp.write_bytes(LOCK.read_bytes())
    return home


class Lambda(NamedTuple):
    """A function under the emulator. The runtime starts with the first invocation, as a cold start does."""

    url: str

    def streamed(self, event: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The answer of a function that streams: status and headers, and the body. It comes in one piece."""
        reply = request(self.url, "POST", body=json.dumps(event).encode())
        assert reply.status == 200, reply.raw
        prelude, _, body = reply.raw.partition(b"\0" * 8)
        return json.loads(prelude), body

    def invoke(self, event: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        """The answer to an event, and the seconds that it took."""
        raw = json.dumps(event).encode()
        began = time.perf_counter()
        reply = request(self.url, "POST", body=raw)
        seconds = time.perf_counter() - began
        assert reply.status == 200, reply.raw
        return reply.body, seconds


@contextmanager
def emulated(
    handler: str,
    path: Sequence[Path],
    variables: Mapping[str, str],
    python: str = OURS,
    wrapper: Path | None = None,
) -> Iterator[Lambda]:
    """Run a handler under the emulator while the context is entered.

    Args:
        handler: such as `functions.get_session.handler`.
        path: the folders from which it imports: its artifact and the layer.
        variables: its environment, beside what Lambda sets.
        python: the version that it runs on; one of `runtimes()`.
        wrapper: of `AWS_LAMBDA_EXEC_WRAPPER`, which gets the command of Lambda's own runtime.
    """
    home, executable = fetch(python), interpreter(python)
    assert executable
    listening, runtime_api = free_port(), free_port()
    command = [
        str(home / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{this_platform()}"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{listening}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime_api}"),
        *((str(wrapper),) if wrapper else ()),
        # -S: no site-packages but those of the artifact.
        *(executable, "-S", "-m", "awslambdaric", handler),
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([*map(str, path), str(home)]),
        "PYTHONDONTWRITEBYTECODE": "1",  # /var/task is read-only
        "LAMBDA_TASK_ROOT": str(path[0]),
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
