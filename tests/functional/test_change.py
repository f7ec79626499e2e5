"""PATCH of the objects and of the title; `If-Match`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, user
from tests.functional.world import first

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.world import TableView
    from tests.http_client import Reply


def test_patch_merges_each_object(api: Api) -> None:
    session_id = api.new(
        user("q"),
        metadata={"a": {"b": 1, "c": 2}, "d": [1]},
        credentials={"p": {"token_type": "bearer"}, "q": {}},
        successful_agent_runs={"g1": 1, "g2": 2},
        successful_agent_schedules={"s": 1},
    )
    reply = api.patch(
        session_id,
        metadata={"a": {"b": None, "e": {"f": None}}, "d": [2], "n": "new"},
        credentials={"p": {"scopes": []}, "q": None},
        successful_agent_runs={"g1": 5, "g2": None, "g3": 1},
    )
    assert (reply.status, reply.body["version"]) == (200, 2)
    session = api.get(session_id).body
    assert session["metadata"] == {"a": {"c": 2, "e": {}}, "d": [2], "n": "new"}
    assert session["credentials"] == {"p": {"token_type": "bearer", "scopes": []}}
    assert session["successful_agent_runs"] == {"g1": 5, "g3": 1}
    assert session["successful_agent_schedules"] == {"s": 1}
    assert [one["content"] for one in session["messages"]] == ["q"]


def test_patch_with_null_empties_and_with_nothing_changes_nothing(api: Api) -> None:
    session_id = api.new(metadata={"a": 1})
    nothings: list[dict[str, Any]] = [{}, {"metadata": {}}, {"metadata": {"a": 1, "b": None}}]
    for nothing in nothings:
        assert api.patch(session_id, **nothing).body["version"] == 1
    assert api.patch(session_id, metadata=None).body["metadata"] == {}


def test_a_patch_of_what_is_derived_leaves_the_session_in_its_place(api: Api) -> None:
    older, newer = api.new(user("q")), api.new(user("q"))
    before = api.get(older).body
    reply = api.patch(older, {"If-Match": '"1"'}, metadata={"a": 1}, touch=False)
    assert reply.body["version"] == 2
    assert api.get(older).body == before | {"version": 2, "metadata": {"a": 1}}
    listed = api.list().body["sessions"]
    assert [one["session_id"] for one in listed] == [newer, older]
    assert listed[1]["metadata"] == {"a": 1}
    api.patch(older, {"If-Match": '"1"'}, metadata={"a": 2}, touch=False).problem(412, "precondition_failed")
    api.patch(older, metadata={"b": 1})
    assert api.list().body["sessions"][0]["session_id"] == older


@pytest.mark.parametrize("touch", [True, False])
def test_two_patches_at_once_are_both_kept(api: Api, *, touch: bool) -> None:
    session_id = api.new(metadata={"a": 1, "c": 1})

    def other() -> None:
        api.patch(session_id, metadata={"b": 2, "c": None}, touch=touch)

    with first("UpdateItem", other):
        reply = api.patch(session_id, metadata={"a": 3}, touch=touch)
    assert reply.body["metadata"] == api.get(session_id).body["metadata"] == {"a": 3, "b": 2}


def test_a_patch_at_a_version_that_an_append_moves(api: Api) -> None:
    session_id = api.new()
    with first("UpdateItem", lambda: api.append(session_id, user("q"))):
        reply = api.patch(session_id, {"If-Match": '"1"'}, metadata={"a": 1}, touch=False)
    reply.problem(412, "precondition_failed")
    assert api.get(session_id).body["metadata"] == {}


def test_title(api: Api) -> None:
    session_id = api.new(user("q"))
    reply = api.title(session_id, "  Träume 😀 ")
    assert (reply.status, reply.body["title"], reply.etag) == (200, "Träume 😀", '"2"')
    assert api.title(session_id, "x" * 200).body["title"] == "x" * 200
    assert api.title(session_id, "\t\n tabs \n").body["title"] == "tabs"
    assert api.get(session_id).body["title"] == "tabs"


def test_title_only_if_unset(api: Api) -> None:
    session_id = api.new()
    assert api.title(session_id, "first", only_if_unset=True).body["title"] == "first"
    stands = api.title(session_id, "second", only_if_unset=True)
    assert (stands.status, stands.body["title"], stands.body["version"]) == (200, "first", 2)
    assert api.title(session_id, "third").body["title"] == "third"


@pytest.mark.parametrize("title", ["", "   ", "\n", "\x00", "x" * 301])
def test_a_title_that_is_none(api: Api, title: str) -> None:
    session_id = api.new(title="t")
    api.title(session_id, title).problem(422, "invalid")
    api.call("POST", "/sessions", {"title": title}).problem(422, "invalid")
    api.put(session_id, title=title).problem(422, "invalid")
    assert api.get(session_id).body["title"] == "t"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  a\n\tb\u2003c\x00d ", "a b c d"),
        ("x" * 300, "x" * 300),
        ("cut in half \ud83d", "cut in half \ufffd"),
    ],
)
def test_a_title_is_one_line(api: Api, sent: str, kept: str) -> None:
    session_id = api.new(title=sent)
    assert api.get(session_id).body["title"] == kept
    assert api.title(session_id, sent).body["title"] == kept
    assert api.put(session_id, title=sent).body["title"] == kept


def test_change_what_is_not_there(api: Api, table: TableView) -> None:
    api.title("nothing", "t").problem(404, "not_found")
    api.title("nothing", "t", only_if_unset=True).problem(404, "not_found")
    api.title("nothing", "t", {"If-Match": "*"}).problem(404, "not_found")
    api.patch("nothing", metadata={"a": 1}).problem(404, "not_found")
    assert not table.owned(api.user)


def test_a_title_does_not_disturb_an_append(api: Api) -> None:
    """Both ways: the title in the middle of an append, an append in the middle of the title."""
    session_id = api.new(user("zero"))
    with first("TransactWriteItems", lambda: api.title(session_id, "one")):
        appended = api.append(session_id, user("one"), usage={"prompt_tokens": 1})
    assert (appended.status, appended.body["version"]) == (201, 3)
    with first("UpdateItem", lambda: api.append(session_id, user("two"))):
        titled = api.title(session_id, "two")
    assert (titled.status, titled.body["message_count"], titled.body["version"]) == (200, 3, 5)
    assert api.contents(session_id) == ["zero", "one", "two"]
    session = api.get(session_id).body
    assert (session["title"], session["usage"]["prompt_tokens"]) == ("two", 1)
    assert session["version"] == 5
    assert api.append(session_id, user("three")).body["first_sequence"] == 3


def test_a_patch_does_not_disturb_an_append(api: Api) -> None:
    session_id = api.new(user("zero"))
    with first("UpdateItem", lambda: api.append(session_id, user("one"))):
        patched = api.patch(session_id, metadata={"a": 1})
    assert (patched.status, patched.body["message_count"]) == (200, 2)
    assert api.contents(session_id) == ["zero", "one"]


CHANGES: dict[str, Callable[[Api, str, dict[str, str]], Reply]] = {
    "put": lambda api, session_id, headers: api.put(session_id, headers, messages=[user("zero"), user("1")]),
    "put fields": lambda api, session_id, headers: api.put(session_id, headers, metadata={"b": 2}),
    "patch": lambda api, session_id, headers: api.patch(session_id, headers, metadata={"b": 2}),
    "title": lambda api, session_id, headers: api.title(session_id, "new", headers),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("admitted", ['"2"', '"1", "2"', '"x","2" , "7"', "*"])
def test_if_match(api: Api, change: Callable[[Api, str, dict[str, str]], Reply], admitted: str) -> None:
    session_id = api.new(user("zero"))
    api.title(session_id, "t")
    reply = change(api, session_id, {"If-Match": admitted})
    assert (reply.status, reply.etag, reply.body["version"]) == (200, '"3"', 3)


@pytest.mark.thorough
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("stale", ['"1"', '"3"', '"1", "3"', '"x"', "2", "", '"' + "2" * 45 + '"'])
def test_if_match_of_another_version(
    api: Api, change: Callable[[Api, str, dict[str, str]], Reply], stale: str
) -> None:
    session_id = api.new(user("zero"))
    api.title(session_id, "t")
    before = api.get(session_id).body
    change(api, session_id, {"If-Match": stale}).problem(412, "precondition_failed")
    assert api.get(session_id).body == before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_if_match_loses_against_a_change_in_between(
    api: Api, change: Callable[[Api, str, dict[str, str]], Reply]
) -> None:
    session_id = api.new(user("zero"), title="t")

    def overtake() -> None:
        api.append(session_id, user("theirs"))

    operation = "TransactWriteItems" if change in {CHANGES["put"], CHANGES["put fields"]} else "UpdateItem"
    with first(operation, overtake):
        change(api, session_id, {"If-Match": '"1"'}).problem(412, "precondition_failed")
    session = api.get(session_id).body
    assert (session["version"], session["title"], session["metadata"]) == (2, "t", {})
    assert api.contents(session_id) == ["zero", "theirs"]


@pytest.mark.parametrize("tags", [f'"{"1" * 5000}"', ", ".join(f'"{number}"' for number in range(5, 200))])
def test_an_if_match_that_is_longer_than_any_client_sends(api: Api, tags: str) -> None:
    session_id = api.new()
    for change in CHANGES.values():
        assert change(api, session_id, {"If-Match": tags}).status == 412
    assert api.get(session_id, {"If-None-Match": tags}).status == 200


def test_if_match_of_a_session_that_is_not_there(api: Api, table: TableView) -> None:
    for tags in ('"1"', "*"):
        api.put("new", {"If-Match": tags}, messages=[user("a")]).problem(412, "precondition_failed")
    assert not table.owned(api.user)


@pytest.mark.thorough
def test_if_match_holds_for_a_put_of_many_steps(api: Api) -> None:
    """The version that it names is the one before the first step."""
    session_id = api.new()
    reply = api.put(session_id, {"If-Match": '"1"'}, messages=[user(str(number)) for number in range(250)])
    assert (reply.status, reply.body["message_count"]) == (200, 250)
