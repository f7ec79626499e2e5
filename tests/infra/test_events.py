"""The events in infra/events: there are some for every function, and each is answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra import template
from infra.local import embedded
from infra.openapi import document
from tests.http_client import request
from turnlog.records.jobs import job_id
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = template.TEMPLATE.parent / "infra" / "events"
FUNCTIONS = {function.handler.split(".")[1]: function.name for function in template.functions()}
# In an order in which each finds what it is about.
STORY = {
    "create_session": 201,
    "fork_session": 201,
    "append_messages": 201,
    "put_session": 200,
    "patch_session": 200,
    "set_title": 200,
    "add_tool_call": 200,
    "get_message": 200,
    "edit_message": 200,
    "append_entries": 201,
    "read_entries": 200,
    "list_transcripts": 200,
    "import_transcript": 200,
    "delete_transcript": 204,
    "create_file": 201,
    "list_files": 200,
    # A file's id is random, so no example can name one that is there.
    "get_file": 404,
    "delete_file": 404,
    "list_sessions": 200,
    "get_session": 200,
    "list_messages": 200,
    "export_openai_messages": 200,
    "export_session": 200,
    "rewind_session": 200,
    "follow_stream": 404,  # of a stream that is there, it would wait for events for a minute
    "open_stream": 201,
    "get_stream": 200,
    # A stream's epoch is the second at which it was opened, so no example can name it.
    "append_events": 409,
    "heartbeat_stream": 409,
    "finish_stream": 409,
    "read_events": 200,
    "read_snapshot": 200,
    "take_over_stream": 409,
    "cancel_stream": 202,
    "start_job": 201,
    "list_jobs": 200,
    "get_job": 200,
    "claim_job": 200,
    "heartbeat_job": 200,
    "ask_job": 200,
    "answer_job": 200,
    "complete_job": 200,
    # It has ended.
    "fail_job": 200,
    "cancel_job": 200,
    # A webhook's token is random, so no example can name it.
    "report_job": 401,
    "put_draft": 200,
    "get_draft": 200,
    "delete_draft": 204,
    "drop_cache": 204,
    "check_health": 200,
    "delete_session": 204,
}


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A local server, as `make run` has it."""
    with subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        env={**os.environ, "PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        yield first.split()[3].rstrip(",")
        process.terminate()


def invoke(url: str, name: str, given: Any) -> Any:
    reply = request(url, "POST", f"/2015-03-31/functions/{FUNCTIONS[name]}/invocations", given)
    assert "x-amz-function-error" not in reply.headers
    return reply.body


def test_every_function_has_its_events() -> None:
    named = {path.name.partition(".")[0] for path in EVENTS.glob("*.json")} - {"env"}
    assert named == FUNCTIONS.keys() == STORY.keys() | {"purge_session", "sweep_jobs"}
    assert all((EVENTS / f"{name}.direct.json").is_file() for name in STORY)


def test_events_of_api_gateway_are_answered(url: str) -> None:
    for name, status in STORY.items():
        answer = invoke(url, name, event(name))
        assert answer["statusCode"] == status, (name, answer)


def test_events_of_api_gateway_are_those_of_their_routes() -> None:
    for route in template.routes():
        given = event(route.function.handler.split(".")[1])
        assert given["version"] == "2.0"
        assert given["routeKey"] == given["requestContext"]["routeKey"] == f"{route.method} {route.path}"
        assert given["rawPath"] == route.documented.format(**given.get("pathParameters", {}))
        assert ("authorizer" in given["requestContext"]) is route.authorized


def test_events_of_the_rest_api_are_those_of_its_routes() -> None:
    for route in template.streaming_routes():
        given = event(route.function.operation)
        assert (given["version"], given["httpMethod"], given["resource"]) == ("1.0", route.method, route.path)
        assert given["path"] == route.documented.format(**given["pathParameters"])
        assert given["requestContext"]["authorizer"]["claims"]["sub"] == "alice"


def test_events_of_a_direct_invoke_are_answered(url: str) -> None:
    for name, status in STORY.items():
        given = event(f"{name}.direct")
        if "user_id" in given:
            given["user_id"] = "bob"  # alice's session has been deleted by now
        if "job_id" in given:
            given["job_id"] = job_id(SessionKey("bob", given["session_id"]).at(0), "report-1")
        answer = invoke(url, name, given)
        assert answer["status"] == status, (name, answer)


def test_the_schedules_event_is_worked_off(url: str) -> None:
    assert invoke(url, "sweep_jobs", event("sweep_jobs")) is None


def test_the_streams_event_is_worked_off(url: str) -> None:
    assert invoke(url, "purge_session", event("purge_session")) == {"batchItemFailures": []}


def test_the_streams_event_passes_its_filters() -> None:
    from infra.local.stream import fits  # noqa: PLC0415 (boto3 is a while to import)

    patterns = template.stream_mapping().patterns
    records = event("purge_session")["Records"]
    assert all(any(fits(record, pattern) for pattern in patterns) for record in records)
    assert len(records) == len(patterns)


def test_sams_variables_are_the_templates_and_lead_to_the_open_servers() -> None:
    """SAM passes on only variables that the template has."""
    variables = event("env")["Parameters"]
    declared = template.variable_names()
    assert set(variables) <= set(declared)
    assert variables["AWS_ENDPOINT_URL_DYNAMODB"].endswith(f":{embedded.TABLE_PORT}")
    assert variables["TURNLOG_CACHE_URL"].endswith(
        f":{embedded.CACHE_PORT}/0?socket_timeout={embedded.CACHE_TIMEOUT}"
    )


def test_the_document_names_no_route_without_an_event() -> None:
    operations = {one["operationId"] for path in document()["paths"].values() for one in path.values()}
    # What is streamed stands in the document with what it streams.
    assert operations == STORY.keys() - {route.function.operation for route in template.streaming_routes()}
