from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.errors import Invalid, MalformedBody, TooLarge, Unauthenticated
from turnlog.http import events
from turnlog.http.events import Parameter
from turnlog.limits import BODY_LIMIT
from turnlog.models.messages import AppendMessages, EditMessage, RewindSession
from turnlog.models.sessions import SetTitle
from turnlog.records import jsonl

if TYPE_CHECKING:
    from pydantic import BaseModel


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
    with pytest.raises(Invalid):
        events.parse(http(body='{"title": [], "\ud800": 1}'), "").body(SetTitle, required=True)


def test_what_was_sent_is_not_in_the_problem() -> None:
    with pytest.raises(Invalid) as raised:
        events.parse(http(body='{"title": ["secret"]}'), "").body(SetTitle, required=True)
    assert "secret" not in str(raised.value.errors) + raised.value.detail


@pytest.mark.parametrize(
    ("model", "body", "detail"),
    [
        (SetTitle, "{}", "title: is required"),
        (SetTitle, "[]", "body: must be an object"),
        (SetTitle, '{"title": 5}', "title: must be a valid string"),
        (SetTitle, '{"title": "t", "titel": "t"}', "titel: is not a known field"),
        (
            AppendMessages,
            '{"messages": [{"role": "user"}, {"role": "robot"}], "usage": 5}',
            (
                "messages.1.role: must be 'user', 'assistant', 'system', 'developer', 'tool', 'function' or"
                " 'model'"
                " (and 1 more: see `errors`)"
            ),
        ),
        (EditMessage, '{"removed": false}', "removed: must be true"),
        (AppendMessages, '{"messages": []}', "messages: must have at least 1 item, not 0"),
        (
            RewindSession,
            '{"to_sequence": 2, "expected_sequence": 1}',
            "body: to_sequence must not be greater than expected_sequence",
        ),
    ],
)
def test_the_problem_names_what_is_wrong(model: type[BaseModel], body: str, detail: str) -> None:
    with pytest.raises(Invalid) as raised:
        events.parse(http(body=body), "").body(model, required=True)
    assert str(raised.value) == raised.value.detail == detail


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


def as_title(call: events.Call) -> SetTitle:
    return call.body(SetTitle, required=True)


def test_bodies_as_long_as_they_may_be() -> None:
    """One byte more is too large, in each of the forms in which a body comes."""
    for more in (0, 1):
        size = BODY_LIMIT + more
        # In an event each of its four quotes takes two bytes.
        title = '{"title": "t"}'.ljust(size - 4)
        encoded = base64.b64encode(b'{"title": "t"}'.ljust(BODY_LIMIT // 4 * 3)).decode() + " " * more
        line = '{"t": "ä"}'.ljust(size - 7)  # two bytes; and it is quoted, and its quotes escaped
        sent = [
            (http(body=title), as_title),
            (http(body=encoded, isBase64Encoded=True), events.Call.text),
            ({"user_id": "alice", "body": line}, events.Call.text),
        ]
        for event, read in sent:
            call = events.parse(event, "")
            if more:
                with pytest.raises(TooLarge):
                    read(call)
            else:
                assert read(call)


def test_a_text_of_a_direct_invoke_is_given_on_as_it_came() -> None:
    """Half a character too, which UTF-8 cannot hold: as JSON's escape of it."""
    text = events.parse({"user_id": "alice", "body": '{"t": "\ud800"}\n'}, "").text()
    assert [line.fields for line in jsonl.parse(text)] == [{"t": "\ud800"}]


def test_a_body_of_wrong_fields_does_not_come_back_as_a_larger_answer() -> None:
    names = ",".join(f'"{"x" * 1_000}{number}": 1' for number in range(1_000))
    with pytest.raises(Invalid) as raised:
        events.parse(http(body="{" + names + "}"), "").body(SetTitle, required=True)
    assert "and 1000 more" in raised.value.detail
    assert 0 < len(str(raised.value.errors)) < 5_000


def test_a_bearer_whom_no_authorizer_has_checked_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for SAM local, which has no authorizer."""
    event = {"requestContext": {}, "headers": {"Authorization": "Bearer alice"}}
    monkeypatch.delenv("AWS_SAM_LOCAL", raising=False)
    assert events.parse(event, "").user is None
    monkeypatch.setenv("AWS_SAM_LOCAL", "true")
    assert events.parse(event, "").user == "alice"
    assert events.parse({**event, "requestContext": {"authorizer": {}}}, "").user is None
