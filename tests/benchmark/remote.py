"""The harness's end of a worker, and the world that the workers work in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from infra.local.dynamodb_local import dynamodb_local
from infra.local.embedded import valkey
from infra.template import environment
from tests.benchmark.proxies.cache import CacheProxy, cache_proxy
from tests.benchmark.proxies.table import TableProxy, table_proxy
from tests.benchmark.stores import STORES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
PEERS = ROOT / ".cache" / "bench-venv" / "bin" / "python"
LOCAL = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    "TURNLOG_TABLE": environment()["TURNLOG_TABLE"],
    # Its peers' analytics and tracing.
    "LANGSMITH_TRACING": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
}


class World(NamedTuple):
    """DynamoDB Local and Valkey, and the proxies before them."""

    dynamodb_url: str
    cache_url: str
    table: TableProxy
    cache: CacheProxy

    def environment(self, *, counted: bool) -> dict[str, str]:
        """For a process that goes to the servers straight, or by way of the proxies."""
        return {
            **os.environ,
            **LOCAL,
            "AWS_ENDPOINT_URL_DYNAMODB": self.table.url if counted else self.dynamodb_url,
            "TURNLOG_CACHE_URL": self.cache.url if counted else self.cache_url,
        }


@contextmanager
def world() -> Iterator[World]:
    """The servers, empty, and the proxies."""
    with ExitStack() as stack:
        dynamodb_url = stack.enter_context(dynamodb_local())
        cache_url = stack.enter_context(valkey())
        yield World(
            dynamodb_url,
            cache_url,
            stack.enter_context(table_proxy(dynamodb_url)),
            stack.enter_context(cache_proxy(cache_url)),
        )


class Remote:
    """A worker, see `worker`; it ends when its context is left."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        self.name = name
        python = str(PEERS) if STORES[name].peer else sys.executable
        with _log(name) as log:
            self._process = subprocess.Popen(
                [python, "-m", "tests.benchmark.worker", name],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ready(self) -> None:
        """Wait until it has started."""
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have it run a command and wait for the answer; `error` in it is what the store could not do."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            message = f"the worker for {self.name} died; see {LOGS / self.name}.log"
            raise RuntimeError(message)
        answer: dict[str, Any] = json.loads(line)
        return answer


LOGS = ROOT / ".cache" / "bench-logs"


def _log(name: str) -> Any:
    LOGS.mkdir(parents=True, exist_ok=True)
    return (LOGS / f"{name}.log").open("a", encoding="utf-8")
