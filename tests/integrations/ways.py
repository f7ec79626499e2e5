"""A way to a server on which replies get lost: a request is carried out, and nobody hears of it."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = 1 << 16


class LossyWay:
    """A proxy on loopback.

    Attributes:
        url: where it listens.
        lost: how many replies were lost.
        has_lost: set when one was.
    """

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._to = (place.hostname, place.port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.lost = 0
        self.has_lost = Event()
        self._mark, self._left = b"", 0
        self._lock = Lock()
        Thread(target=self._serve, daemon=True).start()

    def lose(self, mark: bytes, times: int = 1) -> None:
        """Lose the replies to the next requests that have this in their head."""
        with self._lock:
            self._mark, self._left = mark, times

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listening.accept()
                Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._to) as far, suppress(OSError):
            doomed: list[bool] = []
            back = Thread(target=self._back, args=(far, near, doomed), daemon=True)
            back.start()
            while data := near.recv(_SIZE):
                if self._is_doomed(data):
                    doomed.append(True)
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
            back.join()

    def _back(self, far: socket.socket, near: socket.socket, doomed: list[bool]) -> None:
        with suppress(OSError):
            while data := far.recv(_SIZE):
                if doomed:
                    self.lost += 1
                    self.has_lost.set()
                    break
                near.sendall(data)
            near.shutdown(socket.SHUT_RDWR)

    def _is_doomed(self, data: bytes) -> bool:
        with self._lock:
            if self._left and self._mark in data:
                self._left -= 1
                return True
            return False


@contextmanager
def lossy(url: str) -> Iterator[LossyWay]:
    """A lossy way to a server, while this is entered."""
    way = LossyWay(url)
    try:
        yield way
    finally:
        way.close()
