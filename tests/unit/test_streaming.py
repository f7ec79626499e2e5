"""Handlers whose answer comes bit by bit: who may read it, and what becomes of it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.drivers.blocking import forget
from turnlog.errors import NotFound
from turnlog.http.endpoints import read_events
from turnlog.http.streaming import Flow, Streamed, StreamingEndpoint
from turnlog.settings import settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from turnlog.http.answers import Answer
    from turnlog.http.events import Call
    from turnlog.store.store import Store

PAGES = "https://a.example,https://b.example"


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A function's environment; nothing is asked of its table."""
    for name, value in {
        "TURNLOG_TABLE": "t",
        "TURNLOG_CACHE_URL": "",
        "TURNLOG_BUCKET": "",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    forget()
    yield
    settings.cache_clear()
    forget()


def event(method: str = "GET", *, origin: str | None = None, pages: str = PAGES) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "headers": {"Origin": origin} if origin else {},
        "pathParameters": {"session_id": "s"},
        "stageVariables": {"CorsOrigins": pages} if pages else None,
        "requestContext": {"requestId": "the-request", "authorizer": {"claims": {"sub": "alice"}}},
    }


async def counting(store: Store) -> AsyncGenerator[bytes, None]:
    try:
        for number in range(3):
            yield b"%d" % number
    finally:
        store.counts["closed"] += 1


async def counted(_: Store, call: Call) -> Answer | Flow:
    assert call.user_id == "alice"
    return Flow({"content-type": "text/event-stream"}, counting)


def answer(operation: Any, given: dict[str, Any]) -> Streamed:
    found = StreamingEndpoint(operation, at_once=read_events.handler, methods="GET")(given)
    assert isinstance(found, Streamed)
    return found


def test_the_chunks_come_one_by_one() -> None:
    status, headers, body = answer(counted, event())
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert headers["x-request-id"] == "the-request"
    assert list(body) == [b"0", b"1", b"2"]


def test_when_nobody_wants_more_the_rest_is_closed_and_told(caplog: pytest.LogCaptureFixture) -> None:
    body: Any = answer(counted, event()).body
    assert next(body) == b"0"
    with caplog.at_level(logging.INFO):
        body.close()
    (line,) = (vars(record) for record in caplog.records)
    assert (line["status"], line["request_id"], line["closed"]) == (200, "the-request", [1])


@pytest.mark.parametrize(
    ("origin", "pages", "may"),
    [
        ("https://a.example", PAGES, True),
        ("https://b.example", PAGES, True),
        ("https://c.example", PAGES, False),
        ("https://a.example.evil.example", PAGES, False),
        ("null", PAGES, False),
        (None, PAGES, False),
        ("https://a.example", "", False),
        ("", "", False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_pages_of_the_given_origins_may_read(
    method: str, origin: str | None, pages: str, *, may: bool
) -> None:
    """The REST API adds no such header by itself, not to a refusal either."""
    for operation in (counted, refusing):
        headers = answer(operation, event(method, origin=origin, pages=pages)).headers
        assert headers.get("access-control-allow-origin") == (origin if may else None)
        # What a browser keeps for one page may not be given to another.
        assert ("vary" in headers) is bool(pages)


def test_a_page_is_told_what_it_may_send() -> None:
    status, headers, body = answer(counted, event("OPTIONS", origin="https://a.example"))
    assert (status, list(body)) == (204, [])
    assert headers["access-control-allow-methods"] == "GET"
    allowed = set(headers["access-control-allow-headers"].split(","))
    assert {"authorization", "last-event-id", "idempotency-key"} <= allowed


async def refusing(*_: object) -> Answer:
    raise NotFound("There is none.")


async def broken(*_: object) -> Answer:
    message = "a secret"
    raise ValueError(message)


async def breaking(*_: object) -> Flow:
    async def chunks(_: Store) -> AsyncGenerator[bytes, None]:
        yield b"one"
        message = "a secret"
        raise ValueError(message)

    return Flow({}, chunks)


def test_what_is_refused_is_a_problem_with_its_status() -> None:
    status, headers, body = answer(refusing, event())
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(b"".join(body))["type"] == "not_found"


def test_a_defect_is_answered_and_logged_without_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        status, _, body = answer(broken, event())
        said = b"".join(body).decode()
    assert (status, json.loads(said)["type"]) == (500, "internal")
    assert "secret" not in said + caplog.text


def test_a_defect_in_the_middle_is_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever sends the chunks has to cut the answer off, so that it does not look whole."""
    body = answer(breaking, event()).body
    assert next(body) == b"one"
    with caplog.at_level(logging.INFO), pytest.raises(ValueError, match="secret"):
        next(body)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "secret" not in caplog.text


def test_without_a_user_nothing_is_told() -> None:
    given = event()
    del given["requestContext"]["authorizer"]
    assert answer(refusing, given).status == 401
