"""A reader of server-sent events that looks at each of them as it comes."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tests.http_client import PATIENCE
from turnlog.client.sse import Frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from turnlog.client.sse import Frame


class Follower:
    """One answer.

    Attributes:
        status: of the answer.
        headers: with names in lower case.
    """

    def __init__(self, url: str, path: str, user: str | None, **headers: str) -> None:
        sent = {
            "Accept": "text/event-stream",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if user is not None:
            sent["Authorization"] = f"Bearer {user}"
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
        self._connection.request("GET", path, headers=sent)
        self._answer: HTTPResponse = self._connection.getresponse()
        self._read: Iterator[Frame] = self._frames()
        self.status = self._answer.status
        self.headers = {name.lower(): value for name, value in self._answer.getheaders()}

    def _frames(self) -> Iterator[Frame]:
        frames = Frames()
        while chunk := self._answer.read1():
            yield from frames.feed(chunk)

    def next(self) -> Frame | None:
        """The next event or comment, which is waited for; None: the answer has ended."""
        return next(self._read, None)

    def rest(self) -> list[Frame]:
        """All that still comes."""
        return list(self._read)

    def body(self) -> bytes:
        """The body, where it is no stream."""
        return self._answer.read()

    def close(self) -> None:
        """Go away."""
        self._answer.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
