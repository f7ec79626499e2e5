"""A stored message is edited: its metadata, all that it says, or it is removed."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import assistant, user
from tests.functional.bucket import BucketView, bucket_requests
from tests.functional.test_large import no_bucket, noise
from tests.functional.world import after_first, first, lost_reply, sent_twice

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.api import Api
    from tests.functional.world import TableView
    from tests.http_client import Reply

__all__ = ["no_bucket"]  # the fixture

USAGE = {"prompt_tokens": 9, "completion_tokens": 1}
OLD = "what nobody may read again"


def everywhere(api: Api, session_id: str) -> list[Any]:
    """What each way of reading the session shows: from the cache, and from the table alone."""
    shown = []
    for _ in range(2):
        shown += [
            api.get(session_id).body["messages"],
            api.messages(session_id).body["messages"],
            [api.message(session_id, at).body for at in range(api.get(session_id).body["message_count"])],
        ]
        api.call("DELETE", f"/sessions/{session_id}/cache")
    return shown


@pytest.mark.parametrize("cold", [True, False])
def test_one_message_is_read(api: Api, *, cold: bool) -> None:
    session_id = api.new(user("a", message_id="a"), assistant("b", x=[1]))
    if cold:
        api.call("DELETE", f"/sessions/{session_id}/cache")
    messages = api.get(session_id).body["messages"]
    assert [api.message(session_id, at).body for at in range(2)] == messages
    for sequence in (2, 9_999_999_999):
        api.message(session_id, sequence).problem(404, "not_found")
    for wrong in (10**12, "-1", "1.0", "%D9%A3", "x"):
        path = f"/sessions/{session_id}/messages/{wrong}"
        api.call("GET", path).problem(422, "invalid")
        api.call("PATCH", path, {"removed": True}).problem(422, "invalid")


def test_metadata_is_patched(api: Api) -> None:
    session_id = api.new(user("a", message_id="m"), assistant("b"))
    first_shown = api.get(session_id).body["messages"]
    edited = api.edit(session_id, 0, metadata={"rating": 5, "by": {"name": "x"}})
    assert edited.body["version"] == api.get(session_id).body["version"] == 2
    api.edit(session_id, 0, metadata={"rating": None, "by": {"at": 1}})
    wanted = [first_shown[0] | {"metadata": {"by": {"name": "x", "at": 1}}}, first_shown[1]]
    assert all(shown == wanted for shown in everywhere(api, session_id))
    # It is no part of what was said: the message is neither edited, nor is another one under its id a repeat.
    assert api.append(session_id, user("a", message_id="m")).body["messages"] == [wanted[0]]
    api.append(session_id, user("other", message_id="m")).problem(409, "message_id_reused")
    emptied = api.edit(session_id, 0, metadata=None)
    assert (emptied.body["message"], emptied.body["version"]) == (first_shown[0], 4)


def test_a_message_is_replaced(api: Api, table: TableView) -> None:
    session_id = api.new(user("q"))
    api.append(session_id, assistant(OLD, message_id="m", x=OLD, metadata={"a": 1}), usage=USAGE)
    api.tool_call(session_id, {"id": "c", "function": {"name": "f"}})
    before = api.get(session_id).body
    edited = api.edit(session_id, 1, replace={"role": "assistant", "content": [{"text": "new"}], "y": 1})
    message = edited.body["message"]
    edited_at = message.pop("edited_at")
    kept = {name: before["messages"][1][name] for name in ("sequence", "message_id", "created_at")}
    assert message == kept | {"role": "assistant", "content": [{"text": "new"}], "y": 1}
    assert edited_at > message["created_at"]
    after = api.get(session_id).body
    assert (after["usage"], after["message_count"]) == (before["usage"], 2)
    assert (after["version"], edited.body["version"]) == (before["version"] + 1,) * 2
    wanted = [before["messages"][0], message | {"edited_at": edited_at}]
    assert all(shown == wanted for shown in everywhere(api, session_id))
    item = table.session(api.user, session_id)[f"USER#{api.user}#SESSION#{session_id}", "MSG#0000000001"]
    assert "attached" not in item
    # Its usage goes with it when a rewind takes it away.
    assert api.rewind(session_id, 1, 2).status == 200
    assert api.get(session_id).body["usage"]["total_tokens"] == 0


def test_a_message_is_removed(api: Api) -> None:
    session_id = api.new(user("q"), assistant(OLD, message_id="m", metadata={"a": OLD}, x=OLD), user("p"))
    before = api.get(session_id).body["messages"]
    edited = api.edit(session_id, 1, removed=True, message_id="m").body["message"]
    assert edited == {
        "sequence": 1,
        "message_id": "m",
        "created_at": before[1]["created_at"],
        "edited_at": edited["edited_at"],
        "role": "assistant",
        "content": None,
        "removed": True,
    }
    assert all(shown == [before[0], edited, before[2]] for shown in everywhere(api, session_id))
    assert api.messages(session_id, limit=2).body["messages"] == [edited, before[2]]
    assert [one["content"] for one in api.export(session_id).body["messages"]] == ["q", "p"]
    for edit in ({"removed": True}, {"metadata": {"a": 1}}, {"replace": user("r")}):
        api.edit(session_id, 1, **edit).problem(409, "removed")


@pytest.mark.parametrize("edit", [{"removed": True}, {"replace": assistant("short")}])
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_nothing_of_the_old_content_is_kept(
    api: Api, table: TableView, valkey: Any, edit: dict[str, Any], size: int
) -> None:
    """Neither in the items, of which a large message has several, nor in the cache."""
    content = "".join(chr(0x4E00 + at * 7 % 20_000) for at in range(size // 3))
    session_id = api.new(user("q"), assistant(content, message_id="m"), user("p"))
    api.get(session_id)
    assert api.edit(session_id, 1, **edit).status == 200
    items = [
        row for (_, name), row in table.session(api.user, session_id).items() if "MSG#0000000001" in name
    ]
    assert len(items) == 1
    assert len(bytes(items[0]["data"]["B"])) < 300
    for key in valkey.keys(f"*{session_id}*:log:*"):
        assert len(valkey.hget(key, "1")) < 300
        assert valkey.hlen(key) == 3


@pytest.mark.parametrize("lost", [False, True])
def test_the_object_of_a_large_message_goes(api: Api, bucket: BucketView, *, lost: bool) -> None:
    """With what was said, also where the reply of the table is lost; metadata does not touch it."""
    session_id = api.new(user("q"), assistant(noise(600_000), message_id="m"))
    (first_key,) = bucket.of(api.user, session_id)
    before = api.message(session_id, 1).body
    with bucket_requests() as asked:
        edited = api.edit(session_id, 1, metadata={"rating": 5}).body["message"]
    assert asked == ["GetObject"]
    assert edited == before | {"metadata": {"rating": 5}}
    assert all(shown[1] == edited for shown in everywhere(api, session_id))
    assert bucket.of(api.user, session_id) == [first_key]
    with lost_reply("TransactWriteItems") if lost else nullcontext():
        replaced = api.edit(session_id, 1, replace=assistant(noise(600_000)), edit_id="e").body["message"]
    (second_key,) = bucket.of(api.user, session_id)
    assert second_key != first_key
    assert all(shown[1] == replaced for shown in everywhere(api, session_id))
    assert api.edit(session_id, 1, removed=True, edit_id="e").body["message"] == replaced
    with lost_reply("TransactWriteItems") if lost else nullcontext(), bucket_requests() as asked:
        removed = api.edit(session_id, 1, removed=True).body["message"]
    assert (asked, bucket.of(api.user, session_id)) == (["DeleteObject"], [])
    assert all(shown[1] == removed for shown in everywhere(api, session_id))


@pytest.mark.usefixtures("no_bucket")
def test_a_large_message_in_parts(api: Api) -> None:
    """Without a bucket: its metadata may take another part, and all that it says fewer of them."""
    session_id = api.new(assistant(noise(800_000), message_id="m", x=1))
    before = api.message(session_id, 0).body
    edited = api.edit(session_id, 0, metadata={"a": "x" * 30_000}).body["message"]
    assert edited == before | {"metadata": {"a": "x" * 30_000}}
    assert all(shown == [edited] for shown in everywhere(api, session_id))
    replaced = api.edit(session_id, 0, replace=assistant(noise(450_000))).body["message"]
    assert all(shown == [replaced] for shown in everywhere(api, session_id))
    assert api.edit(session_id, 0, replace=assistant("short")).status == 200
    assert api.contents(session_id) == ["short"]


@pytest.mark.parametrize("edit", [{"removed": True}, {"replace": assistant("new")}])
def test_a_resend_of_an_edited_message_is_a_replay(api: Api, edit: dict[str, Any]) -> None:
    """Whatever it says: what stood there is gone. It answers what stands now."""
    session_id = api.new(user("q"))
    batch = [assistant("old", message_id="m"), user("n", message_id="n")]
    api.append(session_id, *batch, usage=USAGE)
    edited = api.edit(session_id, 1, **edit).body["message"]
    for sent in (batch[0], assistant("new", message_id="m"), user("whatever", message_id="m")):
        again = api.append(session_id, sent, usage=USAGE)
        assert (again.status, again.body["messages"]) == (200, [edited])
    again = api.append(session_id, *batch, user("more", message_id="o"), usage=USAGE)
    assert (again.status, [one["sequence"] for one in again.body["messages"]]) == (201, [1, 2, 3])
    # A PUT compares with what stands.
    api.put(session_id, messages=[user("q"), *batch]).problem(409, "diverged")
    stands = api.get(session_id).body["messages"]
    assert api.put(session_id, messages=stands).body["message_count"] == 4


def test_a_repeat_undoes_nothing(api: Api) -> None:
    session_id = api.new(user("a"))
    api.edit(session_id, 0, metadata={"x": 1}, edit_id="first")
    newer = api.edit(session_id, 0, metadata={"x": 2}, edit_id="second").body
    assert api.edit(session_id, 0, metadata={"x": 1}, edit_id="first").body == newer
    replaced = api.edit(session_id, 0, replace=user("b"), edit_id="third").body
    for edit_id in ("first", "second", "third"):
        assert api.edit(session_id, 0, removed=True, edit_id=edit_id).body == replaced
    removed = api.edit(session_id, 0, removed=True, edit_id="fourth").body
    for edit_id in ("first", "third", "fourth"):
        assert api.edit(session_id, 0, replace=user("c"), edit_id=edit_id).body == removed
    assert api.get(session_id).body["version"] == removed["version"] == 5


def test_a_repeat_of_an_edit_that_changed_nothing_undoes_nothing(api: Api) -> None:
    session_id = api.new(assistant("a"))
    before = api.get(session_id)
    for edit in ({"replace": assistant("a")}, {"metadata": {"x": None}}):
        assert api.edit(session_id, 0, **edit, edit_id=f"on {[*edit]}").body["version"] == 1
    after = api.get(session_id)
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])
    newer = api.edit(session_id, 0, replace=assistant("b", metadata={"x": 2}), edit_id="another").body
    for edit in ({"replace": assistant("a")}, {"metadata": {"x": None}}):
        assert api.edit(session_id, 0, **edit, edit_id=f"on {[*edit]}").body == newer
    assert api.contents(session_id) == ["b"]


def test_a_lost_reply_of_an_edit_that_changes_nothing(api: Api) -> None:
    """It claims no version of another's."""
    session_id = api.new(user("a"))
    with lost_reply("TransactWriteItems", lambda: api.edit(session_id, 0, metadata={"x": 2})):
        edited = api.edit(session_id, 0, metadata={"x": None}, edit_id="e").body
    assert (edited["message"]["metadata"], edited["version"]) == ({"x": 2}, 1)
    assert api.get(session_id).body["version"] == 2


def test_an_edit_is_known_again_after_31_others(api: Api) -> None:
    session_id = api.new(user("a"))
    api.edit(session_id, 0, metadata={"x": -1}, edit_id="early")
    for at in range(31):
        api.edit(session_id, 0, metadata={"x": at}, edit_id=str(at))
    again = api.edit(session_id, 0, metadata={"x": -1}, edit_id="early").body
    assert again["message"]["metadata"] == {"x": 30}


@pytest.mark.parametrize(
    "edit",
    [
        {"metadata": {"a": 1.0, "b": None}},
        {"metadata": {}},
        {"replace": assistant("a", x=[1.0], y=None, metadata={"a": 1})},
    ],
)
def test_an_edit_that_changes_nothing_moves_no_version(api: Api, edit: dict[str, Any]) -> None:
    session_id = api.new(assistant("a", x=[1], metadata={"a": 1}))
    before = api.get(session_id).body
    answer = api.edit(session_id, 0, **edit).body
    assert (answer["message"], answer["version"]) == (before["messages"][0], 1)
    assert api.get(session_id).body == before


def test_only_the_message_that_is_meant(api: Api) -> None:
    session_id = api.new(user("a", message_id="a"), user("b", message_id="b"))
    before = api.get(session_id).body
    wrong: list[Callable[[], Reply]] = [
        lambda: api.edit(session_id, 0, removed=True, message_id="b"),
        lambda: api.edit(session_id, 0, replace=user("c", message_id="b")),
    ]
    for call in wrong:
        call().problem(409, "message_moved")
    api.edit(session_id, 2, removed=True).problem(404, "not_found")
    api.edit(session_id, 0, {"If-Match": '"7"'}, removed=True).problem(412, "precondition_failed")
    assert api.get(session_id).body == before
    assert api.edit(session_id, 0, {"If-Match": '"1"'}, metadata={"a": 1}).body["version"] == 2
    api.edit(session_id, 0, {"If-Match": '"1"'}, removed=True).problem(412, "precondition_failed")
    assert api.edit(session_id, 0, {"If-Match": "*"}, removed=True).body["version"] == 3


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "exactly one"),
        ({"message_id": "a"}, "exactly one"),
        ({"replace": user("b"), "removed": True}, "exactly one"),
        ({"metadata": {}, "removed": True}, "exactly one"),
        ({"metadata": None, "replace": user("b")}, "exactly one"),
        ({"removed": False}, "removed"),
        ({"replace": {"content": "x"}}, "role"),
        ({"replace": "x"}, "replace"),
        ({"replace": {"role": "user", "removed": True}}, "removed"),
        ({"replace": user("b", message_id="b"), "message_id": "a"}, "message_id"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"x": 1}, "edit_id": ""}, "edit_id"),
        ({"metadata": {"x": 1}, "edit_id": "x" * 65}, "edit_id"),
        ({"removed": True, "content": "x"}, "content"),
    ],
)
def test_what_is_no_edit(api: Api, body: dict[str, Any], wrong: str) -> None:
    session_id = api.new(user("a", message_id="a"))
    before = api.get(session_id).body
    assert wrong in api.edit(session_id, 0, **body).problem(422, "invalid")["detail"]
    assert api.get(session_id).body == before


def test_what_is_too_large(api: Api) -> None:
    session_id = api.new(user("a", metadata={"a": "x" * 20_000}))
    before = api.get(session_id).body
    for edit in (
        {"metadata": {"b": "x" * 300_000}},
        {"metadata": {"b": "x" * 20_000}},
        {"replace": user("b", metadata={"a": "x" * 40_000})},
    ):
        assert "metadata" in api.edit(session_id, 0, **edit).problem(413, "too_large")["detail"]
    assert api.get(session_id).body == before
    assert api.edit(session_id, 0, metadata={"a": None, "b": "x" * 20_000}).status == 200


def test_what_json_can_hold(api: Api) -> None:
    session_id = api.new(user("a"))
    raw = json.dumps({"replace": {"role": "tool", "content": "\ud83d and \x00", "x": 10**4000}}).encode()
    path = f"/sessions/{session_id}/messages/0"
    edited = api.call("PATCH", path, raw=raw).body["message"]
    assert (edited["content"], edited["x"]) == ("\ud83d and \x00", 10**4000)
    assert api.message(session_id, 0).body == edited


@pytest.mark.parametrize("lost", [lost_reply, sent_twice])
@pytest.mark.parametrize("edit", [{"metadata": {"x": 1}}, {"replace": user("b")}, {"removed": True}])
def test_a_lost_reply_of_the_table(api: Api, lost: Any, edit: dict[str, Any]) -> None:
    """The function tries again and finds its own edit."""
    session_id = api.new(user("a"))
    with lost("TransactWriteItems"):
        edited = api.edit(session_id, 0, **edit)
    assert edited.status == 200
    after = api.get(session_id).body
    assert (after["messages"], after["version"]) == ([edited.body["message"]], edited.body["version"])
    assert after["version"] == 2


def test_a_lost_reply_and_another_edit(api: Api) -> None:
    """It is not made again over the other's; and it claims no version of the other's."""
    session_id = api.new(user("a"))
    with lost_reply("TransactWriteItems", lambda: api.edit(session_id, 0, metadata={"x": 2})):
        edited = api.edit(session_id, 0, metadata={"x": 1}).body
    assert (edited["message"]["metadata"], edited["version"]) == ({"x": 2}, 2)
    assert api.get(session_id).body["version"] == 3


def test_two_at_once(api: Api) -> None:
    session_id = api.new(user("a"), user("b"))
    with first("TransactWriteItems", lambda: api.edit(session_id, 0, metadata={"x": 1})):
        edited = api.edit(session_id, 0, metadata={"y": 2}).body
    assert (edited["message"]["metadata"], edited["version"]) == ({"x": 1, "y": 2}, 3)
    with first("TransactWriteItems", lambda: api.edit(session_id, 1, removed=True)):
        api.edit(session_id, 1, replace=user("c")).problem(409, "removed")


def test_appends_do_not_keep_an_edit_waiting(api: Api) -> None:
    """An append in the same instant is no reason to look again."""
    session_id = api.new(user("a"))
    with after_first("Query", lambda: api.append(session_id, user("b"))):
        edited = api.edit(session_id, 0, metadata={"x": 1}).body
    assert api.get(session_id).body["messages"][0] == edited["message"]
    assert (edited["version"], api.get(session_id).body["version"]) == (2, 3)
    assert api.contents(session_id) == ["a", "b"]


def test_a_rewind_takes_the_message_away_at_that_moment(api: Api) -> None:
    session_id = api.new(user("a"), user("b", message_id="b"))

    def another() -> None:
        api.rewind(session_id, 1, 2)
        api.append(session_id, user("c", message_id="c"))

    with first("TransactWriteItems", lambda: api.rewind(session_id, 1, 2)):
        api.edit(session_id, 1, removed=True, message_id="b").problem(404, "not_found")
    api.append(session_id, user("b", message_id="b"))
    with first("TransactWriteItems", another):
        api.edit(session_id, 1, removed=True, message_id="b").problem(409, "message_moved")
    with lost_reply("TransactWriteItems", another):
        api.edit(session_id, 1, replace=user("d"), message_id="c").problem(503, "unavailable")
    assert api.contents(session_id) == ["a", "c"]
    with first("TransactWriteItems", lambda: api.delete(session_id)):
        api.edit(session_id, 0, removed=True).problem(404, "not_found")


def test_tool_calls_pass_a_removed_message_by(api: Api) -> None:
    session_id = api.new(user("q"), assistant("a", message_id="a"))
    api.edit(session_id, 1, removed=True)
    added = api.tool_call(session_id, {"id": "c"}).body["message"]
    assert (added["sequence"], added["tool_calls"]) == (2, [{"id": "c"}])
    assert "tool_calls" not in api.message(session_id, 1).body


def test_a_lost_tool_call_that_a_replace_took_along_is_not_added_again(api: Api) -> None:
    session_id = api.new(user("q"), assistant("a"))
    with lost_reply("TransactWriteItems", lambda: api.edit(session_id, 1, replace=assistant("b"))):
        added = api.tool_call(session_id, {"function": {"name": "f"}}).body["message"]
    assert added == api.message(session_id, 1).body
    assert (added["content"], "tool_calls" in added) == ("b", False)


def test_a_call_that_is_added_to_a_replaced_message_is_no_part_of_its_replay(api: Api) -> None:
    session_id = api.new(user("q"), assistant("a", message_id="m"))
    edited = api.edit(session_id, 1, replace=assistant("b")).body["message"]
    api.tool_call(session_id, {"id": "c"})
    assert api.append(session_id, assistant("a", message_id="m")).body["messages"] == [edited]
    assert api.message(session_id, 1).body == edited | {"tool_calls": [{"id": "c"}]}


def test_another_users(api: Api, other: Api) -> None:
    session_id = api.new(user("a"))
    other.message(session_id, 0).problem(404, "not_found")
    other.edit(session_id, 0, removed=True).problem(404, "not_found")
    assert api.contents(session_id) == ["a"]
