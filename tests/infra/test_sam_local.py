"""Under SAM local, which runs no authorizer, the bearer's text is the user. Nothing else opens that door."""

from __future__ import annotations

from typing import Any

import pytest

from turnlog.errors import Unauthenticated
from turnlog.http.events import parse


def event(**request_context: Any) -> dict[str, Any]:
    """As SAM's local API sends it: it keeps a header's case, and knows no authorizer."""
    return {
        "version": "2.0",
        "routeKey": "GET /sessions",
        "headers": {"Authorization": "Bearer mallory"},
        "requestContext": {"requestId": "r", "http": {"method": "GET"}, **request_context},
    }


def user(given: dict[str, Any]) -> str:
    return parse(given, "request").user_id


@pytest.fixture
def sam_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SAM_LOCAL", "true")


@pytest.mark.usefixtures("sam_local")
def test_under_sam_local_the_bearers_text_is_the_user() -> None:
    assert user(event()) == "mallory"


@pytest.mark.parametrize("value", [None, "", "false", "0", "False", "TRUE", "1", "yes", " true"])
def test_closed_without_sams_own_word(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("AWS_SAM_LOCAL", raising=False)
    if value is not None:
        monkeypatch.setenv("AWS_SAM_LOCAL", value)
    with pytest.raises(Unauthenticated):
        user(event())


@pytest.mark.usefixtures("sam_local")
def test_an_authorizer_has_the_last_word() -> None:
    assert user(event(authorizer={"jwt": {"claims": {"sub": "alice"}}})) == "alice"


@pytest.mark.usefixtures("sam_local")
@pytest.mark.parametrize(
    "authorizer", [{}, {"jwt": {}}, {"jwt": {"claims": {}}}, {"iam": {}}, {"lambda": {}}]
)
def test_closed_where_an_authorizer_spoke_and_named_no_user(authorizer: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        user(event(authorizer=authorizer))


@pytest.mark.usefixtures("sam_local")
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "mallory"}, {"Authorization": "Basic bWFsbG9yeQ=="}, {"authorization": "Bearer "}],
)
def test_closed_without_a_bearer(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        user(event() | {"headers": headers})


@pytest.mark.usefixtures("sam_local")
def test_closed_for_a_direct_invoke() -> None:
    headers = {"Authorization": "Bearer mallory"}
    with pytest.raises(Unauthenticated):
        user({"session_id": "s", "headers": headers})
    assert user({"user_id": "alice", "headers": headers}) == "alice"


def test_no_other_variable_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that Lambda itself sets, and those that other emulators do."""
    monkeypatch.delenv("AWS_SAM_LOCAL", raising=False)
    for name in ("SAM_LOCAL", "IS_LOCAL", "IS_OFFLINE", "LOCALSTACK_HOSTNAME", "AWS_LAMBDA_FUNCTION_NAME"):
        monkeypatch.setenv(name, "true")
    with pytest.raises(Unauthenticated):
        user(event())
