"""The HTTP client of the tests: one request, and its answer as it came."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 60.0  # seconds after which something that should come is taken not to come


class Reply(NamedTuple):
    """An answer.

    Attributes:
        headers: with names in lower case.
        raw: the body, byte by byte.
    """

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The body's JSON."""
        return json.loads(self.raw)

    @property
    def etag(self) -> str:
        return self.headers["etag"]

    def problem(self, status: int, code: str) -> Any:
        """The problem document, which must be of this status and type."""
        assert (self.status, self.body["type"]) == (status, code), self.raw[:500]
        return self.body


def request(
    url: str,
    method: str,
    path: str = "",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    user: str | None = None,
    timeout: float = PATIENCE,
) -> Reply:
    """Send one request, on a connection of its own.

    Args:
        url: where the server is, such as `http://127.0.0.1:3000`.
        method: of HTTP.
        path: sent as it is given, behind the URL's own path.
        body: bytes are sent as they are, anything else but None as JSON.
        headers: more of them; they win.
        user: the bearer, if any.
        timeout: seconds.

    Raises:
        OSError, HTTPException: there is no answer.
    """
    sent: dict[str, str] = {}
    if body is not None and not isinstance(body, bytes):
        body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
    if user is not None:
        sent["Authorization"] = f"Bearer {user}"
    named = {name.lower() for name in headers or {}}
    sent = {name: value for name, value in sent.items() if name.lower() not in named} | dict(headers or {})
    place = urlsplit(url)
    connection = HTTPConnection(place.netloc, timeout=timeout)
    try:
        connection.request(method, place.path + path, body, sent)
        answer = connection.getresponse()
        return Reply(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        )
    finally:
        connection.close()
