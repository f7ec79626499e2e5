"""API Gateway's stand-in, as a WSGI application: routes of `template.yaml`, payload format 2.0.

Beside it Lambda's own Invoke API, so that `aws lambda invoke --endpoint-url` works, and the API's page.
"""

from __future__ import annotations

import json
import logging
import re
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, Rule

from infra.local.lambdas import EventTooLargeError
from infra.local.payload import event_of, response_of
from infra.template import TEMPLATE, routes
from shared.errors import NotFound, TooLarge, TurnlogError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from infra.local.lambdas import Lambdas
    from infra.template import Route

logger = logging.getLogger(__name__)

REQUEST_LIMIT = 10 * 1024 * 1024  # bytes of body that API Gateway takes
OPENAPI = TEMPLATE.parent / "infra" / "openapi.json"
# Powertools carries Swagger UI's two files; its own page around them is made for its own router.
SWAGGER_UI = files("aws_lambda_powertools") / "event_handler" / "openapi" / "swagger_ui"
DOCS = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Turnlog's API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.min.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.min.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", persistAuthorization: true})</script>
</html>
"""


class _Greedy(BaseConverter):
    """A parameter `{name+}`: the rest of the path, slashes and all."""

    regex = r"[\s\S]+"
    part_isolating = False


class Gateway:
    """The WSGI application in front of the functions."""

    def __init__(self, lambdas: Lambdas) -> None:
        self._lambdas = lambdas
        # Two slashes are not one here, nor is a slash at the end nothing: API Gateway takes a path as it is.
        self._routes = Map(
            [Rule(_rule(route.path), methods=[route.method], endpoint=route) for route in routes()],
            merge_slashes=False,
            converters={"greedy": _Greedy},
        )
        self._pages = {
            ("GET", "/docs"): _docs,
            ("GET", "/docs/swagger-ui.min.css"): _swagger_css,
            ("GET", "/docs/swagger-ui-bundle.min.js"): _swagger_js,
            ("GET", "/openapi.json"): _openapi,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        request.max_content_length = REQUEST_LIMIT
        try:
            request.get_data()
        except HTTPException:
            return _problem(TooLarge("A request is at most 10 MB."))
        if page := self._pages.get((request.method, request.path)):
            return page()
        match request.method, request.path.split("/"):
            case "POST", ["", "2015-03-31", "functions", name, "invocations"]:
                return self._invoke(name, request)
        try:
            route, path_parameters = self._routes.bind_to_environ(request.environ).match()
        except HTTPException:
            return _problem(NotFound("There is no such route."))
        # werkzeug has a GET route answer HEAD; API Gateway does not.
        if route.method != request.method:
            return _problem(NotFound("There is no such route."))
        return self._call(route, event_of(request, route, path_parameters))

    def _call(self, route: Route, event: dict[str, Any]) -> Response:
        request_id = event["requestContext"]["requestId"]
        try:
            response = response_of(self._lambdas.invoke(route.function.name, event))
        except EventTooLargeError:
            response = _problem(TooLarge("A function's event is at most 6 MB."))
        except Exception:
            # The handler's fault, whatever it is: told to the log, not to the client.
            logger.exception("%s failed", route.function.name)
            response = _problem(TurnlogError("The request failed."))
        response.headers["Apigw-Requestid"] = request_id
        return response

    def _invoke(self, name: str, request: Request) -> Response:
        """Lambda's Invoke API, for the caller that waits for the answer (`RequestResponse`)."""
        if name not in self._lambdas:
            answer = {"Type": "User", "Message": f"Function not found: {name}"}
            response = _json(answer, HTTPStatus.NOT_FOUND)
            response.headers["X-Amzn-ErrorType"] = "ResourceNotFoundException"
            return response
        try:
            event = json.loads(request.get_data() or b"{}")
        except ValueError:
            response = _json({"Type": "User", "message": "The event is not JSON."}, HTTPStatus.BAD_REQUEST)
            response.headers["X-Amzn-ErrorType"] = "InvalidRequestContentException"
            return response
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        try:
            answer = self._lambdas.invoke(name, event)
        except Exception as error:
            # Lambda's answer to a function's failure is a success of the call, marked as what it is.
            logger.exception("%s failed", name)
            answer = {"errorType": type(error).__name__, "errorMessage": "The function failed; see the log."}
            headers["X-Amz-Function-Error"] = "Unhandled"
        response = _json(answer)
        response.headers.update(headers)
        return response


def _rule(path: str) -> str:
    """A route's path as werkzeug spells it."""
    return re.sub(r"\{(\w+)(\+?)\}", lambda found: f"<{'greedy:' * bool(found[2])}{found[1]}>", path)


def _problem(error: TurnlogError) -> Response:
    """RFC 9457, as the functions answer it, for what happens before or around them."""
    document = {"type": error.code, "title": error.title, "status": error.status, "detail": error.detail}
    return Response(json.dumps(document), error.status, content_type="application/problem+json")


def _json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _docs() -> Response:
    return Response(DOCS, content_type="text/html; charset=utf-8")


def _swagger_css() -> Response:
    return Response((SWAGGER_UI / "swagger-ui.min.css").read_bytes(), content_type="text/css")


def _swagger_js() -> Response:
    return Response((SWAGGER_UI / "swagger-ui-bundle.min.js").read_bytes(), content_type="text/javascript")


def _openapi() -> Response:
    if not OPENAPI.exists():
        return _problem(NotFound("infra/openapi.json has not been generated."))
    return Response(OPENAPI.read_bytes(), content_type="application/json")
