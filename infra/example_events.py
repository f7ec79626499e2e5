"""The events of `infra/events` that API Gateway would send, made of the direct invokes beside them.

Written by hand: `<operation>.direct.json`, what a trusted caller invokes the function with, and the stream's
`purge_session.json`. `make generate` makes `<operation>.json` of it and of the template; `--check` fails if
one is out of date.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from infra.generated import write_or_check
from infra.template import TEMPLATE, routes, streaming_routes

if TYPE_CHECKING:
    from pathlib import Path

    from infra.template import Route

FOLDER = TEMPLATE.parent / "infra" / "events"


def rendered() -> dict[Path, str]:
    """By file, what is written to it; an operation without a direct invoke has none."""
    found = {}
    for route in routes():
        direct = FOLDER / f"{route.function.operation}.direct.json"
        if direct.exists():
            event = _event(route, json.loads(direct.read_text(encoding="utf-8")))
            found[FOLDER / f"{route.function.operation}.json"] = json.dumps(event, indent=2) + "\n"
    for route in streaming_routes():
        direct = FOLDER / f"{route.function.operation}.direct.json"
        event = _rest_event(route, json.loads(direct.read_text(encoding="utf-8")))
        found[FOLDER / f"{route.function.operation}.json"] = json.dumps(event, indent=2) + "\n"
    return found


def _parameters(route: Route, direct: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(direct[name])
        for name in ("session_id", "name", "sequence", "file_id", "stream_id", "job_id")
        if f"{{{name}" in route.path
    }


def _rest_event(route: Route, direct: dict[str, Any]) -> dict[str, Any]:
    """The event of a REST API, payload format 1.0, as far as Turnlog reads it."""
    parameters = _parameters(route, direct)
    path = route.documented.format(**parameters)
    return {
        "version": "1.0",
        "resource": route.path,
        "path": path,
        "httpMethod": route.method,
        "headers": {
            "Accept": "text/event-stream",
            "Authorization": "Bearer the.token.itself",
            "Host": "api.example.com",
            "Origin": "https://chat.example.com",
        },
        "queryStringParameters": None,
        "pathParameters": parameters,
        "stageVariables": {"CorsOrigins": "https://chat.example.com"},
        "requestContext": {
            "authorizer": {"claims": {"aud": "turnlog", "sub": direct["user_id"]}},
            "httpMethod": route.method,
            "path": f"/live{path}",
            "requestId": "request-1",
            "resourcePath": route.path,
            "stage": "live",
        },
        "body": None,
        "isBase64Encoded": False,
    }


def _event(route: Route, direct: dict[str, Any]) -> dict[str, Any]:
    parameters = _parameters(route, direct)
    path = route.documented.format(**parameters)
    query = {name: str(value) for name, value in direct.get("query", {}).items()}
    headers = {
        "accept": "application/json",
        "host": "api.example.com",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    context: dict[str, Any] = {
        "accountId": "000000000000",
        "apiId": "api",
        "domainName": "api.example.com",
        "domainPrefix": "api",
    }
    if route.authorized:
        headers["authorization"] = "Bearer the.token.itself"
        claims = {"aud": "turnlog", "iss": "https://issuer.example.com/", "sub": direct["user_id"]}
        context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    key = f"{route.method} {route.path}"
    context |= {
        "http": {
            "method": route.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "example",
        },
        "requestId": "request-1",
        "routeKey": key,
        "stage": "$default",
        "time": "23/Nov/2026:08:00:00 +0000",
        "timeEpoch": 1795420800000,
    }
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "headers": headers | direct.get("headers", {}) | _type(direct),
        **({"queryStringParameters": query} if query else {}),
        "requestContext": context,
        **({"pathParameters": parameters} if parameters else {}),
        **_body(direct),
    }


def _type(direct: dict[str, Any]) -> dict[str, str]:
    """JSON lines are given as a text."""
    if "body" not in direct:
        return {}
    return {"content-type": f"application/{'jsonl' if isinstance(direct['body'], str) else 'json'}"}


def _body(direct: dict[str, Any]) -> dict[str, Any]:
    """API Gateway encodes what is not of the few types that it takes for text."""
    match direct.get("body"):
        case None:
            return {"isBase64Encoded": False}
        case str(lines):
            return {"body": base64.b64encode(lines.encode()).decode(), "isBase64Encoded": True}
        case body:
            return {"body": json.dumps(body), "isBase64Encoded": False}


if __name__ == "__main__":
    sys.exit(write_or_check(rendered()))
