"""Import: what is stored must match, what is new is appended; of a refused text nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.test_transcripts import ODD, some, texts
from tests.functional.world import after_first, first, lost_reply

if TYPE_CHECKING:
    from tests.functional.api import Api
    from tests.functional.world import TableView


def lines(*entries: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries)


def chain(length: int) -> list[dict[str, Any]]:
    """Entries each of which names the one before as its parent."""
    return [
        {"uuid": f"c{at}", "parentUuid": f"c{at - 1}" if at else None, "t": str(at)} for at in range(length)
    ]


def test_import_export_import(api: Api) -> None:
    session_id = api.new()
    text = lines(*ODD, *chain(3))
    made = api.import_(session_id, "main", text)
    assert (made.status, made.body) == (201, {"entry_count": 7, "added": 7})
    again = api.import_(session_id, "main", text)
    assert (again.status, again.body) == (200, {"entry_count": 7, "added": 0})
    exported = api.transcript(session_id, "main", format="jsonl").raw
    assert [json.loads(line) for line in exported.splitlines()] == [*ODD, *chain(3)]
    assert api.import_(session_id, "copy", exported).status == 201
    more = api.import_(session_id, "main", exported + lines({"uuid": "v", "parentUuid": "c2"}))
    assert (more.status, more.body) == (200, {"entry_count": 8, "added": 1})
    # A client with an older copy has nothing to add.
    older = api.import_(session_id, "main", text[: text.index(b"\n") + 1])
    assert (older.status, older.body) == (200, {"entry_count": 8, "added": 0})


def test_blank_lines_and_line_ends_are_no_entries(api: Api) -> None:
    session_id = api.new()
    assert api.import_(session_id, "main", b'\n{"t":"a"}\r\n \t\n{"t":"b"}').body["added"] == 2
    assert texts(api.transcript(session_id, "main")) == ["a", "b"]


def test_what_was_appended_is_imported_as_well(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("a", "b"))
    reply = api.import_(session_id, "main", lines(*some("a", "b", "c")))
    assert (reply.status, reply.body) == (200, {"entry_count": 3, "added": 1})
    assert api.entries(session_id, "main", *some("c")).body["replayed"]


def test_diverged(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("a"), {"n": 1, "t": "b"})
    for text in (lines(*some("a"), {"n": 2, "t": "b"}, *some("c")), lines(*some("a"), {"n": True, "t": "b"})):
        problem = api.import_(session_id, "main", text).problem(409, "diverged")
        assert (problem["position"], problem["entry_count"]) == (1, 2)
    assert api.import_(session_id, "main", lines(*some("x"))).body["position"] == 0
    assert texts(api.transcript(session_id, "main")) == ["a", "b"]
    assert api.import_(session_id, "main", lines(*some("a"), {"t": "b", "n": 1.0})).status == 200


REFUSED = {
    "no JSON in the middle": (lines({}) + b"{'a': 1}\n" + lines({}), "entry_not_json", 2),
    "no JSON in the last line": (lines({}) + b'{"a": \n', "entry_not_json", 2),
    "a torn last line": (lines({}, {}) + b'{"uuid": "u1", "te', "torn_last_line", 3),
    "NaN": (b'{"a": NaN}\n', "entry_not_json", 1),
    "bytes that are no text": (lines({}) + b'{"a": "\xff"}\n', "entry_not_json", 2),
    "a lone surrogate": (b'{"a": "\\ud800"}\n', "entry_not_json", 1),
    "deep nesting": (b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}\n", "entry_not_json", 1),
    "a parent that is missing": (lines(*chain(2), {"parentUuid": "u7"}), "missing_parent", 3),
    "a parent that comes later": (
        lines({"uuid": "a", "parentUuid": "b"}, {"uuid": "b"}),
        "missing_parent",
        1,
    ),
    "itself as parent": (lines({"uuid": "a", "parentUuid": "a"}), "missing_parent", 1),
    "a parent that is no text": (lines({"uuid": "a"}, {"parentUuid": ["a"]}), "missing_parent", 2),
    "a list": (lines({}) + b"[]\n", "invalid", 2),
    "a number at the end": (lines({}) + b"12", "invalid", 2),
    "a uuid that is a number": (lines({"uuid": 5}), "invalid", 1),
    "a uuid without characters": (lines({"uuid": ""}), "invalid", 1),
    "a uuid of 129 characters": (lines({"uuid": "u" * 129}), "invalid", 1),
    "a uuid twice": (lines({"uuid": "a"}, {}, {"uuid": "a"}), "invalid", 3),
    "nothing": (b"", "invalid", None),
    "blank lines": (b"\n \n", "invalid", None),
    "a number that is none": (b'{"a": 1e999}\n', "invalid", None),
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
    assert (made.status, made.body) == (201, {"entry_count": 1_200, "added": 1_200})
    assert seen == [500]
    assert texts(api.transcript(session_id, "main")) == [str(at) for at in range(1_200)]
    assert api.import_(session_id, "main", text).body == {"entry_count": 1_200, "added": 0}


def test_another_writer_between_two_steps(api: Api) -> None:
    session_id = api.new()
    text = lines(*chain(600))

    def same() -> None:
        assert api.entries(session_id, "main", *chain(600)[500:501]).status == 201

    with after_first("TransactWriteItems", same):
        made = api.import_(session_id, "main", text)
    assert made.body == {"entry_count": 600, "added": 599}
    other = api.new()
    with after_first("TransactWriteItems", lambda: api.entries(other, "main", {"t": "theirs"})):
        problem = api.import_(other, "main", text).problem(409, "diverged")
    assert (problem["position"], problem["entry_count"]) == (500, 501)


def test_overtaken_before_the_first_step(api: Api) -> None:
    session_id = api.new()
    with first("TransactWriteItems", lambda: api.entries(session_id, "main", {"t": "theirs"})):
        problem = api.import_(session_id, "main", lines(*some("a"))).problem(409, "diverged")
    assert problem["position"] == 0
    assert texts(api.transcript(session_id, "main")) == ["theirs"]


def test_too_many(api: Api) -> None:
    session_id = api.new()
    api.import_(session_id, "main", b"{}\n" * 10_001).problem(413, "too_large")
    api.transcript(session_id, "main").problem(404, "not_found")
