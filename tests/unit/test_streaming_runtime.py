"""Lambda's runtime loop for answers that come bit by bit, against a Runtime API that looks at every chunk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.ports import free_port
from tests.http_client import PATIENCE
from tests.runtime_api import runtime_api
from turnlog.http.streaming_runtime import serve_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.runtime_api import RuntimeApi

ROOT = Path(__file__).parent.parent.parent
PRELUDE = b'{"statusCode": 200, "headers": {"content-type": "text/event-stream"}}' + b"\0" * 8
HEADERS = {"content-type": "text/event-stream"}


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with runtime_api() as api:
        yield api


def serving(api: RuntimeApi, handler: Callable[[Any, Any], Any], events: int = 1) -> Thread:
    """A loop that answers so many events."""

    def serve() -> None:
        for _ in range(events):
            serve_one(api.address, handler)

    thread = Thread(target=serve)
    thread.start()
    return thread


class Body:
    """A body whose chunks the test makes; an exception among them is raised."""

    def __init__(self) -> None:
        self.made: Queue[bytes | Exception | None] = Queue()
        self.closed = False

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> bytes:
        chunk = self.made.get(timeout=PATIENCE)
        if isinstance(chunk, Exception):
            raise chunk
        if chunk is None:
            raise StopIteration
        return chunk

    def close(self) -> None:
        self.closed = True


def test_chunks_arrive_one_by_one(api: RuntimeApi) -> None:
    body = Body()
    loop = serving(api, lambda _, __: (200, HEADERS, body))
    api.give({})
    posted = api.posted()
    assert posted.path == "/invocation/request-1/response"
    assert posted.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert posted.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert posted.chunk() == PRELUDE
    for text in (b"one", b"two", b"three"):
        # The next one is made when the one before has arrived.
        body.made.put(text)
        assert posted.chunk() == text
    body.made.put(None)
    assert posted.chunk() is None
    loop.join(PATIENCE)
    assert body.closed
    assert "lambda-runtime-function-error-type" not in posted.headers


def test_an_empty_chunk_does_not_end_the_body(api: RuntimeApi) -> None:
    loop = serving(api, lambda _, __: (200, HEADERS, iter([b"", b"a", b"", b"b"])))
    api.give({})
    assert api.posted().body() == PRELUDE + b"ab"
    loop.join(PATIENCE)


def test_the_handler_gets_the_event_and_its_deadline(
    api: RuntimeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "")

    def handler(event: Any, context: Any) -> Any:
        assert context.get_remaining_time_in_millis() > 10**6
        return {"event": event, "request": context.aws_request_id, "trace": os.environ["_X_AMZN_TRACE_ID"]}

    loop = serving(api, handler)
    api.give({"a": "é"}, "request-9")
    posted = api.posted()
    assert posted.path == "/invocation/request-9/response"
    assert "lambda-runtime-function-response-mode" not in posted.headers
    assert json.loads(posted.body()) == {"event": {"a": "é"}, "request": "request-9", "trace": "Root=1"}
    loop.join(PATIENCE)


def test_bytes_are_passed_on_as_they_are(api: RuntimeApi) -> None:
    loop = serving(api, lambda _, __: b'{"status":200}')
    api.give({})
    assert api.posted().body() == b'{"status":200}'
    loop.join(PATIENCE)


def test_what_the_handler_raises_is_the_invocations_error(
    api: RuntimeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    def handler(event: Any, _: Any) -> Any:
        if event:
            return b"{}"
        message = "a secret"
        raise ValueError(message)

    loop = serving(api, handler, events=2)
    api.give({}, "request-1")
    failed = api.posted()
    assert failed.path == "/invocation/request-1/error"
    assert failed.headers["lambda-runtime-function-error-type"] == "Handler.ValueError"
    said = failed.body().decode()
    assert json.loads(said)["errorType"] == "ValueError"
    api.give({"next": "one"}, "request-2")
    assert api.posted().path == "/invocation/request-2/response"
    loop.join(PATIENCE)
    logged = capfd.readouterr().err
    assert "test_streaming_runtime.py" in logged
    # What a user wrote may be in its text.
    assert "secret" not in said + logged


def test_what_the_body_raises_goes_into_the_trailers(api: RuntimeApi) -> None:
    body = Body()
    loop = serving(api, lambda _, __: (200, HEADERS, body))
    api.give({})
    posted = api.posted()
    body.made.put(b"one")
    assert (posted.chunk(), posted.chunk()) == (PRELUDE, b"one")
    body.made.put(ValueError("a secret"))
    assert posted.chunk() is None
    assert posted.headers["lambda-runtime-function-error-type"] == "Handler.ValueError"
    described = json.loads(b64decode(posted.headers["lambda-runtime-function-error-body"]))
    assert described["errorType"] == "ValueError"
    assert "secret" not in str(described)
    loop.join(PATIENCE)
    assert body.closed


def test_a_client_that_has_gone_ends_its_answer_and_no_other(api: RuntimeApi) -> None:
    body = Body()
    api.cut_after = 1

    def handler(event: Any, _: Any) -> Any:
        return b"{}" if event else (200, HEADERS, body)

    loop = serving(api, handler, events=2)
    api.give({})
    assert api.posted().chunk() == PRELUDE
    for _ in range(1000):
        body.made.put(b"x" * 100_000)
    api.give({"next": "one"}, "request-2")
    assert api.posted().path == "/invocation/request-2/response"
    loop.join(PATIENCE)
    assert body.closed
    assert not body.made.empty()


def test_an_answer_that_is_refused_is_logged(api: RuntimeApi, capfd: pytest.CaptureFixture[str]) -> None:
    api.status = 413
    loop = serving(api, lambda _, __: b"{}", events=2)
    for request in ("request-1", "request-2"):
        api.give({}, request)
        assert api.posted().path == f"/invocation/{request}/response"
    loop.join(PATIENCE)
    assert "413" in capfd.readouterr().err


def run(handler: str, api: str) -> subprocess.Popen[str]:
    """The wrapper, as Lambda starts it: with the command of its own runtime."""
    return subprocess.Popen(
        [ROOT / "functions" / "streaming.sh", sys.executable, "/var/runtime/bootstrap.py"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "shared"),
            "LAMBDA_TASK_ROOT": str(ROOT),
            "AWS_LAMBDA_RUNTIME_API": api,
            "_HANDLER": handler,
            "AWS_DEFAULT_REGION": "us-east-1",
            "TURNLOG_TABLE": "none",
            "TURNLOG_CACHE_URL": "",
        },
        cwd="/",
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_wrapper_starts_the_loop_with_the_function(api: RuntimeApi) -> None:
    with run("functions.follow_stream.handler", api.address) as process:
        api.give({"requestContext": {"requestId": "r"}, "httpMethod": "GET", "headers": None})
        posted = api.posted()
        prelude, _, body = posted.body().partition(b"\0" * 8)
        assert json.loads(prelude)["statusCode"] == 401
        assert json.loads(body)["type"] == "unauthenticated"
        api.give({"session_id": "s", "stream_id": "t"}, "request-2")
        assert json.loads(api.posted().body())["status"] == 401
        process.terminate()


def test_a_handler_that_cannot_be_imported_is_an_error_of_initialisation(api: RuntimeApi) -> None:
    with run("functions.nothing.handler", api.address) as process:
        posted = api.posted()
        assert posted.path == "/init/error"
        assert posted.headers["lambda-runtime-function-error-type"] == "Handler.ModuleNotFoundError"
        assert json.loads(posted.body())["errorType"] == "ModuleNotFoundError"
        assert process.wait(PATIENCE) == 1


def test_without_a_runtime_api_the_process_ends() -> None:
    with run("functions.follow_stream.handler", f"127.0.0.1:{free_port()}") as process:
        assert process.wait(PATIENCE) != 0
