"""Rewinds of more than one transaction has room for, of large messages, and beyond what the ring holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import assistant, user
from tests.functional.test_large import noise
from tests.functional.test_rewind import CALL, whole
from tests.functional.world import after_first, configured, counted, hook, wait_until
from turnlog.records.keys import HEAD, SessionKey
from turnlog.store import leftover

if TYPE_CHECKING:
    from tests.functional.api import Api
    from tests.functional.bucket import BucketView
    from tests.functional.world import Rows, TableView


class Interrupted(Exception):
    """The process is gone."""


def long_session(api: Api, length: int) -> str:
    """A session of so many messages, with ids `m0`, `m1` and so on."""
    session_id = f"s{length}"
    messages = [user(f"{at}", message_id=f"m{at}") for at in range(length)]
    assert api.put(session_id, messages=messages).status == 201
    return session_id


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction has room for five deletes, so that a short session is a long one."""
    monkeypatch.setattr(leftover, "MAX_DELETES", 5)


def items(table: TableView, api: Api, session_id: str) -> Rows:
    return {key: row for key, row in table.session(api.user, session_id).items() if "MSG#" in key[1]}


def interrupt_rewind(api: Api, session_id: str, to: int, expected: int) -> None:
    """A rewind of which no transaction but the first is made, as by a function that runs out of time."""
    made: list[int] = []

    def refuse(**_: Any) -> None:
        made.append(1)
        if len(made) > 1:
            raise Interrupted

    with hook("before-call.dynamodb.TransactWriteItems", refuse):
        body = {"to_sequence": to, "expected_sequence": expected}
        assert api.invoke("RewindSessionFunction", session_id, body=body)["status"] == 500


@pytest.mark.thorough
def test_more_than_one_transaction_has_room_for(api: Api, table: TableView) -> None:
    session_id = long_session(api, 250)
    with counted() as requests:
        reply = api.rewind(session_id, 10, 250)
    assert reply.body == {"message_count": 10, "version": 4, "replayed": False}
    # 240 messages go in steps of 99.
    assert requests.count("TransactWriteItems") == 3
    assert len(items(table, api, session_id)) == 10
    assert api.append(session_id, user("next")).body["first_sequence"] == 10
    assert len(whole(api, session_id)["messages"]) == 11


@pytest.mark.thorough
def test_all_of_a_long_session(api: Api, table: TableView) -> None:
    session_id = long_session(api, 300)
    api.get(session_id)
    assert api.rewind(session_id, 0, 300).status == 200
    assert not items(table, api, session_id)
    assert api.append(session_id, user("0", message_id="m0")).status == 201
    assert api.contents(session_id) == ["0"]


@pytest.mark.thorough
@pytest.mark.usefixtures("small_steps")
def test_large_messages_in_parts(api: Api, table: TableView) -> None:
    """A step deletes whole messages, of two items each, and nobody sees that any are left."""
    with configured(TURNLOG_BUCKET=""):
        session_id = api.new(user("zero"))
        for _ in range(2):
            assert api.append(session_id, *[assistant(noise(900_000)) for _ in range(4)]).status == 201
        assert len(items(table, api, session_id)) == 1 + 8 * 2
        interrupt_rewind(api, session_id, 1, 9)
        assert len(items(table, api, session_id)) == 1 + 6 * 2
        assert api.contents(session_id) == ["zero"]
        assert api.rewind(session_id, 1, 9).body["replayed"] is True
        assert len(items(table, api, session_id)) == 1


@pytest.mark.thorough
@pytest.mark.usefixtures("small_steps")
def test_large_messages_in_the_bucket(api: Api, bucket: BucketView) -> None:
    """An object goes after the step that deletes its item, also where the next append makes that step."""
    session_id = api.new(user("zero"))
    for _ in range(10):
        assert api.append(session_id, assistant(noise(600_000))).status == 201
    interrupt_rewind(api, session_id, 1, 11)
    assert len(bucket.of(api.user, session_id)) == 5
    assert api.append(session_id, user("one")).status == 201
    assert bucket.of(api.user, session_id) == []
    assert api.contents(session_id) == ["zero", "one"]


@pytest.mark.thorough
@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("writer", ["append", "put", "tool_call", "rewind", "again"])
def test_whoever_appends_next_finishes(api: Api, table: TableView, writer: str, *, warm: bool) -> None:
    session_id = long_session(api, 30)
    interrupt_rewind(api, session_id, 20, 30)
    assert len(items(table, api, session_id)) == 30 - 5
    assert len(api.contents(session_id)) == 20  # nobody sees what is left over
    api.title(session_id, "t")
    assert api.append(session_id, user("3", message_id="m3")).body["replayed"] is True
    if not warm:
        api.call("DELETE", f"/sessions/{session_id}/cache")
    match writer:
        case "append":
            assert api.append(session_id, user("next")).status == 201
        case "put":
            assert api.put(session_id, start_sequence=20, messages=[user("next")]).status == 200
        case "tool_call":
            assert api.tool_call(session_id, CALL).body["message"]["sequence"] == 20
        case "rewind":
            assert api.rewind(session_id, 19, 20).body["replayed"] is False
        case "again":
            assert api.rewind(session_id, 20, 30).body["replayed"] is True
    session = whole(api, session_id)
    assert len(session["messages"]) == {"rewind": 19, "again": 20}.get(writer, 21)
    assert len(items(table, api, session_id)) == len(session["messages"])
    head = next(row for (_, name), row in table.session(api.user, session_id).items() if name == "HEAD")
    assert "leftover" not in head


@pytest.mark.usefixtures("small_steps")
def test_two_that_finish_at_once(api: Api, table: TableView) -> None:
    session_id = long_session(api, 40)
    interrupt_rewind(api, session_id, 20, 40)
    with after_first("Query", lambda: api.append(session_id, user("faster"))):
        assert api.append(session_id, user("slower")).body["first_sequence"] == 21
    assert len(whole(api, session_id)["messages"]) == len(items(table, api, session_id)) == 22


@pytest.mark.usefixtures("small_steps")
def test_a_session_that_is_deleted_with_something_left_over(api: Api, table: TableView) -> None:
    session_id = long_session(api, 30)
    interrupt_rewind(api, session_id, 20, 30)
    assert api.delete(session_id).status == 204
    partition = SessionKey(str(api.user), session_id).partition
    wait_until(lambda: "expires_at" in table.session(api.user, session_id)[partition, HEAD])
    (tombstone,) = table.session(api.user, session_id).values()
    assert not {"rewinds", "rewound", "leftover"} & tombstone.keys()


@pytest.mark.thorough
@pytest.mark.parametrize("to", [250, 200, 150, 60])
def test_the_newest_128_of_what_stays_are_known(api: Api, to: int) -> None:
    """G2, also of those that the head had forgotten before."""
    session_id = long_session(api, 300)
    for at in range(300, 312):
        api.append(session_id, user(f"{at}", message_id=f"m{at}"))
    api.rewind(session_id, to, 312)
    oldest = max(0, to - 128)
    for at in (oldest, (oldest + to) // 2, to - 1):
        reply = api.append(session_id, user(f"{at}", message_id=f"m{at}"))
        assert (reply.status, reply.body["first_sequence"]) == (200, at)
    assert api.append(session_id, user(f"{to}", message_id=f"m{to}")).body["first_sequence"] == to
    assert len(api.contents(session_id)) == to + 1
