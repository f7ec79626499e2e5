"""Requests made from the OpenAPI document, right and wrong ones; every answer must be as the document says.

Schemathesis makes them: for each operation the bounds of every field, one violation at a time, and random
ones. All of its checks are on but for two, which ask for what API Gateway does otherwise:

- `unsupported_method` wants 405 for a method that a path has not; an HTTP API answers 404, as the stand-in
  does. What it answers is still checked to be no server error.
- `ignored_auth` sends a wrong token; the local server has no authorizer, and any token is its user's name.
  That none is refused is `test_without_a_token`.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from infra.openapi import DOCUMENT
from tests.functional.api import Api
from tests.functional.test_files import uploaded
from tests.http_client import request
from turnlog.drivers.blocking import SystemClock
from turnlog.records.keys import is_file_id
from turnlog.wire import JSONL

if TYPE_CHECKING:
    import pytest
    from schemathesis import Case, Response

    from infra.local.server import LocalServer

SCHEMA = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text(encoding="utf-8")))
SCHEMA.config.generation.update(with_security_parameters=False)  # the test brings its token
# A well-formed request may still meet a deleted session or another version of it.
SCHEMA.config.checks.positive_data_acceptance.expected_statuses = ["2xx", "304", "404", "409", "410", "412"]

EXCLUDED = [checks.unsupported_method, checks.ignored_auth]
# What JSON Schema has no word for: where the answer may be 422 although the request is of its shape.
UNSAID = [
    (["query", "cursor"], "must be a next_cursor that this list gave"),
    (["body", "messages"], "must not hold two messages with one message_id"),
    (["body"], "the message with sequence"),  # PUT: it says where it stands, and stands elsewhere
    (["body"], "to_sequence must not be greater than expected_sequence"),
    (["body"], "replace must not be a removed message"),
    (["body"], "message_id and the message_id in replace"),
    (["body"], "first_seq is required with events"),
    (["body", "entries"], "must not hold two entries with one uuid"),
    (["body"], "must hold at least one entry"),
    (["body", 1], "line 1: "),  # of an import
    (["body"], "error is required where state is failed"),
]
# Of a file that is too large, and where neither a body came nor the name of its file.
NO_FILE = ("A file is at most", "A request's body is at most", "The request has no body")
LONG = os.environ.get("TURNLOG_HYPOTHESIS") == "long"
EXAMPLES = settings(
    max_examples=1_000 if LONG else 6,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CREATED = 201
PREPARED: set[tuple[str | None, str]] = set()
SEEN: dict[str, set[int]] = defaultdict(set)


@schemathesis.serializer(JSONL)
def jsonl_serializer(context: Any, value: Any) -> Any:
    """A text goes as it is; what is none, as a wrong request has it, as a text without an entry."""
    del context
    text = value if isinstance(value, str) else f"no text: {value}"
    return text.encode(errors="surrogatepass")


@SCHEMA.hook
def map_body(context: Any, body: Any) -> Any:
    """Send whole numbers without a fraction: 1.0 is an integer to JSON Schema; to us only 1 is.

    And of every other text for an import make a line that is an entry, which a schema has no word for.
    """
    if context.operation.definition.raw["operationId"] == "import_transcript":
        return json.dumps({"text": body}) + "\n" if isinstance(body, str) and len(body) % 2 == 0 else body
    return _whole(body)


@SCHEMA.parametrize()
@EXAMPLES
def test_operation(case: Case[Any], server: LocalServer) -> None:
    user = f"alice-{case.operation.definition.raw['operationId']}"
    _prepare(case, Api(server.url, user))
    if is_file_id((case.query or {}).get("body_file")) and case.body is not NOT_SET:
        del case.query["body_file"]  # no file has this id, and a body beside it is refused
    token = _webhook(server) if case.operation.path == "/hooks/jobs" else user
    for _ in range(2):
        response = case.call(base_url=server.url, headers={"authorization": f"Bearer {token}"})
        excluded = [*EXCLUDED, checks.positive_data_acceptance] if _unsaid(response) else EXCLUDED
        case.validate_response(response, excluded_checks=excluded)
        SEEN[case.operation.label].add(response.status_code)
        if response.status_code != CREATED:
            break  # what was created is asked for once more: a replay


def operations() -> list[Any]:
    """All of the document's operations."""
    return [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]


def test_without_a_token(server: LocalServer) -> None:
    for operation in operations():
        if operation.path == "/health":
            continue
        path = {"session_id": "s", "name": "n", "sequence": 0, "file_id": "0" * 32, "stream_id": "s"}
        path |= {"job_id": str(UUID(int=0))}
        case = operation.Case(path_parameters=path)
        response = case.call(base_url=server.url)
        assert response.status_code == 401, operation.label
        case.validate_response(response, excluded_checks=EXCLUDED)


def test_a_session_that_is_as_it_was(server: LocalServer) -> None:
    """A tag that is made from the document fits none."""
    (operation,) = (one for one in operations() if one.definition.raw["operationId"] == "get_session")
    api = Api(server.url, "alice")
    case = operation.Case(path_parameters={"session_id": api.new()}, headers={"If-None-Match": "*"})
    response = case.call_and_validate(
        base_url=server.url, headers={"authorization": f"Bearer {api.user}"}, excluded_checks=EXCLUDED
    )
    assert response.status_code == 304
    SEEN[operation.label].add(response.status_code)


def test_a_message_that_is_there(server: LocalServer) -> None:
    """A sequence that is made from the document seldom names one."""
    api = Api(server.url, "alice")
    path = {"session_id": api.new({"role": "user", "content": "q"}), "sequence": 0}
    for name, body in (("get_message", {}), ("edit_message", {"body": {"metadata": {"rating": 5}}})):
        (operation,) = (one for one in operations() if one.definition.raw["operationId"] == name)
        case = operation.Case(path_parameters=path, media_type="application/json", **body)
        response = case.call_and_validate(
            base_url=server.url, headers={"authorization": f"Bearer {api.user}"}, excluded_checks=EXCLUDED
        )
        assert response.status_code == 200
        SEEN[operation.label].add(response.status_code)


def test_a_fork_that_is_there(server: LocalServer) -> None:
    """An id that is made from the document is seldom that of a fork."""
    api = Api(server.url, "alice")
    (operation,) = (one for one in operations() if one.definition.raw["operationId"] == "fork_session")
    path, body = {"session_id": api.new()}, {"session_id": api.new() + "-fork"}
    for status in (CREATED, 200):
        case = operation.Case(path_parameters=path, media_type="application/json", body=body)
        response = case.call_and_validate(
            base_url=server.url, headers={"authorization": f"Bearer {api.user}"}, excluded_checks=EXCLUDED
        )
        assert response.status_code == status
        SEEN[operation.label].add(response.status_code)


def test_a_file_that_is_there(server: LocalServer) -> None:
    """An id that is made from the document is never that of a file."""
    api = Api(server.url, "alice")
    session = api.new()
    path = {"session_id": session, "file_id": uploaded(api, session, b"bytes")}
    for name, status in (("get_file", 200), ("delete_file", 204)):
        (operation,) = (one for one in operations() if one.definition.raw["operationId"] == name)
        response = operation.Case(path_parameters=path).call_and_validate(
            base_url=server.url, headers={"authorization": f"Bearer {api.user}"}, excluded_checks=EXCLUDED
        )
        assert response.status_code == status
        SEEN[operation.label].add(response.status_code)


def test_a_stream_that_is_there(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that is made from the document is seldom that of a stream."""
    api = Api(server.url, "alice")
    session = api.new()
    opened = {"stream_id": "s"}
    epoch = api.call("POST", f"/sessions/{session}/streams", opened).body["stream"]["epoch"]
    said = {"epoch": epoch, "first_seq": 1, "events": [{"type": "start"}], "flush": True}
    ended = {"epoch": epoch + 1, "state": "completed", "messages": []}
    end = ""
    for name, status, body in (
        ("open_stream", 200, opened),
        ("get_stream", 200, None),
        ("append_events", 200, said),
        ("read_events", 200, None),
        ("heartbeat_stream", 200, {"epoch": epoch, "lease_seconds": 1}),
        ("take_over_stream", 200, {}),
        ("cancel_stream", 202, {}),
        ("finish_stream", 200, ended),
        ("cancel_stream", 200, {}),
        ("read_snapshot", 200, None),
        ("read_events", 204, None),
    ):
        (operation,) = (one for one in operations() if one.definition.raw["operationId"] == name)
        if name == "take_over_stream":  # its lease is over then
            now = SystemClock(0.0).now() + timedelta(seconds=20)
            monkeypatch.setattr(SystemClock, "now", lambda _: now)  # noqa: B023
        given: dict[str, Any] = {} if body is None else {"media_type": "application/json", "body": body}
        given |= {"query": {"after": end}} if end else {}
        path = {"session_id": session} if name == "open_stream" else {"session_id": session, **opened}
        response = operation.Case(path_parameters=path, **given).call_and_validate(
            base_url=server.url, headers={"authorization": f"Bearer {api.user}"}, excluded_checks=EXCLUDED
        )
        assert response.status_code == status, (name, response.content)
        SEEN[operation.label].add(response.status_code)
        end = response.json()["cursor"] if name == "read_snapshot" else ""


def test_a_job_that_is_there(server: LocalServer) -> None:
    """An id that is made from the document is never that of a job."""
    api = Api(server.url, "alice")
    session, attempt = api.new(), {"attempt": 1}
    headers = {"idempotency-key": "k"}
    jobs = f"/sessions/{session}/jobs"
    started = api.call("POST", jobs, {"tool": "t", "webhook": True}, headers=headers).body
    path = {"session_id": session, "job_id": started["job"]["job_id"]}
    for name, status, body in (
        ("get_job", 200, None),
        ("claim_job", 200, {}),
        ("heartbeat_job", 200, attempt),
        ("ask_job", 200, {**attempt, "prompt": "?"}),
        ("answer_job", 200, {"input": 1}),
        ("cancel_job", 202, {}),
        ("complete_job", 200, {**attempt, "result": 1}),
        ("fail_job", 200, {**attempt, "error": "no paper"}),
        ("cancel_job", 200, {}),
        ("report_job", 200, {"state": "running"}),
    ):
        (operation,) = (one for one in operations() if one.definition.raw["operationId"] == name)
        given = {} if body is None else {"media_type": "application/json", "body": body}
        token = started["webhook"]["token"] if name == "report_job" else api.user
        places = {} if name == "report_job" else path
        response = operation.Case(path_parameters=places, **given).call_and_validate(
            base_url=server.url, headers={"authorization": f"Bearer {token}"}, excluded_checks=EXCLUDED
        )
        assert response.status_code == status, (name, response.content)
        SEEN[operation.label].add(response.status_code)


def test_successes_were_reached() -> None:
    """Else all that was checked is how requests are refused."""
    documented = {
        operation.label: {int(status) for status in operation.definition.raw["responses"] if status < "400"}
        for operation in operations()
    }
    unreached = {
        label: statuses - SEEN[label] for label, statuses in documented.items() if statuses - SEEN[label]
    }
    assert unreached == {}


def test_served(server: LocalServer) -> None:
    served = request(server.url, "GET", "/openapi.json")
    assert served.body == json.loads(DOCUMENT.read_bytes()) | {"servers": [{"url": server.url}]}


def _webhook(server: LocalServer) -> str:
    """The token of a job's webhook, which no other request has."""
    api = Api(server.url, "alice")
    body, headers = {"tool": "t", "webhook": True}, {"idempotency-key": "k"}
    started = api.call("POST", f"/sessions/{api.new()}/jobs", body, headers=headers)
    token: str = started.body["webhook"]["token"]
    return token


def _prepare(case: Case[Any], api: Api) -> None:
    """Have the session be there, with a message and a draft, where the path names one that can be."""
    path = case.operation.path
    given = case.path_parameters or {}
    session_id, name = str(given.get("session_id", "")), str(given.get("name", ""))
    if not (session_id.isalnum() and session_id.isascii()):
        return
    if name.isalnum() and name.isascii() and case.operation.method in {"get", "delete"}:
        api.put(session_id, messages=[])
        api.entries(session_id, name, {})
    if (api.user, session_id) in PREPARED:
        return
    if (path, case.operation.method) == ("/sessions/{session_id}", "put"):
        return  # it makes them itself
    api.put(session_id, messages=[{"role": "user", "content": "hello"}])
    if path.endswith("/draft"):
        api.call("PUT", f"/sessions/{session_id}/draft", {"messages": []})
    if (path, case.operation.method) != ("/sessions/{session_id}", "delete"):
        PREPARED.add((api.user, session_id))


def _unsaid(response: Response) -> bool:
    """Whether it was refused for what the document cannot say."""
    if response.status_code in {400, 413}:
        return str(response.json()["detail"]).startswith(NO_FILE)
    errors = response.json().get("errors", []) if response.status_code == 422 else []
    return bool(errors) and all(
        any(error["loc"] == loc and error["msg"].startswith(msg) for loc, msg in UNSAID) for error in errors
    )


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(one) for one in value]
        case dict():
            return {name: _whole(one) for name, one in value.items()}
    return value
