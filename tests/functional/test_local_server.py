"""The local server: API Gateway and Lambda as the functions know them from AWS; and it, as a process."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest

from infra.local.__main__ import _port
from infra.local.access import ThisMachine
from infra.local.errors import CannotStart
from infra.template import routes
from tests.http_client import PATIENCE, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.stand import Stand


# API Gateway


@pytest.mark.thorough
@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.method} {route.path}")
def test_each_route_reaches_its_function(stand: Stand, route: Any) -> None:
    answer = stand(route.method, route.path.replace("{session_id}", "s-1"))
    assert answer.status == 200
    assert answer.body["module"] == route.function.operation
    assert answer.body["event"]["routeKey"] == f"{route.method} {route.path}"
    assert answer.headers["apigw-requestid"] == answer.body["event"]["requestContext"]["requestId"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/sessions/"),
        ("GET", "/sessions//messages"),
        ("GET", "/sessions/a%2Fb"),  # decoded before it is matched, as API Gateway does
        ("DELETE", "/sessions"),
        ("HEAD", "/health"),
        ("OPTIONS", "/sessions"),
        ("POST", "/docs"),
    ],
)
def test_no_such_route(stand: Stand, method: str, path: str) -> None:
    """As API Gateway answers: no client takes it for a session that is not there."""
    answer = stand(method, path)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    if method != "HEAD":
        assert answer.body == {"message": "Not Found"}


def test_a_path_parameter_arrives_decoded(stand: Stand) -> None:
    event = stand("GET", "/sessions/a%23b%20%C3%BC").body["event"]
    assert event["pathParameters"] == {"session_id": "a#b ü"}
    assert event["rawPath"] == "/sessions/a#b ü"


def test_headers_that_repeat_are_joined(stand: Stand) -> None:
    connection = http.client.HTTPConnection(urlsplit(stand.server.url).netloc, timeout=PATIENCE)
    connection.putrequest("GET", "/sessions")
    connection.putheader("X-Tag", "one")
    connection.putheader("X-Tag", "two")
    connection.endheaders()
    assert json.loads(connection.getresponse().read())["event"]["headers"]["x-tag"] == "one,two"
    connection.close()


def test_the_bearer_is_the_user(stand: Stand) -> None:
    context = stand("GET", "/sessions", headers={"Authorization": "Bearer alice"}).body["event"]
    assert context["requestContext"]["authorizer"]["jwt"]["claims"] == {"sub": "alice"}


def test_a_function_that_raises_tells_the_client_nothing(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_event: Any, _context: Any) -> Any:
        raise LookupError("the secret reason")

    stand.answers["get_session"] = fail
    answer = stand("GET", "/sessions/s1")
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["type"] == "internal"
    assert b"secret" not in answer.raw
    assert "LookupError" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"statusCode": 200, "body": "x" * (6 * 1024 * 1024)}, id="over Lambda's 6 MB"),
        pytest.param({"statusCode": 200, "body": b"bytes"}, id="not JSON"),
        pytest.param({"statusCode": 200, "body": "\ud800"}, id="not UTF-8"),
        pytest.param({"statusCode": "many"}, id="no status"),
    ],
)
def test_an_answer_that_lambda_or_the_gateway_refuses(stand: Stand, answer: Any) -> None:
    stand.answers["get_session"] = lambda _event, _context: answer
    assert stand("GET", "/sessions/s1").status == 500


@pytest.mark.parametrize("size", [7 * 1024 * 1024, 11 * 1024 * 1024], ids=["Lambda", "API Gateway"])
def test_a_body_over_the_limit(stand: Stand, size: int) -> None:
    answer = stand("POST", "/sessions", b"x" * size, headers={"Content-Type": "text/plain"})
    assert answer.status == 413
    assert answer.body["type"] == "too_large"


# Lambda


def test_the_context_is_lambdas(stand: Stand) -> None:
    stand.answers["purge_session"] = lambda _event, context: {
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "id": len(context.aws_request_id),
        "in time": 29_000 < context.get_remaining_time_in_millis() <= 300_000,
    }
    answer = stand("POST", "/2015-03-31/functions/PurgeSessionFunction/invocations", b"{}").body
    assert answer == {
        "name": "PurgeSessionFunction",
        "arn": "arn:aws:lambda:local:000000000000:function:PurgeSessionFunction",
        "memory": 512,
        "id": 36,
        "in time": True,
    }


def test_invoke_passes_the_event_as_it_is(stand: Stand) -> None:
    client = boto3.client("lambda", endpoint_url=stand.server.url)
    answer = client.invoke(FunctionName="GetSessionFunction", Payload=json.dumps({"user_id": "alice"}))
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"]) == {"module": "get_session", "event": {"user_id": "alice"}}
    client.close()


def test_invoke_of_a_function_that_raises(stand: Stand) -> None:
    stand.answers["get_session"] = lambda event, _context: event["missing"]
    answer = stand("POST", "/2015-03-31/functions/GetSessionFunction/invocations", b"{}")
    assert (answer.status, answer.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert answer.body["errorType"] == "KeyError"


def test_invoke_of_what_is_not_there(stand: Stand) -> None:
    client = boto3.client("lambda", endpoint_url=stand.server.url)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="NoSuchFunction")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke(FunctionName="GetSessionFunction", Payload=b"not JSON")
    client.close()


# The pages


def test_docs_need_no_network(stand: Stand) -> None:
    page = stand("GET", "/docs").raw.decode()
    assert "://" not in page
    for path in ("/docs/swagger-ui.min.css", "/docs/swagger-ui-bundle.min.js", "/openapi.json"):
        assert path in page
        assert stand("GET", path).status == 200


def test_docs_call_the_server_that_they_come_from(stand: Stand) -> None:
    """Whatever its port and name are. So does a program that reads the document alone."""
    assert 'url: "/openapi.json"' in stand("GET", "/docs").raw.decode()
    url = stand.server.url
    for name in (url, url.replace("127.0.0.1", "localhost")):
        document = stand("GET", "/openapi.json", headers={"Host": urlsplit(name).netloc}).body
        assert document["servers"] == [{"url": name}]


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml,*/*;q=0.8", "*/*"])
def test_the_base_url_leads_on(stand: Stand, accept: str) -> None:
    """For a browser, and for curl: the version, where the API is, and a first call."""
    page = stand("GET", "/", headers={"Accept": accept})
    assert page.status == 200
    assert page.headers["content-type"].split(";")[0] == ("text/html" if "html" in accept else "text/plain")
    text = page.raw.decode()
    assert f"Turnlog {version('turnlog')}" in text
    assert "/docs" in text
    assert f"curl -X POST {stand.server.url}/sessions -H 'Authorization: Bearer alice'" in text


# The whole, as a process


def refused(**given: str) -> str:
    """What it says where it does not start: one line, at once."""
    found = subprocess.run(
        [sys.executable, "-m", "infra.local"],
        # With a table that is not there: who tries to start anything says so.
        env={"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"} | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (found.returncode, found.stdout) == (2, "")
    (line,) = found.stderr.splitlines()
    return line


@pytest.mark.thorough
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_it_starts_with_one_command_and_stops_cleanly(how: signal.Signals) -> None:
    given = {"PATH": os.environ["PATH"], "PORT": "0"}
    with subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        greeting = ""
        while "Ctrl-C" not in greeting:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            greeting += line
        url, *_ = (word.rstrip(",") for word in greeting.split() if word.startswith("http"))
        assert f"curl -X POST {url}/sessions -H 'Authorization: Bearer alice'" in greeting
        health = request(url, "GET", "/health")
        assert (health.status, health.body["status"]) == (200, "ok")
        process.send_signal(how)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert "Traceback" not in errors
    parts = [urlsplit(word.rstrip(",")) for word in greeting.split() if "://127.0.0.1:" in word]
    for port in {part.port for part in parts}:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0))


@pytest.mark.thorough
def test_nothing_outlives_a_server_that_is_killed() -> None:
    """Its table and its cache are processes, which nobody would find."""
    given = {"PATH": os.environ["PATH"], "PORT": "0"}
    with subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        env=given | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        greeting = ""
        while "Ctrl-C" not in greeting:
            greeting += process.stdout.readline()
        process.kill()
    found = [urlsplit(word.rstrip(",")).port for word in greeting.split() if "://127.0.0.1:" in word]
    assert len(set(found)) >= 2
    end = time.monotonic() + PATIENCE
    while left := [port for port in set(found) if answers(port or 0)]:
        assert time.monotonic() < end, left
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether anything listens there."""
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@contextmanager
def started(stand: Stand, **given: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as a process beside the stand's table, and where it is."""
    given |= {"PATH": os.environ["PATH"], "PORT": "0", "TURNLOG_CACHE_URL": ""}
    given |= {"AWS_ENDPOINT_URL_DYNAMODB": stand.server.dynamodb_url}
    with subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline().split()[3].rstrip(",")
        finally:
            process.kill()


@pytest.mark.thorough
def test_other_hosts_of_this_machine_can_be_named(stand: Stand) -> None:
    names = "host.docker.internal, Dev.Example,192.168.1.5,[fd00::5]"
    with started(stand, TURNLOG_LOCAL_HOSTS=names) as (_, url):
        for host in ("host.docker.internal", "dev.example", "192.168.1.5", "[fd00::5]"):
            page = {"Host": f"{host}:3000", "Origin": f"https://{host}"}
            assert request(url, "GET", "/health", headers=page).status == 200
        for header in ({"Host": "sub.dev.example"}, {"Origin": "http://192.168.1.50"}):
            assert request(url, "GET", "/health", headers=header).status == 403


@pytest.mark.thorough
def test_signals_that_come_close_together_stop_it_cleanly(stand: Stand) -> None:
    """As of someone who presses Ctrl-C until it ends: one that interrupts another must not wait for it."""
    with started(stand) as (process, _):
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
        assert process.returncode == 0
        assert "Traceback" not in process.communicate()[1]


@pytest.mark.thorough
def test_a_port_that_is_taken_is_said(stand: Stand) -> None:
    port = urlsplit(stand.server.url).port
    assert refused(PORT=str(port)) == (
        f"Port {port} is in use by another program. Choose another one, such as PORT=3001."
    )


@pytest.mark.thorough
def test_a_port_or_a_host_that_is_none_is_said_before_anything_is_started() -> None:
    assert refused(PORT="abc").startswith("PORT=abc is no port")
    assert refused(PORT="0", TURNLOG_LOCAL_HOSTS="a b").startswith("TURNLOG_LOCAL_HOSTS has 'a b'")


@pytest.mark.parametrize("port", ["abc", "99999", "-1", "3000.0", " ", "٣", "9" * 5000])
def test_a_port_that_is_none_is_said(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(CannotStart) as refused:
        _port()
    assert str(refused.value) == (
        f"PORT={port} is no port: it is a number from 0 (any that is free) to 65535."
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("TURNLOG_CACHE_TTL=abc", "TURNLOG_CACHE_TTL is 'abc'. Set it to a whole number of seconds from 1"),
        ("TURNLOG_CACHE_TTL=0", "TURNLOG_CACHE_TTL is '0'. Set it to a whole number of seconds from 1"),
        (
            "TURNLOG_RETENTION_DAYS=-1",
            "TURNLOG_RETENTION_DAYS is '-1'. Set it to a whole number of days from 1",
        ),
        ("TURNLOG_CACHE_URL=127.0.0.1:6379", "TURNLOG_CACHE_URL cannot be used: a cache's URL begins with"),
        ("TURNLOG_CACHE_URL=redis://h:port/", "TURNLOG_CACHE_URL cannot be used: "),
    ],
)
def test_a_setting_that_cannot_be_used_is_said(setting: str, said: str) -> None:
    name, _, value = setting.partition("=")
    assert refused(PORT="0", **{name: value}).startswith(said)


@pytest.mark.thorough
def test_a_table_that_is_not_there_is_said() -> None:
    said = refused(PORT="0", TURNLOG_CACHE_URL="")
    assert said.startswith("The table at http://127.0.0.1:9 cannot be used: Could not connect")


@pytest.mark.parametrize("host", ["*", "http://dev.example", "dev.example:3000", "[fd00::5]:80", "a b", "/"])
def test_a_host_that_is_none_is_said(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNLOG_LOCAL_HOSTS", f"host.docker.internal,{host}")
    with pytest.raises(CannotStart, match=re.escape(f"TURNLOG_LOCAL_HOSTS has {host!r}, which is no host.")):
        ThisMachine.from_environment()


@pytest.mark.thorough
def test_an_opening_that_is_none_is_said() -> None:
    said = refused(PORT="0", EMBEDDED_OPEN="yes", AWS_ENDPOINT_URL_DYNAMODB="")
    assert said.startswith("EMBEDDED_OPEN=yes is neither 0 nor 1 nor an IPv4 address")
