"""A client's requests, answered by the functions themselves: what is tested is the contract, not a layer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from gzip import decompress as gunzip
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tests.simulation.objects import BUCKET_URL, FaultyObjects
from turnlog.errors import TurnlogError
from turnlog.http.answers import problem
from turnlog.http.events import parse
from turnlog.records.keys import SessionKey
from turnlog.wire import JSONL, MARKDOWN

if TYPE_CHECKING:
    from turnlog.http.endpoint import Endpoint
    from turnlog.store.store import Store

FUNCTIONS = {
    "append": "append_messages",
    "append_entries": "append_entries",
    "create": "create_session",
    "create_file": "create_file",
    "delete": "delete_session",
    "delete_draft": "delete_draft",
    "delete_file": "delete_file",
    "delete_transcript": "delete_transcript",
    "drop_cache": "drop_cache",
    "edit": "edit_message",
    "export": "export_openai_messages",
    "export_session": "export_session",
    "fork": "fork_session",
    "get": "get_session",
    "get_draft": "get_draft",
    "get_file": "get_file",
    "get_message": "get_message",
    "health": "check_health",
    "import_transcript": "import_transcript",
    "list": "list_sessions",
    "list_files": "list_files",
    "list_transcripts": "list_transcripts",
    "messages": "list_messages",
    "patch": "patch_session",
    "put": "put_session",
    "put_draft": "put_draft",
    "rewind": "rewind_session",
    "read_entries": "read_entries",
    "title": "set_title",
    "tool_call": "add_tool_call",
}
_ENDPOINTS: dict[str, Endpoint] = {
    kind: import_module(f"functions.{name}").handler for kind, name in FUNCTIONS.items()
}


NEWEST = "newest"
"""In place of a file's id, in a small case: the file of the session that was promised last."""
UPLOAD = "upload"
"""The kind of what a small case sends to the bucket, and not to a function."""


@dataclass(frozen=True)
class Request:
    """What a client asks for.

    Attributes:
        again: whether the same request may be sent again without doing its work twice.
        below: of a list with a cursor: the place in the index from which the cursor goes on.
        name: of the transcript that it is about; `file_id`: of the file.
        sequence: of the message that it is about.
        event: what API Gateway makes of it, where it comes over HTTP; else it is a direct invoke.
    """

    kind: str
    user: str
    session: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    again: bool = True
    below: str = ""
    name: str = ""
    file_id: str = ""
    sequence: int | None = None
    event: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def key(self) -> SessionKey:
        """The session that it is about."""
        return SessionKey(self.user, self.session or self.body.get("session_id", ""))

    @property
    def made(self) -> SessionKey:
        """The session that it makes or is about: of a fork another one than it is asked of."""
        return SessionKey(self.user, self.body["session_id"]) if self.kind == "fork" else self.key


@dataclass(frozen=True)
class Reply:
    """What a client gets.

    Attributes:
        error: what the operation raised, of which the client sees the status alone.
        apart: the key of the object that has the answer, where no answer holds it; `raw` is then what it has.
    """

    status: int
    body: Any
    headers: dict[str, str]
    raw: bytes
    error: TurnlogError | None = None
    apart: str = ""


async def answered(store: Store, request: Request) -> Reply:
    """Ask the function."""
    event = request.event or _direct(request)
    raised: TurnlogError | None = None
    try:
        answer = await _ENDPOINTS[request.kind].answer(store, parse(event, "-"))
    except TurnlogError as error:
        raised, answer = error, problem(error)
    text = answer.headers.get("content-type") in {JSONL, MARKDOWN}
    body = json.loads(answer.body) if answer.body and not text else None
    if isinstance(store.objects, FaultyObjects):
        if request.kind in {"export", "export_session"} and body and body.keys() == {"file"}:
            return _apart(store.objects, request, answer.status, dict(answer.headers), body["file"]["url"])
        body = _read(store.objects, request, body)
    return Reply(answer.status, body, dict(answer.headers), answer.body, raised)


def _apart(objects: FaultyObjects, request: Request, status: int, headers: dict[str, str], url: str) -> Reply:
    """The answer as it lies in the bucket, where its client reads it."""
    raw = gunzip(objects.read(url))
    body = None if request.query.get("format") in {"markdown", "jsonl"} else json.loads(raw)
    return Reply(status, body, headers, raw, apart=url.removeprefix(BUCKET_URL))


def _read(objects: FaultyObjects, request: Request, body: Any) -> Any:
    """The answer with each message whole, as clients see it: what no answer holds they read themselves."""
    if request.kind == "get_message":
        return _whole(objects, body)
    if request.kind in {"get", "messages"} and body and "messages" in body:
        return {**body, "messages": [_whole(objects, message) for message in body["messages"]]}
    if request.kind in {"edit", "tool_call"} and body and "message" in body:
        return {**body, "message": _whole(objects, body["message"])}
    if request.kind == "read_entries" and body and body.get("file"):
        return {**body, "entries": [json.loads(gunzip(objects.read(body["file"]["url"])))]}
    return body


def _whole(objects: FaultyObjects, message: Any) -> Any:
    if "file" not in message or "content" in message:
        return message
    data = objects.read(message["file"]["url"])
    said = json.loads(data if data.startswith(b"{") else gunzip(data))  # some limits leave out the packing
    return {**{name: value for name, value in message.items() if name != "file"}, **said}


def _direct(request: Request) -> dict[str, Any]:
    """The event of a direct invoke."""
    event: dict[str, Any] = {
        "user_id": request.user,
        "session_id": request.session,
        "name": request.name,
        "file_id": request.file_id,
        "sequence": request.sequence,
        "query": request.query,
        "headers": request.headers,
    }
    if "body_file" in request.query:  # its body is there for the rules
        return event
    if request.kind == "import_transcript":
        event["body"] = request.body["text"]
    if request.kind in {
        "append",
        "append_entries",
        "create",
        "create_file",
        "edit",
        "fork",
        "patch",
        "put",
        "put_draft",
        "rewind",
        "title",
        "tool_call",
    }:
        event["body"] = request.body
    return event
