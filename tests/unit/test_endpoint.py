"""What an endpoint answers, and logs, when its operation fails."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.lambdas import Context
from turnlog.coroutines import run
from turnlog.drivers.blocking import BotoTable, SystemClock, forget, store_on
from turnlog.errors import NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.http.endpoints import load
from turnlog.http.routes import ROUTES
from turnlog.settings import Settings, settings

if TYPE_CHECKING:
    from turnlog.store.store import Store

EVENT = {"requestContext": {"requestId": "the-request"}}


def answer(operation: Any) -> Any:
    """What a function with this operation answers; its table is asked for nothing."""
    handler = endpoint(answers={200: ""}, errors=(NotFound,), public=True)(operation)
    configured = Settings("t", "", 60, None, transcripts=True, bucket="")
    store = store_on(BotoTable("t", None), None, SystemClock(time.monotonic() + 9), configured, None)
    return run(handler.respond(store, EVENT, ""))


async def broken(*_: object) -> Answer:
    message = "a secret"
    raise ValueError(message)


async def refusing(*_: object) -> Answer:
    raise NotFound("There is none.")


def test_a_defect_is_answered_and_logged_without_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    """Its message may hold what a user said; its kind and its place are told, to the operator alone."""
    with caplog.at_level(logging.INFO):
        reply = answer(broken)
    assert (reply["statusCode"], json.loads(reply["body"])["type"]) == (500, "internal")
    assert "ValueError" not in reply["body"]
    told, line = (vars(record) for record in caplog.records)
    assert (told["levelname"], told["error"], told["request_id"]) == ("ERROR", "ValueError", "the-request")
    assert any("test_endpoint.py" in place for place in told["where"])
    assert line["status"] == 500
    assert "secret" not in f"{reply}{told}{line}"


def test_a_refusal_is_logged_as_an_answer_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        reply = answer(refusing)
    assert reply["statusCode"] == 404
    assert [(record.levelname, vars(record)["status"]) for record in caplog.records] == [("INFO", 404)]


@pytest.mark.parametrize("operation", ROUTES)
def test_logs_and_metrics_name_an_operation_as_its_route_does(operation: str) -> None:
    assert load(operation).name == operation


def test_a_function_knows_how_much_time_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda tells it in milliseconds; who took them for seconds would be ended in the middle of a try."""
    for name in ("TURNLOG_TABLE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("TURNLOG_CACHE_URL", raising=False)
    left: list[float] = []

    async def looking(store: Store, _: object) -> Answer:
        left.append(store.clock.remaining())
        return Answer(204)

    settings.cache_clear()
    forget()
    try:
        context = Context("Function", 512, time.monotonic() + 20)
        endpoint(answers={204: ""}, public=True)(looking)(EVENT, context)
    finally:
        settings.cache_clear()
        forget()
    assert 0 < left[0] <= 20
