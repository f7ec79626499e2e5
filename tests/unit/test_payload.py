"""API Gateway's payload format 2.0, against what its documentation and recordings of it show."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from werkzeug import Request
from werkzeug.test import EnvironBuilder

from infra.local.payload import event_of, response_of
from infra.template import routes

APPEND = next(route for route in routes() if route.path == "/sessions/{session_id}/messages")
HEALTH = next(route for route in routes() if route.path == "/health")


def event(route: Any = APPEND, **request: Any) -> dict[str, Any]:
    request = {"path": "/sessions/s1/messages", "method": "POST"} | request
    return event_of(Request(EnvironBuilder(**request).get_environ()), route, {"session_id": "s1"})


def test_a_full_event() -> None:
    found = event(
        path="/sessions/s 1/messages",
        query_string="after=3&tag=a&tag=b%2Cc&empty=",
        headers=[
            ("Authorization", "Bearer alice"),
            ("Cookie", "a=1; b=2"),
            ("X-Tag", "one,two"),
            ("User-Agent", "curl/8"),
        ],
        data=b'{"messages": []}',
        content_type="application/json; charset=utf-8",
        environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
    )
    context = found["requestContext"]
    for name in ("requestId", "time", "timeEpoch"):
        assert context.pop(name)
    assert found == {
        "version": "2.0",
        "routeKey": "POST /sessions/{session_id}/messages",
        "rawPath": "/sessions/s 1/messages",
        "rawQueryString": "after=3&tag=a&tag=b%2Cc&empty=",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "authorization": "Bearer alice",
            "content-length": "16",
            "content-type": "application/json; charset=utf-8",
            "host": "localhost",
            "user-agent": "curl/8",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "80",
            "x-forwarded-proto": "http",
            "x-tag": "one,two",
        },
        "queryStringParameters": {"after": "3", "tag": "a,b,c", "empty": ""},
        "pathParameters": {"session_id": "s1"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": {"jwt": {"claims": {"sub": "alice"}, "scopes": None}},
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": "POST",
                "path": "/sessions/s 1/messages",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "routeKey": "POST /sessions/{session_id}/messages",
            "stage": "$default",
        },
        "body": '{"messages": []}',
        "isBase64Encoded": False,
    }


def test_keys_with_nothing_to_say_are_absent() -> None:
    found = event(HEALTH, path="/health", method="GET")
    assert {"body", "cookies", "queryStringParameters", "stageVariables"}.isdisjoint(found)
    assert "authorizer" not in found["requestContext"]
    assert found["rawQueryString"] == ""


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YWxpY2U6", "alice"])
def test_no_bearer_no_user(value: str) -> None:
    assert "authorizer" not in event(headers={"Authorization": value})["requestContext"]


def test_a_route_without_authorizer_has_no_claims() -> None:
    assert "authorizer" not in event(HEALTH, headers={"Authorization": "Bearer alice"})["requestContext"]


@pytest.mark.parametrize(
    ("content_type", "data", "headers"),
    [
        pytest.param("application/octet-stream", b"{}", {}, id="another type"),
        pytest.param("application/merge-patch+json", b"{}", {}, id="a type that only ends in JSON"),
        pytest.param(None, b"{}", {}, id="no type"),
        pytest.param("application/json", b"\xff\xfe", {}, id="not UTF-8"),
        pytest.param("application/json", b"{}", {"Content-Encoding": "gzip"}, id="compressed"),
    ],
)
def test_what_may_not_be_text_goes_as_base64(
    content_type: str | None, data: bytes, headers: dict[str, str]
) -> None:
    found = event(content_type=content_type, data=data, headers=headers)
    assert found["isBase64Encoded"] is True
    assert base64.b64decode(found["body"]) == data


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/xml"])
def test_text_goes_as_text(content_type: str) -> None:
    found = event(content_type=content_type, data="Grüße".encode())
    assert (found["isBase64Encoded"], found["body"]) == (False, "Grüße")


def test_a_full_response() -> None:
    response = response_of(
        {
            "statusCode": 201,
            "headers": {"content-type": "application/json", "etag": '"7"'},
            "cookies": ["a=1", "b=2; Secure"],
            "body": '{"title": "Grüße"}',
        }
    )
    assert response.status_code == 201
    assert response.get_data() == '{"title": "Grüße"}'.encode()
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["ETag"] == '"7"'
    assert response.headers.getlist("Set-Cookie") == ["a=1", "b=2; Secure"]


def test_a_body_in_base64() -> None:
    response = response_of({"statusCode": 200, "isBase64Encoded": True, "body": "AP8="})
    assert response.get_data() == b"\x00\xff"


def test_no_body() -> None:
    response = response_of({"statusCode": 204})
    assert (response.status_code, response.get_data()) == (204, b"")
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize(
    ("answer", "body"), [({"message": "hi"}, b'{"message": "hi"}'), ("hi", b"hi"), (None, b"null")]
)
def test_an_answer_without_a_status_is_the_body(answer: Any, body: bytes) -> None:
    response = response_of(answer)
    assert (response.status_code, response.get_data()) == (200, body)
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "two hundred"},
        {"statusCode": None},
        {"statusCode": 200, "isBase64Encoded": True, "body": "no base64"},
        {"statusCode": 200, "body": {"not": "text"}},
    ],
)
def test_an_answer_that_is_not_of_the_format(answer: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        response_of(answer)
