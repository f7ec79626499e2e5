"""Limits hold for what results; a clock never runs backwards in the table; reads wait as writes do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.api import Api, assistant, user
from tests.functional.world import first, hook
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.world import TableView

LARGE = 20_000
OBJECTS = ("metadata", "credentials")
AHEAD = "2999-01-01T00:00:00.000000Z"


def of(size: int) -> dict[str, Any]:
    return {"large": {"text": "x" * size}}


@pytest.mark.parametrize("change", ["put", "patch"])
def test_objects_that_are_too_large_together(api: Api, change: str) -> None:
    session_id = api.new(metadata=of(LARGE))
    before = api.get(session_id).body
    getattr(api, change)(session_id, credentials=of(LARGE)).problem(413, "too_large")
    assert api.get(session_id).body == before


@pytest.mark.parametrize("change", ["put", "patch"])
def test_a_change_that_makes_them_smaller_passes(api: Api, table: TableView, change: str) -> None:
    """Also where they are too large afterwards, as an older release may have left them."""
    session_id = api.new(metadata=of(LARGE))
    table.client.update_item(
        TableName=table.name,
        Key=SessionKey(str(api.user), session_id).head,
        UpdateExpression="SET credentials = :large",
        ExpressionAttributeValues={":large": {"S": '{"large":{"text":"%s"}}' % ("x" * 40_000)}},
    )
    assert getattr(api, change)(session_id, metadata=of(LARGE - 1)).status == 200
    getattr(api, change)(session_id, metadata=of(LARGE + 1)).problem(413, "too_large")
    assert api.put(session_id, messages=[user("q")]).status == 200
    assert api.patch(session_id, credentials=None).status == 200


def test_two_patches_that_are_too_large_together(api: Api) -> None:
    session_id = api.new()
    with first("UpdateItem", lambda: api.patch(session_id, credentials=of(LARGE), touch=False)):
        api.patch(session_id, metadata=of(LARGE), touch=False).problem(413, "too_large")
    assert api.get(session_id).body["metadata"] == {}


def test_more_tool_calls_than_a_message_takes(api: Api, table: TableView) -> None:
    session_id = api.new(user("q"), assistant("a"))
    table.client.update_item(
        TableName=table.name,
        Key=SessionKey(str(api.user), session_id).at(0).message(1),
        UpdateExpression="SET attached = :tokens",
        ExpressionAttributeValues={":tokens": {"B": bytes(8 * 9_999)}},
    )
    assert api.tool_call(session_id, {"id": "b"}).status == 200
    problem = api.tool_call(session_id, {"id": "c"}).problem(413, "too_large")
    assert "10000" in problem["detail"]


@pytest.mark.parametrize(
    "change",
    [
        lambda api, one: api.title(one, "t"),
        lambda api, one: api.title(one, "t", only_if_unset=True),
        lambda api, one: api.patch(one, metadata={"a": 1}),
        lambda api, one: api.put(one, title="t"),
        lambda api, one: api.append(one, user("more")),
        lambda api, one: api.tool_call(one, {"id": "c"}),
        lambda api, one: api.rewind(one, 0, 1),
        lambda api, one: api.entries(one, "main", {"n": 2}),
        lambda api, one: api.import_(one, "main", b'{"n":1}\n{"n":2}\n'),
        lambda api, one: api.call("DELETE", f"/sessions/{one}/transcripts/main"),
    ],
)
def test_a_clock_that_is_behind(api: Api, table: TableView, change: Callable[[Api, str], Any]) -> None:
    session_id = api.new(user("q"))
    api.entries(session_id, "main", {"n": 1})
    table.client.update_item(
        TableName=table.name,
        Key=SessionKey(str(api.user), session_id).head,
        UpdateExpression="SET updated_at = :ahead, GSI1SK = :place",
        ExpressionAttributeValues={":ahead": {"S": AHEAD}, ":place": {"S": f"{AHEAD}#{session_id}"}},
    )
    version = api.get(session_id).body["version"]
    assert change(api, session_id).status in {200, 201, 204}
    session = api.get(session_id).body
    assert (session["updated_at"], session["version"]) == (AHEAD, version + 1)
    times = [message["created_at"] for message in session["messages"]]
    assert times == sorted(times)


def throttled(times: int) -> Callable[..., None]:
    left = [times]

    def refuse(**_: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem")

    return refuse


def test_a_read_that_is_throttled_waits_as_writes_do(api: Api) -> None:
    session_id = api.new(user("q"))
    with hook("before-call.dynamodb.GetItem", throttled(9)):
        assert api.get(session_id).status == 200
    with hook("before-call.dynamodb.GetItem", throttled(9)):
        api.call("DELETE", f"/sessions/{session_id}/cache")
        assert api.append(session_id, user("more")).status == 201


def test_health_gives_up_before_others_do(api: Api) -> None:
    asked: list[str] = []

    def refuse(event_name: str, **_: Any) -> None:
        asked.append(event_name)
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem")

    with hook("before-call.dynamodb.GetItem", refuse):
        api.call("GET", "/health").problem(503, "unavailable")
    assert len(asked) > 4
