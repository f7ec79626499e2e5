"""G2: a message id is stored once, also when a reply was lost, and the repeat gets the first answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.world import configured, first, lost_reply, sent_twice

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGE = {"prompt_tokens": 5, "completion_tokens": 1}
SUM = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}


@pytest.fixture(params=["warm", "cold", "uncached"])
def cache_state(request: pytest.FixtureRequest) -> Iterator[str]:
    """Exactly once does not hang on the cache."""
    if request.param == "uncached":
        with configured(TURNLOG_CACHE_URL=""):
            yield request.param
    else:
        yield request.param


def test_the_same_message_twice(api: Api, cache_state: str) -> None:
    session_id = api.new(user("zero"))
    message = assistant("hello", message_id="m1", tool_calls=[{"id": "c"}])
    once = api.append(session_id, message, usage=USAGE)
    api.append(session_id, user("in between"))
    if cache_state == "cold":
        api.call("DELETE", f"/sessions/{session_id}/cache")
    for _ in range(2):
        again = api.append(session_id, message, usage=USAGE)
        assert (once.status, again.status) == (201, 200)
        assert again.body == {**once.body, "replayed": True, "message_count": 3, "version": 3}
    session = api.get(session_id).body
    assert (session["usage"], session["version"]) == (SUM, 3)
    assert api.contents(session_id) == ["zero", "hello", "in between"]


def test_a_replay_is_what_was_meant_not_how_it_was_written(api: Api) -> None:
    """Null fields, empty lists and the order of keys are no content."""
    session_id = api.new()
    api.append(session_id, user("a", message_id="m", tool_calls=[{"id": "c", "function": {"name": "f"}}]))
    again = {
        "message_id": "m",
        "tool_calls": [{"function": {"name": "f"}, "id": "c"}],
        "name": None,
        "content": "a",
        "role": "user",
    }
    assert api.append(session_id, again).body["replayed"] is True


@pytest.mark.parametrize(
    "changed",
    [{"content": "b"}, {"content": None}, {"role": "system"}, {"name": "n"}, {"tool_calls": [{"id": "c"}]}],
)
def test_the_same_id_with_other_content(api: Api, changed: dict[str, Any]) -> None:
    session_id = api.new()
    api.append(session_id, user("a", message_id="m"))
    before = api.get(session_id).body
    reused = {**user("a", message_id="m"), **changed}
    assert api.append(session_id, reused, usage=USAGE).problem(409, "message_id_reused")["sequence"] == 0
    api.append(session_id, user("new"), reused, usage=USAGE).problem(409, "message_id_reused")
    assert api.get(session_id).body == before


def test_one_id_twice_in_a_batch(api: Api) -> None:
    session_id = api.new()
    reply = api.append(session_id, user("a", message_id="m"), user("a", message_id="m"))
    reply.problem(422, "invalid")
    assert api.contents(session_id) == []


def test_a_batch_of_which_a_part_is_there(api: Api) -> None:
    """The rest is stored, in order; what is there is answered as it is."""
    session_id = api.new(user("a", message_id="a"), user("b", message_id="b"))
    batch = [user(name, message_id=name) for name in "xbyaz"]
    reply = api.append(session_id, *batch, usage=USAGE)
    assert reply.status == 201
    assert [(one["content"], one["sequence"]) for one in reply.body["messages"]] == [
        ("x", 2),
        ("b", 1),
        ("y", 3),
        ("a", 0),
        ("z", 4),
    ]
    assert (reply.body["replayed"], reply.body["message_count"]) == (False, 5)
    assert api.append(session_id, *batch, usage=USAGE).body["replayed"] is True
    assert api.contents(session_id) == ["a", "b", "x", "y", "z"]
    assert api.get(session_id).body["usage"] == SUM


def test_99_messages_twice(api: Api, cache_state: str) -> None:
    session_id = api.new(user("zero"))
    batch = [user(str(number), message_id=f"m{number}") for number in range(99)]
    once = api.append(session_id, *batch, usage=USAGE)
    if cache_state == "cold":
        api.call("DELETE", f"/sessions/{session_id}/cache")
    again = api.append(session_id, *batch, usage=USAGE)
    assert (again.status, again.body) == (200, {**once.body, "replayed": True})
    assert len(api.contents(session_id)) == 100
    assert api.get(session_id).body["usage"] == SUM


def test_an_id_is_known_after_100_more_messages(api: Api) -> None:
    session_id = api.new()
    once = api.append(session_id, user("early", message_id="m"), usage=USAGE)
    api.append(session_id, *[user(str(number)) for number in range(99)])
    api.append(session_id, user("99"))
    again = api.append(session_id, user("early", message_id="m"), usage=USAGE)
    assert (again.status, again.body["messages"]) == (200, once.body["messages"])
    assert len(api.contents(session_id)) == 101


def test_a_replay_after_a_tool_call_was_attached_answers_as_first_stored(api: Api) -> None:
    session_id = api.new(user("q"))
    for number, own in enumerate(([], [{"id": "own"}])):
        message = assistant("a", message_id=f"m{number}", **({"tool_calls": own} if own else {}))
        once = api.append(session_id, message)
        for call in ("c1", "c2"):
            api.tool_call(session_id, {"id": f"{call}-{number}"})
        again = api.append(session_id, message)
        assert (again.status, again.body["messages"]) == (200, once.body["messages"])
    attached = [len(message.get("tool_calls", ())) for message in api.get(session_id).body["messages"]]
    assert attached == [0, 2, 3]


@pytest.mark.parametrize("lost", [lost_reply, sent_twice])
@pytest.mark.parametrize("identified", [True, False])
def test_a_lost_reply_of_the_table(api: Api, lost: Any, *, identified: bool) -> None:
    """The function tries again and finds its own write: the client sees an ordinary 201."""
    session_id = api.new(user("zero"))
    message = user("one", message_id="m1") if identified else user("one")
    with lost("TransactWriteItems"):
        reply = api.append(session_id, message, usage=USAGE)
    assert (reply.status, reply.body["replayed"], reply.body["first_sequence"]) == (201, False, 1)
    assert api.contents(session_id) == ["zero", "one"]
    session = api.get(session_id).body
    assert (session["usage"], session["version"]) == (SUM, 2)


def test_a_lost_reply_and_another_writer(api: Api) -> None:
    session_id = api.new()

    def overtake() -> None:
        api.append(session_id, user("theirs"), usage=USAGE)

    with lost_reply("TransactWriteItems"), first("GetItem", overtake):
        reply = api.append(session_id, user("mine"), usage=USAGE)
    assert reply.body["first_sequence"] == 0
    assert api.contents(session_id) == ["mine", "theirs"]
    assert api.get(session_id).body["usage"]["prompt_tokens"] == 10


def test_two_tabs_send_the_same_message_at_once(api: Api) -> None:
    session_id = api.new()

    def send() -> Any:
        return api.append(session_id, user("hello", message_id="m"), usage=USAGE)

    with first("TransactWriteItems", send):
        late = send()
    assert (late.status, late.body["replayed"]) == (200, True)
    assert api.contents(session_id) == ["hello"]
    assert api.get(session_id).body["usage"] == SUM


def test_create_whose_reply_was_lost(api: Api) -> None:
    with lost_reply("TransactWriteItems"):
        reply = api.call("POST", "/sessions", {"session_id": "s", "messages": [user("a")], "usage": USAGE})
    assert reply.status == 201
    assert (api.contents("s"), api.list().body["total"]) == (["a"], 1)


def test_delete_whose_reply_was_lost(api: Api) -> None:
    kept = api.new()
    session_id = api.new()
    with lost_reply("TransactWriteItems"):
        assert api.delete(session_id).status == 204
    assert [one["session_id"] for one in api.list().body["sessions"]] == [kept]
    assert api.list().body["total"] == 1


def test_title_and_patch_whose_replies_were_lost(api: Api) -> None:
    """Made once, and an `If-Match` does not fail for one's own change."""
    session_id = api.new()
    with lost_reply("UpdateItem"):
        titled = api.title(session_id, "t", {"If-Match": '"1"'})
    with lost_reply("UpdateItem"):
        patched = api.patch(session_id, {"If-Match": '"2"'}, metadata={"n": 1})
    assert [(one.status, one.body["version"]) for one in (titled, patched)] == [(200, 2), (200, 3)]
    assert patched.body["metadata"] == {"n": 1}


def test_tool_call_whose_reply_was_lost(api: Api) -> None:
    session_id = api.new(user("q"))
    for expected in (1, 2):
        with lost_reply("TransactWriteItems"):
            reply = api.tool_call(session_id, {"function": {"name": "f"}})
        assert len(reply.body["message"]["tool_calls"]) == expected
    assert len(api.contents(session_id)) == 2
