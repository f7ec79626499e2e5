"""The template's reader, and that the template and the code speak of the same things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra import template
from infra.local.stream import fits


def test_only_health_and_webhooks_ask_for_no_users_token() -> None:
    assert {route.path for route in template.routes() if not route.authorized} == {"/health", "/hooks/jobs"}


def test_each_file_in_functions_is_a_function_of_its_name() -> None:
    files = {path.stem for path in Path("functions").glob("*.py")} - {"__init__"}
    names = {function.operation: function.name for function in template.functions()}
    assert names.keys() == files
    assert names == {file: f"{file.title().replace('_', '')}Function" for file in files}


def test_functions_have_their_own_settings_before_the_global_ones() -> None:
    timeouts = {function.operation: function.timeout for function in template.functions()}
    assert timeouts["purge_session"] == 300
    assert timeouts["get_session"] == 29


def test_environment_has_the_parameters_defaults() -> None:
    environment = template.environment()
    assert environment["TURNLOG_TABLE"] == "SessionsTable"
    assert environment["TURNLOG_CACHE_URL"] == ""
    assert environment["TURNLOG_CACHE_TTL"] == "43200"
    assert environment["TURNLOG_RETENTION_DAYS"] == ""
    assert environment["TURNLOG_TRANSCRIPTS"] == "on"
    assert environment["TURNLOG_BUCKET"] == "TranscriptsBucket"


HEAD = {"PK": {"S": "USER#alice#SESSION#s"}, "SK": {"S": "HEAD"}}
EXPIRY = HEAD | {"SK": {"S": "EXPIRY"}}
TRANSCRIPT = HEAD | {"SK": {"S": "TRANSCRIPT#main"}}
DELETED = {"deleted_at": {"S": "2026-11-23T00:00:00Z"}}
ENDS = {"expires_at": {"N": "1795000000"}}


@pytest.mark.parametrize(
    ("name", "keys", "new", "purged"),
    [
        pytest.param("MODIFY", HEAD, HEAD | DELETED, True, id="a head that became a tombstone"),
        pytest.param("MODIFY", HEAD, HEAD | DELETED | ENDS, False, id="a tombstone whose purge is done"),
        pytest.param("MODIFY", HEAD, HEAD, False, id="a live head"),
        pytest.param("INSERT", HEAD, HEAD, False, id="a new head"),
        pytest.param("REMOVE", HEAD, None, True, id="a tombstone's end"),
        pytest.param("MODIFY", TRANSCRIPT, TRANSCRIPT | DELETED, True, id="a transcript that was deleted"),
        pytest.param("MODIFY", TRANSCRIPT, TRANSCRIPT, False, id="a transcript that grew"),
        pytest.param("REMOVE", TRANSCRIPT, None, False, id="a transcript that was purged"),
        pytest.param("REMOVE", EXPIRY, None, True, id="the end of a session's retention"),
        pytest.param("MODIFY", EXPIRY, EXPIRY | ENDS, False, id="a session's retention put off"),
    ],
)
def test_what_the_purge_function_gets(
    name: str, keys: dict[str, Any], new: dict[str, Any] | None, *, purged: bool
) -> None:
    change = {"Keys": keys} | ({"NewImage": new} if new else {})
    record = {"eventName": name, "dynamodb": change}
    assert any(fits(record, pattern) for pattern in template.stream_mapping().patterns) is purged


def test_an_operator_that_is_not_known_is_not_taken_for_a_literal() -> None:
    with pytest.raises(NotImplementedError):
        fits({"a": "x"}, {"a": [{"prefix": "x"}]})


def test_what_pages_of_other_origins_may_do() -> None:
    assert template.cors() == template.Cors(
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        headers=[
            *("authorization", "content-type", "idempotency-key", "if-match", "if-none-match"),
            "last-event-id",
        ],
        exposed=[
            "etag",
            "location",
            "retry-after",
            "x-request-id",
            "x-turnlog-next-after",
            "x-turnlog-next-before",
        ],
        max_age=3600,
    )
