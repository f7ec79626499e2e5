"""`make sam-local`: `sam local invoke` of every function, and `sam local start-api`, as in infra/README.md.

Needs a container engine that SAM finds: Docker, or Podman's socket in DOCKER_HOST. So it is no test. Builds
for this machine, starts the open local server (`EMBEDDED_OPEN=1`, if it is not set), runs SAM, prints what it
answers, and ends with 1 if an answer is not as expected. `SAM_LOCAL_FLAGS` are more flags for `sam local`.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from infra.build import this_platform
from infra.local.ports import free_port
from infra.template import TEMPLATE
from tests.http_client import request
from tests.infra.test_events import FUNCTIONS, STORY

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = TEMPLATE.parent
SAM = str(ROOT / ".cache" / "sam-venv" / "bin" / "sam")
FLAGS = [
    "--parameter-overrides",
    f"Architecture={this_platform()}",
    *shlex.split(os.environ.get("SAM_LOCAL_FLAGS", "")),
]
ENVIRONMENT = {
    **os.environ,
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "LAMBDA_ARCHITECTURE": this_platform(),
}
# Method, path, bearer, body, status: in an order in which each finds what it is about.
CALLS = [
    ("GET", "/health", None, None, 200),
    ("GET", "/sessions", None, None, 401),
    ("POST", "/sessions", "carol", {"session_id": "local", "title": "By SAM"}, 201),
    (
        "POST",
        "/sessions/local/messages",
        "carol",
        {"messages": [{"role": "user", "content": "Hi", "message_id": "m"}]},
        201,
    ),
    (
        "POST",
        "/sessions/local/messages",
        "carol",
        {"messages": [{"role": "user", "content": "Hi", "message_id": "m"}]},
        200,
    ),
    ("GET", "/sessions/local", "carol", None, 200),
    ("GET", "/sessions/local", "mallory", None, 404),
    ("DELETE", "/sessions/local", "carol", None, 204),
    ("GET", "/sessions/local", "carol", None, 404),
]


def main() -> int:
    """Run all of it; 1 if an answer is not as expected."""
    subprocess.run([SAM, "build", *FLAGS[:2]], cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True)
    with _server():
        # SAM local starts no runtime loop but Lambda's own.
        story = {name: status for name, status in STORY.items() if name != "follow_stream"}
        wrong = [name for name, status in story.items() if _invoked(name)["statusCode"] != status]
        wrong += ["purge_session"] * (_invoked("purge_session") != {"batchItemFailures": []})
        with _api() as url:
            wrong += [f"{call[0]} {call[1]}" for call in CALLS if _called(url, *call[:4]) != call[4]]
    _say(
        f"not as expected: {', '.join(wrong)}"
        if wrong
        else f"{len(story) + 1} functions, {len(CALLS)} requests: as expected"
    )
    return int(bool(wrong))


def _invoked(name: str) -> Any:
    command = ["sam", "local", "invoke", FUNCTIONS[name], "-e", f"infra/events/{name}.json"]
    _say(f"$ {' '.join(command)}")
    done = subprocess.run(
        [SAM, *command[1:], *FLAGS], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    answer = done.stdout.strip().splitlines()[-1]
    _say(answer)
    return json.loads(answer)


def _called(url: str, method: str, path: str, bearer: str | None, body: Any) -> int:
    reply = request(url, method, path, body, user=bearer, timeout=120)
    _say(f"{method} {path} as {bearer or 'nobody'}: {reply.status} {reply.raw.decode()}")
    return reply.status


@contextmanager
def _server() -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env={"EMBEDDED_OPEN": "1", **os.environ, "PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline(), "the local server did not start"
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _api() -> Iterator[str]:
    port = free_port()
    with subprocess.Popen(
        [SAM, "local", "start-api", "--port", str(port), *FLAGS],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _await(process, url)
            yield url
        finally:
            process.send_signal(signal.SIGINT)  # upon which it removes its containers


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 60
    while not _answers(url):
        assert process.poll() is None, "sam local start-api ended"
        assert time.monotonic() < deadline, "sam local start-api did not start"
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        request(url, "GET", "/nothing", timeout=5)
    except OSError:
        return False
    return True


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
