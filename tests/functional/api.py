"""A client of the HTTP API. It checks every answer against what `infra/openapi.json` says of it."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from infra.openapi import DOCUMENT
from tests.http_client import Reply, request
from turnlog.models import answers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
Message = dict[str, Any]


class Api:
    """The API as one user sees it."""

    def __init__(self, url: str, user: str | None) -> None:
        self.url = url
        self.user = user

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Send one request; `raw` is a body as it is, `query` is added to the path."""
        sent = {"content-type": "application/json", **(headers or {})}
        reply = request(
            self.url,
            method,
            f"{path}?{urlencode(query)}" if query else path,
            body if raw is None else raw,
            sent,
            user=self.user,
        )
        check(method, path, reply)
        return reply

    def invoke(self, function: str, session_id: str | None = None, **event: Any) -> Any:
        """A direct invoke by a trusted caller: `{"status": …, "body": …}`."""
        given = {"user_id": self.user, "session_id": session_id, **event}
        event = {name: value for name, value in given.items() if value is not None}
        reply = Api(self.url, None).call("POST", f"/2015-03-31/functions/{function}/invocations", event)
        assert "x-amz-function-error" not in reply.headers, reply.raw
        return reply.body

    def new(self, *messages: Message, **body: Any) -> str:
        """A session with these messages; its id."""
        session_id = uuid4().hex
        reply = self.call("POST", "/sessions", {"session_id": session_id, "messages": messages, **body})
        assert reply.status == 201, reply.raw
        return session_id

    def append(self, session_id: str, *messages: Message, **body: Any) -> Reply:
        return self.call("POST", f"/sessions/{session_id}/messages", {"messages": messages, **body})

    def get(self, session_id: str, headers: Any = None, **query: Any) -> Reply:
        return self.call("GET", f"/sessions/{session_id}", headers=headers, query=query)

    def messages(self, session_id: str, **query: Any) -> Reply:
        return self.call("GET", f"/sessions/{session_id}/messages", query=query)

    def put(self, session_id: str, headers: Any = None, **body: Any) -> Reply:
        return self.call("PUT", f"/sessions/{session_id}", body, headers=headers)

    def patch(self, session_id: str, headers: Any = None, **body: Any) -> Reply:
        return self.call("PATCH", f"/sessions/{session_id}", body, headers=headers)

    def title(self, session_id: str, title: str, headers: Any = None, **body: Any) -> Reply:
        return self.call("PATCH", f"/sessions/{session_id}/title", {"title": title, **body}, headers=headers)

    def delete(self, session_id: str) -> Reply:
        return self.call("DELETE", f"/sessions/{session_id}")

    def tool_call(self, session_id: str, tool_call: Mapping[str, Any]) -> Reply:
        return self.call("POST", f"/sessions/{session_id}/tool-calls", {"tool_call": tool_call})

    def message(self, session_id: str, sequence: int) -> Reply:
        return self.call("GET", f"/sessions/{session_id}/messages/{sequence}")

    def edit(self, session_id: str, sequence: int, headers: Any = None, **body: Any) -> Reply:
        return self.call("PATCH", f"/sessions/{session_id}/messages/{sequence}", body, headers=headers)

    def rewind(self, session_id: str, to: int, expected: int, headers: Any = None, **body: Any) -> Reply:
        body |= {"to_sequence": to, "expected_sequence": expected}
        return self.call("POST", f"/sessions/{session_id}/rewind", body, headers=headers)

    def export(self, session_id: str, **query: Any) -> Reply:
        return self.call("GET", f"/sessions/{session_id}/openai-messages", query=query)

    def exported(self, session_id: str, format: str = "anthropic", **query: Any) -> Reply:  # noqa: A002
        return self.call("GET", f"/sessions/{session_id}/export", query={"format": format, **query})

    def list(self, **query: Any) -> Reply:
        return self.call("GET", "/sessions", query=query)

    def entries(self, session_id: str, name: str, *entries: Message, **body: Any) -> Reply:
        path = f"/sessions/{session_id}/transcripts/{name}"
        return self.call("POST", path, {"entries": entries, **body})

    def transcript(self, session_id: str, name: str, **query: Any) -> Reply:
        return self.call("GET", f"/sessions/{session_id}/transcripts/{name}", query=query)

    def import_(self, session_id: str, name: str, text: bytes, **query: Any) -> Reply:
        sent = {"content-type": "application/jsonl"}
        path = f"/sessions/{session_id}/transcripts/{name}"
        return self.call("PUT", path, raw=text, headers=sent, query={"format": "jsonl", **query})

    def contents(self, session_id: str) -> Sequence[str | None]:
        """The contents of all messages, of which the sequences must be 0, 1, 2 and so on."""
        found = self.get(session_id).body
        messages = found["messages"]
        assert not found["has_more"]
        assert [message["sequence"] for message in messages] == list(range(found["message_count"]))
        return [message["content"] for message in messages]


def user(content: str | None, **fields: Any) -> Message:
    """A user's message."""
    return {"role": "user", "content": content, **fields}


def assistant(content: str | None, **fields: Any) -> Message:
    """An assistant's message."""
    return {"role": "assistant", "content": content, **fields}


def check(method: str, path: str, reply: Reply) -> None:
    """Let an answer pass that the OpenAPI document describes; a path that is none of it is not checked."""
    operation = documented(method, unquote(path))
    if operation is None:
        return
    assert str(reply.status) in operation["responses"], (method, path, reply.status, reply.raw[:500])
    # What is too large for API Gateway never reaches a function.
    assert "x-request-id" in reply.headers or reply.status == 413
    content = operation["responses"][str(reply.status)].get("content")
    if content is None:
        assert reply.raw == b""
        return
    described = content[reply.headers["content-type"]]
    schema = described["schema"]
    if "anyOf" in schema:
        schema = schema["anyOf"]["file" in reply.body and not reply.body.get("entry_count")]
    if "$ref" not in schema:
        assert reply.raw.endswith(b"\n") or not reply.raw
        return
    name = schema["$ref"].rpartition("/")[2]
    check_shape(name, reply.raw)
    if reply.status >= 400:
        _check_problem(reply)
    for time in re.findall(rb'"(?:created|updated|started)_at":"([^"\\]*)"', reply.raw):
        assert TIME.fullmatch(time.decode())


@cache
def _shape(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(getattr(answers, name))


def check_shape(name: str, raw: bytes | str) -> None:
    """Fail if an answer's JSON is not of this shape of `turnlog.models.answers`."""
    try:
        _shape(name).validate_json(raw, strict=True)
    except ValidationError as error:
        if error.errors()[0]["type"] != "json_invalid":
            raise
        # Its reader of JSON knows neither half characters nor 500 levels.
        _shape(name).validate_python(json.loads(raw))


def _check_problem(reply: Reply) -> None:
    """RFC 9457, with a list of what is wrong where it is the request's shape."""
    body = reply.body
    assert body["status"] == reply.status
    assert body["detail"]
    assert ("errors" in body) is (reply.status == 422)
    for error in body.get("errors", ()):
        assert error.keys() == {"loc", "msg"}
    assert "Traceback" not in body["detail"]


@cache
def _document() -> Any:
    return json.loads(DOCUMENT.read_text(encoding="utf-8"))


def documented(method: str, path: str) -> Any:
    """What the document says of a request, or None."""
    for template, operations in _document()["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template.replace("{name}", ".+"))
        if re.fullmatch(pattern, path.partition("?")[0]) and method.lower() in operations:
            return operations[method.lower()]
    return None
