"""The local server: API Gateway, Lambda, DynamoDB and its stream as the functions know them from AWS."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.server import LocalServer, running
from infra.template import routes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 60.0  # seconds after which something that should come is taken not to come


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(
    url: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """One request, its path sent as it is given."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


class Stand(NamedTuple):
    """A server with stub functions.

    Attributes:
        server: where things are.
        answers: by module, what a function does in place of answering with its event.
        streamed: the events that purge_session took.
    """

    server: LocalServer
    answers: dict[str, Callable[[Any, Any], Any]]
    streamed: Queue[dict[str, Any]]

    def __call__(self, *given: Any, **more: Any) -> Answer:
        return request(self.server.url, *given, **more)

    def dynamodb(self) -> Any:
        return boto3.client("dynamodb", endpoint_url=self.server.dynamodb_url)


def environment() -> dict[str, str]:
    """What this process's environment says to its programs; pytest notes the current test there."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.fixture(scope="module")
def shared_stand() -> Iterator[Stand]:
    answers: dict[str, Callable[[Any, Any], Any]] = {}
    streamed: Queue[dict[str, Any]] = Queue()

    def load(path: str) -> Callable[[Any, Any], Any]:
        module = path.split(".")[1]

        def handler(event: Any, context: Any) -> Any:
            if module in answers:
                return answers[module](event, context)
            if module == "purge_session":
                streamed.put(event)
                return {"batchItemFailures": []}
            return {"module": module, "event": event}

        return handler

    before = environment()
    with running(cache_url="", load=load) as server:
        yield Stand(server, answers, streamed)
    assert environment() == before


@pytest.fixture
def stand(shared_stand: Stand) -> Iterator[Stand]:
    yield shared_stand
    shared_stand.answers.clear()


# API Gateway


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.method} {route.path}")
def test_each_route_reaches_its_function(stand: Stand, route: Any) -> None:
    answer = stand(route.method, route.path.replace("{session_id}", "s-1"))
    assert answer.status == 200
    assert f"functions.{answer.json['module']}.handler" == route.function.handler
    assert answer.json["event"]["routeKey"] == f"{route.method} {route.path}"
    assert answer.headers["Apigw-Requestid"] == answer.json["event"]["requestContext"]["requestId"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
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
    answer = stand(method, path)
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    if method != "HEAD":
        assert answer.json["type"] == "not_found"


def test_a_path_parameter_arrives_decoded(stand: Stand) -> None:
    event = stand("GET", "/sessions/a%23b%20%C3%BC").json["event"]
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
    context = stand("GET", "/sessions", headers={"Authorization": "Bearer alice"}).json["event"]
    assert context["requestContext"]["authorizer"]["jwt"]["claims"] == {"sub": "alice"}


def test_a_function_that_raises_tells_the_client_nothing(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_event: Any, _context: Any) -> Any:
        raise LookupError("the secret reason")

    stand.answers["get_session"] = fail
    answer = stand("GET", "/sessions/s1")
    assert answer.status == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == "internal"
    assert b"secret" not in answer.body
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
    assert answer.json["type"] == "too_large"


# Lambda


def test_the_context_is_lambdas(stand: Stand) -> None:
    stand.answers["purge_session"] = lambda _event, context: {
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "id": len(context.aws_request_id),
        "in time": 29_000 < context.get_remaining_time_in_millis() <= 300_000,
    }
    answer = stand("POST", "/2015-03-31/functions/PurgeSessionFunction/invocations", b"{}").json
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
    assert (answer.status, answer.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert answer.json["errorType"] == "KeyError"


def test_invoke_of_what_is_not_there(stand: Stand) -> None:
    client = boto3.client("lambda", endpoint_url=stand.server.url)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="NoSuchFunction")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke(FunctionName="GetSessionFunction", Payload=b"not JSON")
    client.close()


# The pages


def test_docs_need_no_network(stand: Stand) -> None:
    page = stand("GET", "/docs").body.decode()
    assert "://" not in page
    for path in ("/docs/swagger-ui.min.css", "/docs/swagger-ui-bundle.min.js", "/openapi.json"):
        assert path in page
        assert stand("GET", path).status == 200


# DynamoDB


def write(stand: Stand, key: str, *, expect: int | None) -> dict[str, Any]:
    """A part of a transaction: put the item with `n` one higher, if `n` is as expected (None: absent)."""
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(PK)"}
    if expect is not None:
        condition = {
            "ConditionExpression": "n = :n",
            "ExpressionAttributeValues": {":n": {"N": str(expect)}},
        }
    item = {"PK": {"S": key}, "SK": {"S": "X"}, "n": {"N": str((expect or 0) + 1)}}
    return {
        "Put": {
            "TableName": stand.server.table,
            "Item": item,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **condition,
        }
    }


def test_a_transaction_that_fails_leaves_nothing(stand: Stand) -> None:
    client = stand.dynamodb()
    table = stand.server.table
    client.transact_write_items(TransactItems=[write(stand, "old", expect=None)])
    update = {
        "TableName": table,
        "Key": {"PK": {"S": "counter"}, "SK": {"S": "X"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    client.update_item(**update)
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            client.transact_write_items(
                TransactItems=[
                    {"Update": update},
                    write(stand, "new", expect=None),
                    write(stand, "old", expect=7),
                ]
            )
    reasons = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "None", "ConditionalCheckFailed"]
    assert reasons[2]["Item"] == {"PK": {"S": "old"}, "SK": {"S": "X"}, "n": {"N": "1"}}

    def stored(key: str) -> Any:
        return client.get_item(TableName=table, Key={"PK": {"S": key}, "SK": {"S": "X"}}).get("Item")

    assert stored("counter")["n"] == {"N": "1"}
    assert stored("new") is None
    assert stored("old")["n"] == {"N": "1"}
    # Nor does the stream tell of it: here it would be the purge's business.
    tombstone = {"Put": {"TableName": table, "Item": {"PK": {"S": "old"}, "SK": {"S": "EXPIRY"}}}}
    removal = {"Delete": {"TableName": table, "Key": tombstone["Put"]["Item"]}}
    client.put_item(**tombstone["Put"])
    with pytest.raises(ClientError):
        client.transact_write_items(TransactItems=[removal, write(stand, "old", expect=7)])
    client.transact_write_items(TransactItems=[removal])
    assert len(stand.streamed.get(timeout=PATIENCE)["Records"]) == 1
    client.close()


def test_a_refused_update_brings_the_item_back(stand: Stand) -> None:
    client = stand.dynamodb()
    item = {"PK": {"S": "refused"}, "SK": {"S": "X"}, "b": {"B": b"\x00\xff"}}
    client.put_item(TableName=stand.server.table, Item=item)
    with pytest.raises(ClientError) as refused:
        client.update_item(
            TableName=stand.server.table,
            Key={"PK": {"S": "refused"}, "SK": {"S": "X"}},
            UpdateExpression="SET c = :c",
            ConditionExpression="attribute_exists(c)",
            ExpressionAttributeValues={":c": {"N": "1"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Item"] == item
    client.close()


def test_parallel_transactions_lose_nothing(stand: Stand) -> None:
    """Without the one call at a time, a transaction that fails takes back what another one has done."""
    client = stand.dynamodb()
    count = {
        "Update": {
            "TableName": stand.server.table,
            "Key": {"PK": {"S": "sum"}, "SK": {"S": "X"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }

    def add(writer: int) -> None:
        for number in range(8):
            # Large, so that it takes long enough to be met by another.
            writes = [write(stand, f"{writer}/{number}/{part}", expect=None) for part in range(25)]
            client.transact_write_items(TransactItems=[count, *writes])
            with pytest.raises(client.exceptions.TransactionCanceledException):
                client.transact_write_items(TransactItems=[count, *writes])

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(add, range(8)))
    total = client.get_item(TableName=stand.server.table, Key={"PK": {"S": "sum"}, "SK": {"S": "X"}})
    assert total["Item"]["n"] == {"N": "64"}
    client.close()


# The stream


def bury(stand: Stand, session: str) -> None:
    """Make a head into a tombstone."""
    key = {"PK": {"S": session}, "SK": {"S": "HEAD"}}
    client = stand.dynamodb()
    client.put_item(TableName=stand.server.table, Item={**key, "blob": {"B": b"\x00\xff"}})
    client.update_item(
        TableName=stand.server.table,
        Key=key,
        UpdateExpression="SET deleted_at = :at",
        ExpressionAttributeValues={":at": {"S": "2026-11-23T00:00:00Z"}},
    )
    client.close()


def test_a_deleted_session_comes_to_the_purge_as_lambda_would_have_it(stand: Stand) -> None:
    bury(stand, "buried")
    (record,) = stand.streamed.get(timeout=PATIENCE)["Records"]
    change = record["dynamodb"]
    assert record["eventName"] == "MODIFY"
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventSourceARN"].startswith("arn:aws:dynamodb:")
    assert change["Keys"] == {"PK": {"S": "buried"}, "SK": {"S": "HEAD"}}
    assert change["OldImage"]["blob"] == change["NewImage"]["blob"] == {"B": "AP8="}
    assert change["NewImage"]["deleted_at"] == {"S": "2026-11-23T00:00:00Z"}
    assert change["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert change["SequenceNumber"].isdecimal()
    assert isinstance(change["ApproximateCreationDateTime"], float)


def test_the_purge_is_called_again_until_it_is_done(stand: Stand) -> None:
    calls: Queue[str] = Queue()

    def purge(event: Any, _context: Any) -> Any:
        (record,) = event["Records"]
        calls.put(record["dynamodb"]["Keys"]["PK"]["S"])
        match calls.qsize():
            case 1:
                raise TimeoutError
            case 2:
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
            case 3:
                return {"batchItemFailures": [{"itemIdentifier": ""}]}
        done.put(True)
        return {"batchItemFailures": []}

    done: Queue[bool] = Queue()
    stand.answers["purge_session"] = purge
    bury(stand, "again")
    assert done.get(timeout=PATIENCE)
    assert [calls.get() for _ in range(calls.qsize())] == ["again"] * 4


def test_what_has_expired_is_deleted(stand: Stand) -> None:
    client = stand.dynamodb()
    calls: Queue[list[str]] = Queue()
    written = Event()

    def purge(event: Any, _context: Any) -> None:
        calls.put([record["dynamodb"]["Keys"]["PK"]["S"] for record in event["Records"]])
        assert written.wait(PATIENCE)

    def put(session: str, ends: int) -> None:
        item = {"PK": {"S": session}, "SK": {"S": "EXPIRY"}, "expires_at": {"N": str(ends)}}
        client.put_item(TableName=stand.server.table, Item=item)

    # While the purge is busy nobody reads on, so all of these are found together.
    stand.answers["purge_session"] = purge
    bury(stand, "busy")
    assert calls.get(timeout=PATIENCE) == ["busy"]
    now = int(time.time())
    put("lives", now + 3600)
    put("put off", now - 60)
    put("put off", now + 3600)
    put("expired", now - 60)
    written.set()
    assert calls.get(timeout=PATIENCE) == ["expired"]
    client.close()


# The whole, as a process


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
        assert (health.status, health.json["status"]) == (200, "ok")
        process.send_signal(how)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert "Traceback" not in errors
    parts = [urlsplit(word.rstrip(",")) for word in greeting.split() if "://127.0.0.1:" in word]
    for port in {part.port for part in parts}:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0))


def test_a_port_that_is_taken_is_said(stand: Stand) -> None:
    port = urlsplit(stand.server.url).port
    given = {"PATH": os.environ["PATH"], "PORT": str(port), "TURNLOG_CACHE_URL": ""}
    given["AWS_ENDPOINT_URL_DYNAMODB"] = stand.server.dynamodb_url
    found = subprocess.run(
        [sys.executable, "-m", "infra.local"], env=given, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert f"Port {port} is in use" in found.stderr
    assert "Traceback" not in found.stderr
