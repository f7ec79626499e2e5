"""Lambda's Runtime API, for tests of a runtime loop: gives events, and shows what is posted as it comes."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from tests.http_client import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = "/2018-06-01/runtime"


@dataclass
class Posted:
    """What the loop sends: there when its headers have come.

    Attributes:
        path: behind the API's version.
        headers: with names in lower case; the trailers are added when the body has ended.
        chunks: each as it came; None behind the last one.
    """

    path: str
    headers: dict[str, str]
    chunks: Queue[bytes | None] = field(default_factory=Queue)

    def chunk(self) -> bytes | None:
        """The next one, which is waited for; None: the body has ended."""
        return self.chunks.get(timeout=PATIENCE)

    def body(self) -> bytes:
        """The rest of the body."""
        return b"".join(iter(self.chunk, None))


class RuntimeApi:
    """One function's events and answers.

    Attributes:
        address: host and port, for `AWS_LAMBDA_RUNTIME_API`.
        status: of the answer to what is posted.
        cut_after: so many chunks of an answer are read; then the connection is cut.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._events: Queue[tuple[str, Any]] = Queue()
        self._posted: Queue[Posted] = Queue()
        self.address = "{}:{}".format(*listener.getsockname())
        self.status = 202
        self.cut_after: int | None = None

    def give(self, event: Any, request_id: str = "request-1") -> None:
        """Have the loop get an event."""
        self._events.put((request_id, event))

    def posted(self) -> Posted:
        """What the loop posts next, which is waited for."""
        return self._posted.get(timeout=PATIENCE)

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            method, path, _ = file.readline().decode().split()
            assert path.startswith(_VERSION)
            headers = _headers(file)
            if method == "GET":
                request_id, event = self._events.get()
                body = json.dumps(event).encode()
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: %b\r\n"
                    b"Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Trace-Id: Root=1\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (request_id.encode(), len(body), body)
                )
                return
            posted = Posted(path.removeprefix(_VERSION), headers)
            self._posted.put(posted)
            if self._read(file, posted):
                connection.sendall(b"HTTP/1.1 %d -\r\nContent-Length: 0\r\n\r\n" % self.status)

    def _read(self, file: IO[bytes], posted: Posted) -> bool:
        """Read a body; whether it is to be answered."""
        if "content-length" in posted.headers:
            posted.chunks.put(file.read(int(posted.headers["content-length"])))
        else:
            taken = 0
            while size := int(file.readline(), 16):
                if taken == self.cut_after:
                    return False
                posted.chunks.put(file.read(size))
                file.readline()
                taken += 1
            posted.headers |= _headers(file)
        posted.chunks.put(None)
        return True


def _headers(file: IO[bytes]) -> dict[str, str]:
    lines = iter(lambda: file.readline().decode().strip(), "")
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    """A Runtime API on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        api = RuntimeApi(listener)
        Thread(target=api.serve, daemon=True).start()
        yield api
