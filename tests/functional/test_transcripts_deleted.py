"""Transcripts that are deleted, or whose session is: gone at once, purged after, and they may begin anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.functional.api import user
from tests.functional.test_transcripts import some, texts
from tests.functional.world import first, wait_until

if TYPE_CHECKING:
    from tests.functional.api import Api
    from tests.functional.world import TableView


def test_delete_and_begin_anew(api: Api, table: TableView) -> None:
    session_id = api.new(user("q"))
    api.entries(session_id, "main", *some("a", "b"))
    api.entries(session_id, "other", *some("a"))
    path = f"/sessions/{session_id}/transcripts/main"
    assert api.call("DELETE", path).status == 204
    for _ in range(2):
        api.transcript(session_id, "main").problem(404, "not_found")
        api.call("DELETE", path).problem(404, "not_found")
    names = api.call("GET", f"/sessions/{session_id}/transcripts").body["transcripts"]
    assert [one["name"] for one in names] == ["other"]
    # What has the same uuids is new to it.
    anew = api.entries(session_id, "main", {"uuid": "a", "t": "another"})
    assert (anew.status, anew.body["first_position"]) == (201, 0)
    assert texts(api.transcript(session_id, "main")) == ["another"]
    keys = {"EXPIRY", "HEAD", "MSG#0000000000", "TRANSCRIPT#main", "TRANSCRIPT#other"}
    keys |= {"ENTRIES#main#000001#0000000000", "ENTRIES#other#000000#0000000000"}
    wait_until(lambda: {sort_key for _, sort_key in table.session(api.user, session_id)} <= keys)
    assert texts(api.transcript(session_id, "main")) == ["another"]
    assert texts(api.transcript(session_id, "other")) == ["a"]


def test_they_go_with_their_session(api: Api, table: TableView) -> None:
    session_id = api.new(user("q"))
    for name in ("main", "sub/a"):
        for _ in range(3):
            api.entries(session_id, name, {})
    api.delete(session_id)
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/main", None),
        ("POST", "/main", {"entries": [{}]}),
        ("DELETE", "/main", None),
    ):
        api.call(method, f"/sessions/{session_id}/transcripts{path}", body).problem(404, "not_found")
    api.import_(session_id, "main", b"{}\n").problem(404, "not_found")
    wait_until(lambda: len(table.session(api.user, session_id)) == 1)


def test_nothing_is_appended_to_a_session_that_is_deleted_meanwhile(api: Api, table: TableView) -> None:
    session_id = api.new()
    with first("TransactWriteItems", lambda: api.delete(session_id)):
        api.entries(session_id, "main", {}).problem(404, "not_found")
    wait_until(lambda: len(table.session(api.user, session_id)) == 1)


def test_deleted_while_it_is_read(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("a"))
    path = f"/sessions/{session_id}/transcripts/main"

    def delete_and_purge() -> None:
        api.call("DELETE", path)
        wait_until(lambda: api.entries(session_id, "main", *some("anew")).status == 201)

    with first("Query", delete_and_purge):
        read = api.transcript(session_id, "main")
    # The table's query came after the purge, or before: it is the one life or the other, never a mixture.
    assert texts(read) in (["a"], ["anew"])
