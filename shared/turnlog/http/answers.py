"""Answers: bytes of JSON, into which stored messages and entries are put without being parsed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import TurnlogError, Unavailable
from turnlog.wire import JSON, JSONL, MARKDOWN, dumps, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from turnlog.http.events import Call
    from turnlog.operations.read_session import Page
    from turnlog.records.head import Head
    from turnlog.store.protocols import Address
    from turnlog.store.store import Store


MINIMAL = {"preference-applied": "return=minimal"}
"""The header of an answer that leaves out the messages (RFC 7240, section 3)."""

NEXT_BEFORE = "x-turnlog-next-before"
"""The header of a text that is a part of a log: `before` of this value asks for the part before it."""


class Answer(NamedTuple):
    """A status and a body: JSON, unless the header `content-type` says otherwise; none with 204 and 304.

    Attributes:
        headers: with names in lower case.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


def with_list(fields: Mapping[str, Any], name: str, encoded: Iterable[bytes]) -> bytes:
    """A JSON object with these fields, and with a list of what is JSON already."""
    opening = dumps(fields)[:-1] + f',"{name}":['.encode()
    pieces = [piece for one in encoded for piece in (b",", one)]
    # Joined at once: they may be megabytes, which every step would copy.
    return b"".join((opening, *pieces[1:], b"]}"))


def in_bucket(file: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """The answer that says where the whole answer is read, which is larger than an answer can be."""
    return Answer(200, dumps({"file": file}), headers or {})


def address_shown(store: Store, address: Address, seconds: int) -> dict[str, Any]:
    """An address in the bucket, and until when a client may begin to use it."""
    ends = timestamp(store.clock.now() + timedelta(seconds=seconds))
    return {
        "method": address.method,
        "url": address.url,
        "headers": dict(address.headers),
        "expires_at": ends,
    }


def session_answer(
    status: int,
    head: Head,
    headers: Mapping[str, str] | None = None,
    *,
    page: Page | None = None,
    beside: Mapping[str, Any] | None = None,
) -> Answer:
    """A session, with messages if there is a page of them, under its entity tag."""
    tagged = {"etag": head.etag, **(headers or {})}
    if page is None:
        return Answer(status, dumps(head.session()), tagged)
    bounds = page.bounds()
    del bounds["newest_sequence"]
    fields = {**head.session(), **bounds, **(beside or {})}
    return Answer(status, with_list(fields, "messages", [page.messages]), tagged)


def problem(error: TurnlogError) -> Answer:
    """The problem document of an error (RFC 9457)."""
    document: dict[str, Any] = {
        "type": error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        **error.extra,
    }
    if error.errors:
        document["errors"] = error.errors
    headers = {"content-type": "application/problem+json"}
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(error.retry_after)
    if error.status == 401:  # noqa: PLR2004
        headers["www-authenticate"] = "Bearer"
    # A name that the client sent may come back here, and hold what UTF-8 cannot carry.
    return Answer(error.status, json.dumps(document, ensure_ascii=True).encode(), headers)


def respond(call: Call, answer: Answer) -> dict[str, Any] | bytes:
    """The answer in the form of the event that asked.

    A direct invoke gets JSON bytes, which Lambda passes on as they are: since Python 3.12 its runtime cannot
    encode half a character, and would fail when all is done.
    """
    if call.direct:
        told = {name: value for name, value in answer.headers.items() if name == NEXT_BEFORE}
        more = b',"headers":' + dumps(told) if told else b""
        return b'{"status":%d,"body":%b%b}' % (answer.status, _encoded_body(answer), more)
    headers = {"x-request-id": call.request_id, "cache-control": "private, no-cache", **answer.headers}
    if answer.body:
        headers = {"content-type": JSON, **headers}
    body = answer.body.decode()
    return {"statusCode": answer.status, "headers": headers, "body": body, "isBase64Encoded": False}


def body_of(answer: Answer) -> Any:
    """The answer's body, read."""
    return json.loads(_encoded_body(answer))


def _encoded_body(answer: Answer) -> bytes:
    if answer.headers.get("content-type") in {JSONL, MARKDOWN}:
        return dumps(answer.body.decode())
    return answer.body or b"null"
