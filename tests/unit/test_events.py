from __future__ import annotations

import base64
from typing import Any

import pytest
from turnlog.errors import Invalid, MalformedBody, TooLarge, Unauthenticated
from turnlog.http import events
from turnlog.http.events import Parameter
from turnlog.limits import BODY_LIMIT
from turnlog.models.sessions import SetTitle


def http(**fields: Any) -> dict[str, Any]:
    claims = {"authorizer": {"jwt": {"claims": {"sub": "alice"}}}}
    return {"requestContext": {"requestId": "r", **claims}, "headers": {}, **fields}


def test_api_gateways_event() -> None:
    call = events.parse(
        http(
            pathParameters={"session_id": "s"},
            queryStringParameters={"limit": "5"},
            headers={"if-match": '"1"'},
            body='{"title": "t"}',
        ),
        "lambda's",
    )
    assert (call.user_id, call.key, call.direct) == ("alice", ("alice", "s"), False)
    assert (call.request_id, call.headers["if-match"], call.query) == ("r", '"1"', {"limit": "5"})
    assert call.body(SetTitle, required=True).title == "t"


def test_a_direct_invoke() -> None:
    call = events.parse(
        {
            "user_id": "alice",
            "session_id": "s",
            "headers": {"If-Match": "*"},
            "query": {"limit": 5, "draft": True, "cursor": None},
            "body": {"title": "ä"},
        },
        "lambda's",
    )
    assert (call.user_id, call.key, call.direct, call.request_id) == (
        "alice",
        ("alice", "s"),
        True,
        "lambda's",
    )
    assert (call.headers, call.query) == ({"if-match": "*"}, {"limit": "5", "draft": "true"})
    assert call.body(SetTitle, required=True).title == "ä"


def test_a_body_in_base64() -> None:
    encoded = base64.b64encode(b'{"title": "t"}').decode()
    call = events.parse(http(body=encoded, isBase64Encoded=True), "")
    assert call.body(SetTitle, required=True).title == "t"
    with pytest.raises(MalformedBody):
        events.parse(http(body="a", isBase64Encoded=True), "").body(SetTitle, required=True)


@pytest.mark.parametrize("context", [{}, {"authorizer": {}}, {"authorizer": {"jwt": {"claims": {}}}}])
def test_without_a_user(context: dict[str, Any]) -> None:
    call = events.parse({"requestContext": context}, "lambda's")
    with pytest.raises(Unauthenticated):
        _ = call.user_id
    assert call.request_id == "lambda's"
    with pytest.raises(Unauthenticated):
        _ = events.parse({}, "").user_id


def test_bodies() -> None:
    absent = events.parse(http(), "")
    with pytest.raises(MalformedBody):
        absent.body(SetTitle, required=True)
    with pytest.raises(Invalid):
        absent.body(SetTitle, required=False)
    with pytest.raises(TooLarge):
        events.parse(http(body=" " * (BODY_LIMIT + 1)), "").body(SetTitle, required=True)
    with pytest.raises(MalformedBody):
        events.parse(http(body='{"title": "\ud800"}'), "").body(SetTitle, required=True)


def test_what_was_sent_is_not_in_the_problem() -> None:
    with pytest.raises(Invalid) as raised:
        events.parse(http(body='{"title": ["secret"]}'), "").body(SetTitle, required=True)
    assert "secret" not in str(raised.value.errors) + raised.value.detail


@pytest.mark.parametrize(
    ("given", "value"), [("0", 0), ("7", 7), ("007", 7), ("-1", -1), ("10", 10), (None, 5)]
)
def test_a_number(given: str | None, value: int) -> None:
    assert Parameter(int, default=5, minimum=-1, maximum=10).parse("n", given) == value


@pytest.mark.parametrize("given", ["", "11", "-2", "--1", "1.0", "1e1", " 1", "+1", "٣", "²", "9" * 5_000])
def test_a_number_that_is_none(given: str) -> None:
    with pytest.raises(Invalid):
        Parameter(int, minimum=-1, maximum=10).parse("n", given)


def test_a_truth() -> None:
    flag = Parameter(bool, default=False)
    assert [flag.parse("b", given) for given in ("true", "false", None)] == [True, False, False]
    for given in ("", "1", "True", "yes"):
        with pytest.raises(Invalid):
            flag.parse("b", given)
