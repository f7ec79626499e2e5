"""The OpenAPI 3.1 document, made of what the code itself goes by.

Routes come from `template.yaml`, what a function takes and answers from its `Endpoint`, shapes from
`turnlog.models`. `make generate` writes `infra/openapi.json`; `--check` fails if it is out of date.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from infra.generated import write_or_check
from infra.template import routes, streaming_routes
from turnlog import errors
from turnlog.http.endpoint import Endpoint
from turnlog.http.sse import EVENT_STREAM
from turnlog.models import answers as shapes_of_answers
from turnlog.records.keys import (
    FILE_ID_PATTERN,
    JOB_ID_PATTERN,
    SESSION_ID_SCHEMA,
    STREAM_ID_SCHEMA,
    TRANSCRIPT_NAME_LIMIT,
    TRANSCRIPT_NAME_PATTERN,
)
from turnlog.wire import JSONL, MARKDOWN

if TYPE_CHECKING:
    from infra.template import Route
    from turnlog.http.events import Parameter

DOCUMENT = Path(__file__).parent / "openapi.json"

_REF = "#/components/schemas/{model}"
_SESSION_ID = {
    "name": "session_id",
    "in": "path",
    "required": True,
    "description": "Percent-encoded in the path.",
    "schema": SESSION_ID_SCHEMA,
}
_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "Segments may be parted by slashes, such as `subagents/agent-7f3a`.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": TRANSCRIPT_NAME_LIMIT,
        "pattern": TRANSCRIPT_NAME_PATTERN,
    },
}
_FILE_ID = {
    "name": "file_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": FILE_ID_PATTERN},
}
_STREAM_ID = {
    "name": "stream_id",
    "in": "path",
    "required": True,
    "description": "Percent-encoded in the path.",
    "schema": STREAM_ID_SCHEMA,
}
_JOB_ID = {
    "name": "job_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": JOB_ID_PATTERN},
}
_BODY_FILE = {
    "name": "body_file",
    "in": "query",
    "description": "The id of a file of this session, of at most 64 MB, whose bytes stand for the body. The"
    " request itself has none. See `POST /sessions/{session_id}/files`.",
    "schema": {"type": "string", "pattern": FILE_ID_PATTERN},
}
_SEQUENCE = {
    "name": "sequence",
    "in": "path",
    "required": True,
    "description": "Of the message.",
    "schema": {"type": "integer", "minimum": 0, "maximum": 10**10 - 1},
}
_JSON_TYPES = {int: "integer", bool: "boolean", str: "string"}
_NO_CONTENT = {204: "Done.", 304: "Not modified."}
_FILE = "AnswerFile"
_TAGGED = {"Session", "SessionWithMessages"}
_NEXT_AFTER = {
    "description": "Of JSON lines: behind which position the rest of them is, if there is more.",
    "schema": {"type": "integer", "minimum": 0},
}
_NEXT_BEFORE = {
    "description": "Of a text: the part of the log before this one ends there, if there is one.",
    "schema": {"type": "integer", "minimum": 1},
}
_HEADERS = {
    "if-match": "An entity tag or more.",
    "if-none-match": "An entity tag or more.",
    "prefer": "`return=minimal`: the answer leaves out the messages.",
    "idempotency-key": "Of the client's own choice: a request that is sent again with it is a repeat.",
}
_REQUIRED_HEADERS: dict[str, dict[str, Any]] = {
    "idempotency-key": {
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    }
}
_LAST_EVENT_ID = {
    "name": "last-event-id",
    "in": "header",
    "schema": {"type": "string"},
    "description": "In server-sent events, the last `id` that the reader has seen. It goes before `after`.",
}
_ERROR_HEADERS: dict[int, tuple[str, dict[str, Any]]] = {
    401: ("WWW-Authenticate", {"const": "Bearer"}),
    503: ("Retry-After", {"type": "integer", "minimum": 0}),
}


def document() -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes():
        paths.setdefault(route.documented, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Turnlog",
            "version": "1.0.0",
            "summary": "Keeps the conversations of AI agents, without servers and without locks.",
            "description": "Unknown body fields are refused. A session of another user is not found.",
        },
        "servers": [{"url": "http://127.0.0.1:3000", "description": "make run"}],
        "security": [{"jwt": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "jwt": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A JWT: its claim `sub` is the user. For the local server any text is.",
                },
                "webhook": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token that the start of a job with a webhook answered.",
                },
            },
        },
    }


def rendered() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=2) + "\n"


def _endpoint(route: Route) -> tuple[str, Endpoint]:
    package, _, name = route.function.handler.rpartition(".")
    found = getattr(importlib.import_module(package), name)
    if not isinstance(found, Endpoint):
        raise TypeError(f"{route.function.handler} is no endpoint")
    return package.rpartition(".")[2], found


def _operation(route: Route) -> dict[str, Any]:
    name, endpoint = _endpoint(route)
    summary = inspect.getdoc(endpoint.operation) or ""
    operation: dict[str, Any] = {"operationId": name, "summary": summary}
    if endpoint.public:
        # A public one that refuses a token has a token of its own.
        operation["security"] = [{"webhook": []}] if errors.Unauthenticated in endpoint.errors else []
    parameters: list[dict[str, Any]] = [_SESSION_ID] if "{session_id}" in route.path else []
    parameters += [_NAME] if "{name}" in route.documented else []
    parameters += [_FILE_ID] if "{file_id}" in route.documented else []
    parameters += [_STREAM_ID] if "{stream_id}" in route.documented else []
    parameters += [_JOB_ID] if "{job_id}" in route.documented else []
    parameters += [_BODY_FILE] if endpoint.body_file else []
    parameters += [_SEQUENCE] if "{sequence}" in route.documented else []
    parameters += [_query(name, one) for name, one in endpoint.query.items()]
    parameters += [
        {
            "name": header,
            "in": "header",
            **_REQUIRED_HEADERS.get(header, {"schema": {"type": "string"}}),
            "description": _HEADERS[header],
        }
        for header in endpoint.headers
    ]
    streamed = any((one.method, one.path) == (route.method, route.path) for one in streaming_routes())
    if streamed:
        parameters.append(_LAST_EVENT_ID)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body:
        operation["requestBody"] = {
            "required": endpoint.body_required and not endpoint.body_file,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=endpoint.body.__name__)}}},
        }
    if endpoint.jsonl_body:
        operation["requestBody"] = {"required": False, "content": {JSONL: {"schema": {"type": "string"}}}}
    operation["responses"] = _responses(
        endpoint, located=endpoint.located or "{session_id}" not in route.path
    )
    if streamed:
        operation["responses"]["200"]["content"][EVENT_STREAM] = {"schema": {"type": "string"}}
    return operation


def _query(name: str, parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _JSON_TYPES[parameter.kind]}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.kind is int:
        schema |= {"minimum": parameter.minimum, "maximum": parameter.maximum}
    if parameter.default is not None:
        schema["default"] = parameter.default
    described = {"description": parameter.description} if parameter.description else {}
    required = {"required": True} if parameter.required else {}
    return {"name": name, "in": "query", **required, "schema": schema, **described}


def _responses(endpoint: Endpoint, *, located: bool) -> dict[str, Any]:
    """The answers by status; `located`: what is created is not where the request went."""
    responses: dict[str, Any] = {}
    for status, model in endpoint.answers.items():
        response: dict[str, Any] = {"description": _NO_CONTENT.get(status, "Done.")}
        if model:
            schema = _schema_of(endpoint, model)
            response |= {"description": f"{model}.", "content": {"application/json": {"schema": schema}}}
        texts = (MARKDOWN, JSONL) if endpoint.text_answer else (JSONL,) if endpoint.jsonl_answer else ()
        for text in texts:
            response["content"][text] = {"schema": {"type": "string"}}
        if headers := _headers(endpoint, status, model, located=located):
            response["headers"] = headers
        responses[str(status)] = response
    possible: set[type[errors.TurnlogError]] = {
        errors.TurnlogError,
        errors.Damaged,
        errors.Unavailable,
        *endpoint.errors,
    }
    if endpoint.body_file:
        possible |= {errors.NotFound, errors.FilesOff, errors.NotUploaded}
    if not endpoint.public:
        possible |= {errors.Unauthenticated, errors.Invalid}  # of the user id, at least
    if endpoint.body or endpoint.jsonl_body:
        possible |= {errors.MalformedBody, errors.TooLarge}
    for error in sorted(possible, key=lambda error: (error.status, error.code)):
        response = responses.setdefault(
            str(error.status),
            {
                "description": "",
                "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
            },
        )
        if header := _ERROR_HEADERS.get(error.status):
            response["headers"] = _header(*header)
        response["description"] = f"{response['description']} `{error.code}`: {error.title}.".strip()
    return responses


def _schema_of(endpoint: Endpoint, model: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model)}
    return {"anyOf": [schema, {"$ref": _REF.format(model=_FILE)}]} if endpoint.file_answer else schema


def _headers(endpoint: Endpoint, status: int, model: str, *, located: bool) -> dict[str, Any]:
    """What a success bears beside its body."""
    headers: dict[str, Any] = {}
    if endpoint.jsonl_answer:
        headers["X-Turnlog-Next-After"] = _NEXT_AFTER
    if endpoint.text_answer:
        headers["X-Turnlog-Next-Before"] = _NEXT_BEFORE
    if model in _TAGGED or status == 304:  # noqa: PLR2004
        headers |= _header("ETag", {"type": "string", "pattern": '^"[0-9]+"$'})
    if located and status == 201:  # noqa: PLR2004
        headers |= _header("Location", {"type": "string", "format": "uri-reference"})
    return headers


def _header(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {name: {"required": True, "schema": schema}}


def _schemas() -> dict[str, Any]:
    endpoints = [_endpoint(route)[1] for route in routes()]
    bodies = {endpoint.body for endpoint in endpoints if endpoint.body}
    answers = {name for endpoint in endpoints for name in endpoint.answers.values() if name}
    shapes: list[tuple[Any, Any, TypeAdapter[Any]]] = [
        *((body.__name__, "validation", TypeAdapter(body)) for body in sorted(bodies, key=_name_of)),
        *(
            (name, "serialization", TypeAdapter(getattr(shapes_of_answers, name)))
            for name in sorted(answers | {"Problem", _FILE})
        ),
    ]
    _, schema = TypeAdapter.json_schemas(shapes, ref_template=_REF)
    schemas: dict[str, Any] = schema["$defs"]
    return schemas


def _name_of(shape: type) -> str:
    return shape.__name__


if __name__ == "__main__":
    sys.exit(write_or_check({DOCUMENT: rendered()}))
