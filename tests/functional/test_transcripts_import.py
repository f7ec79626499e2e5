"""Import: what is there is passed over, what is new is appended; of a refused text nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.test_transcripts import ODD, some, texts
from tests.functional.world import after_first, first, lost_reply

if TYPE_CHECKING:
    from tests.functional.api import Api
    from tests.functional.world import TableView
    from tests.http_client import Reply


def lines(*entries: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries)


def chain(length: int) -> list[dict[str, Any]]:
    """Entries each of which names the one before as its parent."""
    return [
        {"uuid": f"c{at}", "parentUuid": f"c{at - 1}" if at else None, "t": str(at)} for at in range(length)
    ]


def told(reply: Reply) -> tuple[int, int, int, int]:
    body = reply.body
    return body["entry_count"], body["added"], body["others"], body["next_position"]


def test_import_export_import(api: Api) -> None:
    session_id = api.new()
    text = lines(*ODD, *chain(3))
    made = api.import_(session_id, "main", text)
    assert (made.status, told(made)) == (201, (7, 7, 0, 7))
    again = api.import_(session_id, "main", text)
    assert (again.status, told(again)) == (200, (7, 0, 0, 7))
    exported = api.transcript(session_id, "main", format="jsonl").raw
    assert [json.loads(line) for line in exported.splitlines()] == [*ODD, *chain(3)]
    assert api.import_(session_id, "copy", exported).status == 201
    more = api.import_(session_id, "main", exported + lines({"uuid": "v", "parentUuid": "c2"}))
    assert (more.status, told(more)) == (200, (8, 1, 0, 8))
    # A client with an older copy has nothing to add.
    older = api.import_(session_id, "main", text[: text.index(b"\n") + 1])
    assert (older.status, told(older)) == (200, (8, 0, 0, 1))


def test_blank_lines_and_line_ends_are_no_entries(api: Api) -> None:
    session_id = api.new()
    assert api.import_(session_id, "main", b'\n{"t":"a"}\r\n \t\n{"t":"b"}').body["added"] == 2
    assert texts(api.transcript(session_id, "main")) == ["a", "b"]


def test_what_was_appended_is_imported_as_well(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("a", "b"))
    reply = api.import_(session_id, "main", lines(*some("a", "b", "c")))
    assert (reply.status, told(reply)) == (200, (3, 1, 0, 3))
    assert api.entries(session_id, "main", *some("c")).body["replayed"]


def test_what_others_have_stored_stays_where_it_is(api: Api) -> None:
    """The lines that are missing come behind it, in their order. Once more, nothing is missing."""
    session_id = api.new()
    api.entries(session_id, "main", *some("a"), {"n": 1}, *some("x"))
    text = lines(*some("a"), {"n": 2}, *some("b"), {"n": 2})
    reply = api.import_(session_id, "main", text)
    assert (reply.status, told(reply)) == (200, (6, 3, 2, 6))
    stored = [*some("a"), {"n": 1}, *some("x"), {"n": 2}, *some("b"), {"n": 2}]
    assert api.transcript(session_id, "main").body["entries"] == stored
    assert told(api.import_(session_id, "main", text)) == (6, 0, 2, 6)


def test_the_same_content_is_what_any_client_takes_for_it(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", {"uuid": "a", "n": 1, "x": None, "l": [None]}, {"n": 2})
    text = lines({"l": [None], "n": 1.0, "uuid": "a"}, {"y": None, "n": 2.0})
    assert told(api.import_(session_id, "main", text)) == (2, 0, 0, 2)
    other = lines({"n": True, "uuid": "a"})
    api.import_(session_id, "main", other).problem(409, "entry_uuid_reused")


def test_a_stored_uuid_with_other_content(api: Api, table: TableView) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("a"), {"uuid": "b", "n": 1})
    before = table.session(api.user, session_id)
    text = lines(*some("a", "c")) + b"\n" + lines({"uuid": "b", "n": 2})
    problem = api.import_(session_id, "main", text).problem(409, "entry_uuid_reused")
    assert (problem["position"], problem["line"]) == (1, 4)
    assert problem["detail"].startswith("line 4: ")
    assert table.session(api.user, session_id) == before


TAKEN: dict[str, list[dict[str, Any]]] = {
    "a parent that is missing": [{"uuid": "a", "parentUuid": None}, {"uuid": "c", "parentUuid": "zzz"}],
    "a parent that comes later": [{"uuid": "a", "parentUuid": "b"}, {"uuid": "b"}],
    "itself as parent": [{"uuid": "a", "parentUuid": "a"}],
    "a parent that is no text": [{"uuid": "a"}, {"parentUuid": ["a"]}],
    "uuids that are none": [{"uuid": 5}, {"uuid": ""}, {"uuid": None}, {"uuid": []}, {"uuid": 5}],
    "a long uuid": [{"uuid": "u" * 70_000}],
    "half a character": [{"uuid": "\ud83d", "t": "\ude00 \ud83d"}, {"\udfff": "\x00"}],
    "deep nesting": [{"uuid": "a", "t": json.loads("[" * 498 + "]" * 498)}],
    "numbers": [{"n": [10**4_000, -0.0, 1e308, 5e-324, 2**53 + 1]}],
    "the same without a uuid, twice": [{"t": "mode"}, {"t": "mode"}],
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", TAKEN)
def test_taken(api: Api, name: str) -> None:
    """It comes back as it was, and what was exported is imported: into a new one, and once more."""
    session_id, entries = api.new(), TAKEN[name]
    text = "".join(json.dumps(entry) + "\n" for entry in entries).encode()
    count = len(entries)
    assert told(api.import_(session_id, "main", text)) == (count, count, 0, count)
    for into, added in (("main", 0), ("copy", count)):
        exported = api.transcript(session_id, "main", format="jsonl").raw
        shown = [json.loads(line) for line in exported.splitlines()]
        assert json.dumps(shown) == json.dumps(entries)
        assert told(api.import_(session_id, into, exported)) == (count, added, 0, count)


def test_what_tools_write_around_the_lines(api: Api) -> None:
    session_id = api.new()
    text = b"\xef\xbb\xbf" + lines(*some("a")) + lines(*some("b")).strip()
    assert told(api.import_(session_id, "main", text)) == (2, 2, 0, 2)
    # As a tool writes it that puts out UTF-16 code units one by one.
    half = b'{"t": "\xed\xa0\xbd"}\n'
    assert api.import_(session_id, "half", half).status == 201
    assert json.loads(api.transcript(session_id, "half", format="jsonl").raw) == {"t": "\ud83d"}


def test_a_uuid_that_came_before_is_passed_over(api: Api) -> None:
    session_id = api.new()
    text = lines(*some("a", "b"), {"t": "x"}, *some("a"), {"t": "x"}, {"t": "b", "uuid": "b", "z": None})
    assert told(api.import_(session_id, "main", text)) == (4, 4, 0, 4)
    assert texts(api.transcript(session_id, "main")) == ["a", "b", "x", "x"]


@pytest.mark.thorough
def test_a_transcript_that_holds_a_uuid_twice(api: Api) -> None:
    """The appends knew the newest 512 again. Its export is imported, and adds nothing to itself."""
    session_id = api.new()
    for batch in (["a"], [str(at) for at in range(500)], [str(at) for at in range(500, 1_000)], ["a"]):
        api.entries(session_id, "main", *some(*batch))
    text = api.transcript(session_id, "main", format="jsonl").raw
    assert told(api.import_(session_id, "main", text)) == (1_002, 0, 0, 1_001)
    assert told(api.import_(session_id, "copy", text)) == (1_001, 1_001, 0, 1_001)


def test_in_steps(api: Api) -> None:
    """Each begins where the one before it says, and takes nothing before that for its own."""
    session_id = api.new()
    first, second = lines(*some("a"), {"t": "x"}), lines({"t": "x"}, *some("b"))
    one = api.import_(session_id, "main", first).body
    assert (one["next_position"], one["generation"]) == (2, 0)
    api.entries(session_id, "main", *some("theirs"))
    for added in (2, 0):
        reply = api.import_(session_id, "main", second, start_position=2, generation=0)
        assert told(reply) == (5, added, 1, 5)
    assert texts(api.transcript(session_id, "main")) == ["a", "x", "theirs", "x", "b"]
    # Its uuids are looked for in the newest entries, before that position too.
    again = api.import_(session_id, "main", lines(*some("a", "c")), start_position=5)
    assert told(again) == (6, 1, 0, 6)


def test_a_step_whose_beginning_is_gone(api: Api) -> None:
    session_id = api.new()
    api.import_(session_id, "main", lines(*some("a", "b")))
    path = f"/sessions/{session_id}/transcripts/main"
    assert api.call("DELETE", path).status == 204
    api.entries(session_id, "main", *some("x", "y", "z"))
    for start, generation in ((2, 0), (4, 1), (4, None), (0, 0)):
        given = {} if generation is None else {"generation": generation}
        problem = api.import_(session_id, "main", lines(*some("c")), start_position=start, **given)
        assert problem.problem(409, "position_mismatch")["entry_count"] == 3
    assert texts(api.transcript(session_id, "main")) == ["x", "y", "z"]
    for name, value in (("start_position", -1), ("start_position", "x"), ("generation", "1.5")):
        api.import_(session_id, "main", lines({}), **{name: value}).problem(422, "invalid")


REFUSED = {
    "no JSON in the middle": (lines({}) + b"{'a': 1}\n" + lines({}), "entry_not_json", 2),
    "no JSON in the last line": (lines({}) + b'{"a": \n', "entry_not_json", 2),
    "a torn last line": (lines({}, {}) + b'{"uuid": "u1", "te', "torn_last_line", 3),
    "NaN": (b'{"a": NaN}\n', "entry_not_json", 1),
    "bytes that are no text": (lines({}) + b'{"a": "\xff"}\n', "entry_not_json", 2),
    "deep nesting": (b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}\n", "invalid", 1),
    "a list": (lines({}) + b"[]\n", "invalid", 2),
    "a number at the end": (lines({}) + b"12", "invalid", 2),
    "a uuid with two contents": (lines({"uuid": "a"}, {}, {"uuid": "a", "n": 1}), "invalid", 3),
    "nothing": (b"", "invalid", None),
    "blank lines": (b"\n \n", "invalid", None),
    "a number that is none": (lines({}) + b'{"a": 1e999}\n', "invalid", 2),
    "more digits than a number may have": (b'{"a": ' + b"1" * 4_301 + b"}\n", "invalid", 1),
    "501 levels": (lines({}) + b'{"a":' + b"[" * 500 + b"]" * 500 + b"}\n", "invalid", 2),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("there", [True, False])
def test_refused(api: Api, table: TableView, name: str, *, there: bool) -> None:
    """Each is told apart, with its line, and nothing is stored."""
    session_id = api.new()
    if there:
        api.entries(session_id, "main", {})
    before = table.session(api.user, session_id)
    text, code, line = REFUSED[name]
    problem = api.import_(session_id, "main", text).problem(422, code)
    assert problem.get("line") == line
    if line:
        assert problem["errors"][0]["loc"] == ["body", line]
        assert problem["detail"].startswith(f"line {line}: ")
    assert table.session(api.user, session_id) == before


def test_another_format(api: Api) -> None:
    session_id = api.new()
    problem = api.import_(session_id, "main", b"{}\n", format="json").problem(422, "invalid")
    assert problem["errors"][0]["loc"] == ["query", "format"]
    path = f"/sessions/{session_id}/transcripts/main"
    assert api.call("PUT", path, raw=b"{}\n").status == 201


def test_a_long_import_is_finished_by_a_repeat(api: Api) -> None:
    """More than one step; after each step a reader sees a prefix."""
    session_id = api.new()
    text = lines(*chain(1_200))
    seen: list[int] = []

    def look() -> None:
        seen.append(api.transcript(session_id, "main").body["entry_count"])

    with after_first("TransactWriteItems", look), lost_reply("TransactWriteItems"):
        made = api.import_(session_id, "main", text)
    assert (made.status, told(made)) == (201, (1_200, 1_200, 0, 1_200))
    assert seen == [500]
    assert texts(api.transcript(session_id, "main")) == [str(at) for at in range(1_200)]
    assert told(api.import_(session_id, "main", text)) == (1_200, 0, 0, 1_200)


def test_another_writer_between_two_steps(api: Api) -> None:
    session_id = api.new()
    text = lines(*chain(600))

    def same() -> None:
        assert api.entries(session_id, "main", *chain(600)[500:501]).status == 201

    with after_first("TransactWriteItems", same):
        made = api.import_(session_id, "main", text)
    assert told(made) == (600, 599, 0, 600)
    other = api.new()
    with after_first("TransactWriteItems", lambda: api.entries(other, "main", {"t": "theirs"})):
        made = api.import_(other, "main", text)
    assert told(made) == (601, 600, 1, 601)
    stored = texts(api.transcript(other, "main"))
    assert stored == [*map(str, range(500)), "theirs", *map(str, range(500, 600))]


def test_overtaken_before_the_first_step(api: Api) -> None:
    session_id = api.new()
    with first("TransactWriteItems", lambda: api.entries(session_id, "main", {"t": "theirs"})):
        made = api.import_(session_id, "main", lines(*some("a")))
    assert (made.status, told(made)) == (200, (2, 1, 1, 2))
    assert texts(api.transcript(session_id, "main")) == ["theirs", "a"]


def test_too_many(api: Api) -> None:
    session_id = api.new()
    problem = api.import_(session_id, "main", b"{}\n" * 10_001).problem(413, "too_large")
    assert "next_position" in problem["detail"]
    api.transcript(session_id, "main").problem(404, "not_found")
