"""API Gateway in the simulation: an HTTP request as a function's event, and what it answers as a response.

Both go through the local server's own code for payload format 2.0. In between the function runs as a process
of the world, so every commit and answer is checked as those of all other clients are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from werkzeug import Request as WsgiRequest
from werkzeug.test import EnvironBuilder

from infra.local.gateway import route_map
from infra.local.payload import event_of, response_of
from tests.simulation.requests import FUNCTIONS, Reply, Request
from turnlog.errors import TurnlogError
from turnlog.http.answers import Answer, problem, respond
from turnlog.http.events import parse

if TYPE_CHECKING:
    from turnlog.http.events import Call

URL = "http://turnlog.invalid"
_ROUTES = route_map()
_KINDS = {f"functions.{name}.handler": kind for kind, name in FUNCTIONS.items()}
# Among the query's parameters; the others are numbers and flags, and of messages `after` is one as well.
_TEXTS = {"cursor", "format", "body_file"}


def request_of(sent: httpx.Request) -> Request:
    """What a program sent, as the simulation has requests."""
    target = sent.url.raw_path.decode()
    environ = EnvironBuilder(
        target, URL, method=sent.method, headers=sent.headers.multi_items(), data=sent.content
    ).get_environ()
    route, path = _ROUTES.bind_to_environ(environ).match()
    event = event_of(WsgiRequest(environ), route, path)
    call = parse(event, "-")
    kind = _KINDS[route.function.handler]
    return Request(
        kind,
        call.user_id,
        call.path_session_id or "",
        _body(kind, call),
        {
            name: value if name in _TEXTS or kind == "read_events" else json.loads(value)
            for name, value in call.query.items()
        },
        {name: call.headers[name] for name in ("if-match", "if-none-match") if name in call.headers},
        name=call.path_name or "",
        file_id=call.path_file_id or "",
        stream_id=call.path_stream_id or "",
        sequence=None if call.path_sequence is None else call.sequence,
        event=event,
    )


def response_to(request: Request, reply: Reply) -> httpx.Response:
    """The response that a function's reply becomes."""
    answered = respond(parse(request.event or {}, "-"), Answer(reply.status, reply.raw, reply.headers))
    response = response_of(answered)
    return httpx.Response(response.status_code, headers=list(response.headers), content=response.get_data())


def own_responses(status: int) -> list[httpx.Response]:
    """The gateway's own response, that of what stands before it, and of a function with a defect."""
    responses = [
        httpx.Response(status, json={"message": httpx.codes.get_reason_phrase(status)}),
        httpx.Response(status, html=f"<html><h1>{status}</h1></html>"),
    ]
    defect = problem(TurnlogError("The request failed."))
    if status == defect.status:
        responses.append(httpx.Response(status, headers=defect.headers, content=defect.body))
    return responses


def _body(kind: str, call: Call) -> dict[str, Any]:
    if kind == "import_transcript":
        return {"text": call.raw_body}
    body: dict[str, Any] = json.loads(call.raw_body or "{}")
    return body
