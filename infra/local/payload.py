"""API Gateway's payload format 2.0: an HTTP request as a Lambda event, and a Lambda's answer as a response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

What that page leaves open follows what others recorded of the real one: the path is given decoded, `rawPath`
too; a body is text only for the few content types below; keys with nothing to say are absent.
"""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from werkzeug import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug import Request

    from infra.template import Route
    from turnlog.errors import TurnlogError

TEXT_TYPES = {"application/json", "application/xml", "application/javascript"}  # and text/*


class Refusal(Exception):
    """A refusal of the local server's own.

    It is no `TurnlogError`, since the client takes every kind of those for one that the API may answer.
    """

    status: int
    code: str
    title: str

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def event_of(request: Request, route: Route, path_parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event for a request that `route` matched.

    Whoever sends `Authorization: Bearer alice` is the user alice: the claim `sub` of a token that nobody
    checked. This is the one thing in which the stand-in must not be like the original.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers |= {
        "x-forwarded-for": request.remote_addr or "",
        "x-forwarded-port": request.environ["SERVER_PORT"],
        "x-forwarded-proto": "http",
    }
    cookies = [cookie.strip() for cookie in headers.pop("cookie", "").split(";") if cookie.strip()]
    query = {name: ",".join(values) for name, values in request.args.lists()}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{route.method} {route.path}",
        "rawPath": request.path,
        "rawQueryString": request.query_string.decode("latin-1"),
        "headers": headers,
        "requestContext": _context_of(request, route),
        "isBase64Encoded": False,
    }
    optional = {"cookies": cookies, "queryStringParameters": query, "pathParameters": dict(path_parameters)}
    event |= {key: value for key, value in optional.items() if value}
    if body := request.get_data():
        text = _text_of(request, body)
        event["isBase64Encoded"] = text is None
        event["body"] = base64.b64encode(body).decode("ascii") if text is None else text
    return event


def rest_event_of(request: Request, route: Route, path_parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event of a REST API, payload format 1.0, for a request that `route` matched.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    headers = {name: value for name, value in request.headers.items() if name.lower() != "cookie"}
    query = dict(request.args.lists())
    raw = quote(request.path, safe="/")
    event = {
        "version": "1.0",
        "resource": route.path,
        "path": raw,
        "httpMethod": route.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        # Not decoded, as the path is not.
        "pathParameters": {name: quote(value, safe="") for name, value in path_parameters.items()} or None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    now = time.time()
    context: dict[str, Any] = {
        **_anywhere(request),
        "httpMethod": route.method,
        "identity": {
            "sourceIp": request.remote_addr or "",
            "userAgent": request.headers.get("User-Agent", ""),
        },
        "path": raw,
        "protocol": request.environ["SERVER_PROTOCOL"],
        "requestTime": _clf(now),
        "requestTimeEpoch": int(now * 1000),
        "resourcePath": route.path,
        "stage": "live",
    }
    if (user := _bearer(request)) and route.authorized:
        context["authorizer"] = {"claims": {"sub": user}}
    return {**event, "requestContext": context}


def response_of(answer: Any) -> Response:
    """The HTTP response for what a handler returned.

    Raises:
        TypeError, ValueError: the answer is not of the format; API Gateway answers 500 then.
    """
    if not (isinstance(answer, dict) and "statusCode" in answer):
        # No status: the answer is the body.
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Response(text, content_type="application/json")
    body = answer.get("body") or ""
    if not isinstance(body, str):
        raise TypeError("the body is not text")
    data = base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
    response = Response(data, status=int(answer["statusCode"]), content_type="text/plain;charset=UTF-8")
    if not data:
        del response.headers["Content-Type"]
    for name, value in (answer.get("headers") or {}).items():
        response.headers[name] = str(value)
    for cookie in answer.get("cookies") or ():
        response.headers.add("Set-Cookie", cookie)
    return response


def problem(error: TurnlogError | Refusal, **more: str) -> Response:
    """RFC 9457, as the functions answer it, for what happens before or around them.

    Args:
        error: what happened.
        more: further members of the document.
    """
    document = {"type": error.code, "title": error.title, "status": error.status, "detail": error.detail}
    return Response(json.dumps(document | more), error.status, content_type="application/problem+json")


def _context_of(request: Request, route: Route) -> dict[str, Any]:
    now = time.time()
    context: dict[str, Any] = {
        **_anywhere(request),
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.environ["SERVER_PROTOCOL"],
            "sourceIp": request.remote_addr or "",
            "userAgent": request.headers.get("User-Agent", ""),
        },
        "routeKey": f"{route.method} {route.path}",
        "stage": "$default",
        "time": _clf(now),
        "timeEpoch": int(now * 1000),
    }
    if (user := _bearer(request)) and route.authorized:
        context["authorizer"] = {"jwt": {"claims": {"sub": user}, "scopes": None}}
    return context


def _anywhere(request: Request) -> dict[str, Any]:
    """What either format says of a request."""
    return {
        "accountId": "000000000000",
        "apiId": "local",
        "domainName": request.host,
        "domainPrefix": request.host.partition(".")[0],
        "requestId": str(uuid4()),
    }


def _clf(now: float) -> str:
    """A time as the Common Log Format has it."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now))


def _bearer(request: Request) -> str | None:
    """Who sends the request, as the text behind `Bearer` has it."""
    scheme, _, user = request.headers.get("Authorization", "").partition(" ")
    return user.strip() or None if scheme.lower() == "bearer" else None


def _text_of(request: Request, body: bytes) -> str | None:
    """The body as text, or None where it goes as base64."""
    is_text = request.mimetype.startswith("text/") or request.mimetype in TEXT_TYPES
    if not is_text or request.content_encoding:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
