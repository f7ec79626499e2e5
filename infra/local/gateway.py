"""API Gateway's stand-in, as a WSGI application: routes of `template.yaml`, payload format 2.0.

The HTTP API and the REST API, whose answers come bit by bit, are at one address here: whoever asks for
`text/event-stream` gets to the REST API.

Beside it Lambda's own Invoke API, so that `aws lambda invoke --endpoint-url` works, and the API's page.
Whom it answers is in `access.py`; a page of this machine may do what `template.yaml` lets other origins do.
"""

from __future__ import annotations

import json
import logging
import re
from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, Rule

from infra.local.access import Forbidden, ThisMachine
from infra.local.lambdas import EventTooLargeError
from infra.local.payload import Refusal, event_of, problem, response_of, rest_event_of
from infra.template import TEMPLATE, cors, routes, streaming_routes
from turnlog.errors import NotFound, TooLarge, TurnlogError
from turnlog.http.sse import EVENT_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
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
<script>
SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", persistAuthorization: true})
</script>
</html>
"""
HOME = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Turnlog</title>
<link rel="icon" href="data:,">
<h1>Turnlog {version}</h1>
<p>The API: <a href="/docs">/docs</a>, and as a document of OpenAPI 3.1:
<a href="/openapi.json">/openapi.json</a>.</p>
<p>A first call. The text after Bearer is the user:</p>
<pre>{first_call}</pre>
</html>
"""
PLAIN_HOME = """\
Turnlog {version}. The API: {url}/docs, and as a document of OpenAPI 3.1: {url}/openapi.json

A first call. The text after Bearer is the user:
{first_call}
"""


class UnsupportedMediaType(Refusal):
    """A body of this type is not taken here."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class _Greedy(BaseConverter):
    """A parameter `{name+}`: the rest of the path, slashes and all."""

    regex = r"[\s\S]+"
    part_isolating = False


def route_map(found: Sequence[Route] | None = None) -> Map:
    """These routes, or the HTTP API's, as werkzeug matches them; a match has its `Route`."""
    # Two slashes are not one here, nor is a slash at the end nothing: API Gateway takes a path as it is.
    return Map(
        [Rule(_rule(route.path), methods=[route.method], endpoint=route) for route in found or routes()],
        merge_slashes=False,
        converters={"greedy": _Greedy},
    )


class Gateway:
    """The WSGI application in front of the functions.

    Args:
        lambdas: the functions.
        machine: the one whose programs and pages are answered.
    """

    def __init__(self, lambdas: Lambdas, machine: ThisMachine) -> None:
        self._lambdas = lambdas
        self._machine = machine
        self._cors = cors()
        self._routes = route_map()
        self._streaming = route_map(streaming_routes())
        self._pages = {
            ("GET", "/"): _home,
            ("GET", "/docs"): _docs,
            ("GET", "/docs/swagger-ui.min.css"): _swagger_css,
            ("GET", "/docs/swagger-ui-bundle.min.js"): _swagger_js,
            ("GET", "/openapi.json"): _openapi,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        request = Request(environ)
        try:
            self._machine.check(environ)
        except Forbidden as refused:
            # A browser does not show its page why; whoever starts the server finds it here.
            logger.warning("Refused: %s", refused.detail)
            response = problem(refused)
        else:
            response = self._preflight() if _is_preflight(request) else self._answer(request)
        self._admit(request, response)
        return response(environ, start_response)

    def _preflight(self) -> Response:
        """The answer to a browser that asks if a page may send a request: as API Gateway's, for any path."""
        response = Response(status=HTTPStatus.NO_CONTENT)
        del response.headers["Content-Type"]
        response.headers["Access-Control-Allow-Methods"] = ",".join(self._cors.methods)
        response.headers["Access-Control-Allow-Headers"] = ",".join(self._cors.headers)
        response.headers["Access-Control-Max-Age"] = str(self._cors.max_age)
        return response

    def _admit(self, request: Request, response: Response) -> None:
        """Let a page of this machine read the answer, also one that refuses."""
        # Also where no page asked, so that the browser's cache does not give a page what it may not read.
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if self._machine.serves(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = ",".join(self._cors.exposed)

    def _answer(self, request: Request) -> Response:
        request.max_content_length = REQUEST_LIMIT
        try:
            request.get_data()
        except HTTPException:
            return problem(TooLarge("A request is at most 10 MB."))
        if page := self._pages.get((request.method, request.path)):
            return page(request)
        match request.method, request.path.split("/"):
            case "POST", ["", "2015-03-31", "functions", name, "invocations"]:
                return self._invoke(name, request)
        wants_stream = EVENT_STREAM in request.accept_mimetypes.values()
        if wants_stream and (found := _match(self._streaming, request)):
            return self._stream(found[0], rest_event_of(request, *found), request)
        if found := _match(self._routes, request):
            return self._call(found[0], event_of(request, *found))
        return _no_route()

    def _call(self, route: Route, event: dict[str, Any]) -> Response:
        request_id = event["requestContext"]["requestId"]
        try:
            response = response_of(self._lambdas.invoke(route.function.name, event))
        except EventTooLargeError:
            response = problem(TooLarge("A function's event is at most 6 MB."))
        except Exception:
            # The handler's fault, whatever it is: told to the log, not to the client.
            logger.exception("%s failed", route.function.name)
            response = problem(TurnlogError("The request failed."))
        response.headers["Apigw-Requestid"] = request_id
        return response

    def _stream(self, route: Route, event: dict[str, Any], request: Request) -> Response:
        # A reader that does not read keeps its connection waiting, and no longer than an answer may take.
        request.environ["werkzeug.socket"].settimeout(route.function.timeout)
        try:
            status, headers, body = self._lambdas.stream(route.function.name, event)
        except Exception:
            logger.exception("%s failed", route.function.name)
            return problem(TurnlogError("The request failed."))
        response = Response(body, status)
        response.headers = Headers(headers)
        response.headers["Apigw-Requestid"] = event["requestContext"]["requestId"]
        return response

    def _invoke(self, name: str, request: Request) -> Response:
        """Lambda's Invoke API, for the caller that waits for the answer (`RequestResponse`)."""
        # A page may send a form or text anywhere without asking first; boto3 and the AWS CLI name no type.
        if request.content_type and request.mimetype != "application/json":
            return problem(
                UnsupportedMediaType(
                    "An event is JSON: send it with Content-Type: application/json, or without a type."
                )
            )
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


def _match(routes: Map, request: Request) -> tuple[Route, Mapping[str, str]] | None:
    """The route of a request, and the parameters in its path."""
    try:
        route, path_parameters = routes.bind_to_environ(request.environ).match()
    except HTTPException:
        return None
    # werkzeug has a GET route answer HEAD; API Gateway does not.
    return (route, path_parameters) if route.method == request.method else None


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and {"Origin", "Access-Control-Request-Method"} <= {
        *request.headers.keys()
    }


def _rule(path: str) -> str:
    """A route's path as werkzeug spells it."""
    return re.sub(r"\{(\w+)(\+?)\}", lambda found: f"<{'greedy:' * bool(found[2])}{found[1]}>", path)


def _no_route() -> Response:
    """As API Gateway answers, so that a wrong path is not taken for a session that is not there."""
    return _json({"message": "Not Found"}, HTTPStatus.NOT_FOUND)


def _json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def first_call(url: str) -> str:
    """The command that makes a session at a server."""
    return f"""\
curl -X POST {url}/sessions -H 'Authorization: Bearer alice' \\
     -H 'Content-Type: application/json' -d '{{"messages": [{{"role": "user", "content": "Hello"}}]}}'"""


def _url(request: Request) -> str:
    """The server's address, under the name and port that the request has for it."""
    return request.host_url.rstrip("/")


def _home(request: Request) -> Response:
    url = _url(request)
    says = {"version": version("turnlog"), "url": url, "first_call": first_call(url)}
    if request.accept_mimetypes.best_match(["text/plain", "text/html"]) == "text/html":
        return Response(HOME.format(**says), content_type="text/html; charset=utf-8")
    return Response(PLAIN_HOME.format(**says), content_type="text/plain; charset=utf-8")


def _docs(_request: Request) -> Response:
    return Response(DOCS, content_type="text/html; charset=utf-8")


def _swagger_css(_request: Request) -> Response:
    return Response((SWAGGER_UI / "swagger-ui.min.css").read_bytes(), content_type="text/css")


def _swagger_js(_request: Request) -> Response:
    return Response((SWAGGER_UI / "swagger-ui-bundle.min.js").read_bytes(), content_type="text/javascript")


def _openapi(request: Request) -> Response:
    """The document, for this server: whoever reads it calls where it comes from."""
    if not OPENAPI.exists():
        return problem(NotFound("infra/openapi.json has not been generated."))
    document = json.loads(OPENAPI.read_bytes())
    return _json(document | {"servers": [{"url": _url(request)}]})
