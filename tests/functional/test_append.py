"""Append: numbered without gaps, all or none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.world import first, wait_until

if TYPE_CHECKING:
    from tests.functional.world import TableView


@pytest.mark.thorough
def test_append_answers_what_it_stored(api: Api) -> None:
    session_id = api.new(user("zero"))
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    sent = [
        assistant(None, tool_calls=[call], refusal="no", name="bot"),
        {"role": "tool", "content": "done", "tool_call_id": "c1", "message_id": "my-own"},
        {"role": "function", "content": None, "name": "f"},
        assistant("", function_call={"name": "f", "arguments": "{}"}),
        {"role": "system", "content": "ä€😀 \u2028"},
        {"role": "developer", "content": "d"},
    ]
    reply = api.append(session_id, *sent, usage={"prompt_tokens": 2, "completion_tokens": 3})
    body = reply.body
    assert reply.status == 201
    assert (body["first_sequence"], body["last_sequence"], body["message_count"]) == (1, 6, 7)
    assert (body["version"], body["replayed"]) == (2, False)
    for sequence, (given, stored) in enumerate(zip(sent, body["messages"], strict=True), 1):
        assert stored == {
            **given,
            "sequence": sequence,
            "message_id": stored["message_id"],
            "created_at": stored["created_at"],
        }
    assert body["messages"][1]["message_id"] == "my-own"
    assert UUID(body["messages"][0]["message_id"]).version == 4
    session = api.get(session_id).body
    assert session["messages"][1:] == body["messages"]
    assert session["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


@pytest.mark.thorough
def test_usage_is_summed(api: Api) -> None:
    session_id = api.new(usage={"prompt_tokens": 1})
    api.append(session_id, user("a"), usage={"prompt_tokens": 10, "total_tokens": 100})
    api.append(session_id, user("b"))
    api.append(session_id, user("c"), usage={"completion_tokens": 7})
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 108}
    assert api.get(session_id).body["usage"] == usage
    assert api.list().body["sessions"][0]["usage"] == usage


@pytest.mark.thorough
def test_append_to_what_is_not_there(api: Api, table: TableView) -> None:
    api.append("nothing", user("hello")).problem(404, "not_found")
    assert not table.session(api.user, "nothing")


def test_99_messages_at_once(api: Api) -> None:
    session_id = api.new()
    contents = [str(number) for number in range(99)]
    reply = api.append(session_id, *map(user, contents))
    assert (reply.status, reply.body["last_sequence"]) == (201, 98)
    assert api.contents(session_id) == contents


def test_expected_sequence(api: Api) -> None:
    session_id = api.new(user("zero"))
    assert api.append(session_id, user("one"), expected_sequence=1).status == 201
    for wrong in (0, 1, 3):
        mismatch = api.append(session_id, user("two"), expected_sequence=wrong)
        assert mismatch.problem(409, "sequence_mismatch")["message_count"] == 2
    assert api.contents(session_id) == ["zero", "one"]


def test_expected_sequence_does_not_trust_the_cache(api: Api) -> None:
    """The cached head says 1 where the log has moved to 2: the log decides."""
    session_id = api.new(user("zero"))

    def overtake() -> None:
        assert api.append(session_id, user("one")).status == 201

    with first("TransactWriteItems", overtake):
        late = api.append(session_id, user("mine"), expected_sequence=1)
    assert late.problem(409, "sequence_mismatch")["message_count"] == 2
    assert api.contents(session_id) == ["zero", "one"]


def test_a_writer_that_was_overtaken_goes_behind(api: Api) -> None:
    session_id = api.new()

    def overtake() -> None:
        api.append(session_id, user("faster"), user("and more"), usage={"prompt_tokens": 1})

    with first("TransactWriteItems", overtake):
        late = api.append(session_id, user("slower"), usage={"prompt_tokens": 2})
    assert (late.status, late.body["first_sequence"]) == (201, 2)
    assert api.contents(session_id) == ["faster", "and more", "slower"]
    assert api.get(session_id).body["usage"]["prompt_tokens"] == 3


def test_nothing_is_appended_to_a_session_that_is_deleted_meanwhile(api: Api, table: TableView) -> None:
    session_id = api.new(user("zero"))
    with first("TransactWriteItems", lambda: api.delete(session_id)):
        api.append(session_id, user("late")).problem(404, "not_found")
    api.get(session_id).problem(404, "not_found")
    wait_until(lambda: len(table.session(api.user, session_id)) == 1)


@pytest.mark.thorough
def test_many_writers_at_once(api: Api) -> None:
    """Each writer's messages are all there, once, in the writer's own order."""
    session_id = api.new()

    def write(writer: int) -> None:
        for number in range(8):
            reply = api.append(session_id, user(f"{writer}-{number}"), usage={"prompt_tokens": 1})
            assert reply.status == 201
            assert reply.body["messages"][0]["content"] == f"{writer}-{number}"

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))
    contents = api.contents(session_id)
    assert len(contents) == 48
    for writer in range(6):
        own = [one for one in contents if str(one).startswith(f"{writer}-")]
        assert own == [f"{writer}-{number}" for number in range(8)]
    assert api.get(session_id).body["usage"]["prompt_tokens"] == 48


def test_pages_of_messages(api: Api) -> None:
    session_id = api.new(*[user(str(number)) for number in range(10)])

    def page(**query: int) -> tuple[str, bool, int | None, int | None]:
        body = api.messages(session_id, **query).body
        contents = "".join(message["content"] for message in body["messages"])
        return contents, body["has_more"], body["oldest_sequence"], body["newest_sequence"]

    assert page() == ("0123456789", False, 0, 9)
    assert page(limit=3) == ("789", True, 7, 9)
    assert page(before=7, limit=3) == ("456", True, 4, 6)
    assert page(before=2) == ("01", False, 0, 1)
    assert page(after=-1, limit=4) == ("0123", True, 0, 3)
    assert page(after=3, limit=4) == ("4567", True, 4, 7)
    assert page(after=7) == ("89", False, 8, 9)
    assert page(after=2, before=6) == ("345", False, 3, 5)
    assert page(after=2, before=6, limit=2) == ("34", True, 3, 4)
    assert page(after=9) == page(after=99) == page(before=0) == ("", False, None, None)
    assert page(after=5, before=3) == ("", False, None, None)
    api.messages("nothing").problem(404, "not_found")
