"""Transcripts: numbered without gaps, all or none, kept apart from the messages, gone with their session."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.functional.api import Api, user
from tests.functional.world import configured, first

ODD: list[dict[str, Any]] = [
    {},
    {"uuid": "u1", "parentUuid": None, "type": "user", "message": {"content": [{"text": "ä€😀 \u2028\x00"}]}},
    {"n": [0, -1, 1.5, 1e300, 10**30, True, False, None], "": "", "a.b": {"": []}},
    {"uuid": "u2", "text": 'quotes " and \\ and \n lines \r\n'},
]


def texts(reply: Any) -> list[str]:
    return [entry["t"] for entry in reply.body["entries"]]


def some(*marks: str) -> list[dict[str, Any]]:
    return [{"uuid": mark, "t": mark} for mark in marks]


def test_what_is_appended_is_read(api: Api) -> None:
    session_id = api.new(user("q"))
    reply = api.entries(session_id, "main", *ODD)
    assert (reply.status, reply.body) == (
        201,
        {"first_position": 0, "last_position": 3, "entry_count": 4, "replayed": False},
    )
    more = api.entries(session_id, "main", {"uuid": "u3"})
    assert (more.body["first_position"], more.body["entry_count"]) == (4, 5)
    read = api.transcript(session_id, "main").body
    assert read["entries"] == [*ODD, {"uuid": "u3"}]
    assert [type(one) for one in read["entries"][2]["n"]] == [type(one) for one in ODD[2]["n"]]
    bounds = {name: read[name] for name in read if name != "entries"}
    assert bounds == {
        "entry_count": 5,
        "generation": 0,
        "has_more": False,
        "first_position": 0,
        "last_position": 4,
    }
    assert api.contents(session_id) == ["q"]


@pytest.mark.thorough
def test_pages(api: Api) -> None:
    """A page may begin and end in the middle of a batch."""
    session_id = api.new()
    for batch in ("abc", "d", "efgh", "ij"):
        api.entries(session_id, "main", *some(*batch))

    def page(**query: int) -> tuple[str, bool, int | None, int | None]:
        reply = api.transcript(session_id, "main", **query)
        body = reply.body
        assert body["entry_count"] == 10
        return "".join(texts(reply)), body["has_more"], body["first_position"], body["last_position"]

    assert page() == page(after=-1) == ("abcdefghij", False, 0, 9)
    for after in range(-1, 10):
        for limit in (1, 2, 3, 10):
            wanted = "abcdefghij"[after + 1 :][:limit]
            bounds = (after + 1, after + len(wanted)) if wanted else (None, None)
            assert page(after=after, limit=limit) == (wanted, after + len(wanted) < 9, *bounds)
    assert page(after=9) == page(after=9_999) == ("", False, None, None)


def test_json_lines(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *ODD, *some("a"))
    whole = api.transcript(session_id, "main", format="jsonl")
    assert whole.headers["content-type"] == "application/jsonl"
    assert "x-turnlog-next-after" not in whole.headers
    assert whole.raw.endswith(b'{"uuid":"a","t":"a"}\n')
    assert whole.raw.count(b"\n") == 5
    page = api.transcript(session_id, "main", format="jsonl", limit=2)
    assert page.headers["x-turnlog-next-after"] == "1"
    rest = api.transcript(session_id, "main", format="jsonl", after=1)
    assert page.raw + rest.raw == whole.raw
    assert "x-turnlog-next-after" not in rest.headers
    assert api.transcript(session_id, "main", format="jsonl", after=4).raw == b""


def test_names(api: Api) -> None:
    session_id = api.new()
    path = f"/sessions/{session_id}/transcripts"
    assert api.call("GET", path).body == {"transcripts": []}
    for name in ("subagents/agent-7f3a", "main", "a.b_c", "a" * 255, ".x", "..."):
        assert api.entries(session_id, name, {"in": name}).status == 201
    api.entries(session_id, "main", {})
    listed = api.call("GET", path).body["transcripts"]
    assert [one["name"] for one in listed] == sorted(
        ["...", ".x", "a" * 255, "a.b_c", "main", "subagents/agent-7f3a"]
    )
    assert [one["entry_count"] for one in listed] == [1, 1, 1, 1, 2, 1]
    assert api.transcript(session_id, "subagents/agent-7f3a").body["entries"] == [
        {"in": "subagents/agent-7f3a"}
    ]
    encoded = api.call("GET", f"{path}/subagents%2Fagent-7f3a")
    assert encoded.body["entries"] == [{"in": "subagents/agent-7f3a"}]


def test_a_transcript_is_its_sessions_activity(api: Api) -> None:
    older, newer = api.new(), api.new()
    assert api.list().body["sessions"][0]["session_id"] == newer
    before = api.get(older).body
    api.entries(older, "main", {})
    after = api.get(older).body
    assert after["version"] == before["version"] + 1
    assert after["updated_at"] > before["updated_at"]
    assert api.list().body["sessions"][0]["session_id"] == older
    # A writer that has the head from before in its cache goes on from this one.
    assert api.append(older, user("q")).body["version"] == after["version"] + 1


def test_expected_position(api: Api) -> None:
    session_id = api.new()
    for wrong in (1, 5):
        problem = api.entries(session_id, "main", {}, expected_position=wrong)
        assert problem.problem(409, "position_mismatch")["entry_count"] == 0
    assert api.entries(session_id, "main", *some("a", "b"), expected_position=0).status == 201
    for wrong in (0, 1, 3):
        problem = api.entries(session_id, "main", {}, expected_position=wrong)
        assert problem.problem(409, "position_mismatch")["entry_count"] == 2
    assert api.entries(session_id, "main", *some("c"), expected_position=2).status == 201
    # What is there already needs no place.
    assert api.entries(session_id, "main", *some("a"), expected_position=0).body["replayed"]
    assert texts(api.transcript(session_id, "main")) == ["a", "b", "c"]


def test_a_writer_that_was_overtaken_goes_behind(api: Api) -> None:
    session_id = api.new()
    with first("TransactWriteItems", lambda: api.entries(session_id, "main", *some("fast", "faster"))):
        late = api.entries(session_id, "main", *some("slow"))
    assert (late.status, late.body["first_position"], late.body["entry_count"]) == (201, 2, 3)
    assert texts(api.transcript(session_id, "main")) == ["fast", "faster", "slow"]


@pytest.mark.thorough
def test_many_writers_at_once(api: Api) -> None:
    """Each writer's entries are all there, once, in the writer's own order, batch by batch."""
    session_id = api.new()

    def write(writer: int) -> None:
        for number in range(5):
            marks = [f"{writer}-{number}-{at}" for at in range(3)]
            assert api.entries(session_id, "main", *some(*marks)).status == 201

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))
    found = texts(api.transcript(session_id, "main"))
    assert len(found) == 90
    for writer in range(6):
        own = [one for one in found if one.startswith(f"{writer}-")]
        assert own == [f"{writer}-{number}-{at}" for number in range(5) for at in range(3)]
    for at in range(0, 90, 3):
        assert len({one.rpartition("-")[0] for one in found[at : at + 3]}) == 1


@pytest.mark.parametrize("switch", ["off", "0", "FALSE"])
def test_switched_off(api: Api, switch: str) -> None:
    session_id = api.new()
    api.entries(session_id, "main", {})
    path = f"/sessions/{session_id}/transcripts"
    with configured(TURNLOG_TRANSCRIPTS=switch):
        for method, place, body in (
            ("GET", "", None),
            ("GET", "/main", None),
            ("POST", "/main", {"entries": [{}]}),
            ("PUT", "/main", None),
            ("DELETE", "/main", None),
        ):
            problem = api.call(method, f"{path}{place}", body).problem(404, "transcripts_off")
            assert problem["detail"] == "Transcripts are switched off (TURNLOG_TRANSCRIPTS)."
        Api(api.url, None).call("GET", path).problem(401, "unauthenticated")
        assert api.get(session_id).status == 200
    assert api.transcript(session_id, "main").status == 200


def test_another_users(api: Api, other: Api) -> None:
    """G5: the answer is the one for what is not there."""
    session_id = api.new()
    api.entries(session_id, "main", *some("a"))
    missing = other.transcript("nothing", "main").problem(404, "not_found")
    for reply in (
        other.transcript(session_id, "main"),
        other.entries(session_id, "main", *some("b")),
        other.import_(session_id, "main", b"{}\n"),
        other.call("DELETE", f"/sessions/{session_id}/transcripts/main"),
        other.call("GET", f"/sessions/{session_id}/transcripts"),
    ):
        assert reply.problem(404, "not_found") == missing
    assert texts(api.transcript(session_id, "main")) == ["a"]


def test_direct_invokes(api: Api) -> None:
    session_id = api.new()
    invoke = api.invoke
    entries = [{"uuid": "a", "t": "ä"}]
    appended = invoke("AppendEntriesFunction", session_id, name="sub/a", body={"entries": entries})
    assert (appended["status"], appended["body"]["entry_count"]) == (201, 1)
    read = invoke("ReadEntriesFunction", session_id, name="sub/a", query={"after": -1})
    assert read["body"]["entries"] == entries
    text = invoke("ReadEntriesFunction", session_id, name="sub/a", query={"format": "jsonl"})
    assert text == {"status": 200, "body": '{"uuid":"a","t":"ä"}\n'}
    again = invoke("ImportTranscriptFunction", session_id, name="sub/a", body=text["body"] + "{}\n")
    assert again == {
        "status": 200,
        "body": {"entry_count": 2, "added": 1, "others": 0, "next_position": 2, "generation": 0},
    }
    assert invoke("ImportTranscriptFunction", session_id, name="a", body={"a": 1})["status"] == 400
    listed = invoke("ListTranscriptsFunction", session_id)["body"]["transcripts"]
    assert [one["name"] for one in listed] == ["sub/a"]
    assert invoke("DeleteTranscriptFunction", session_id, name="sub/a") == {"status": 204, "body": None}
    for name in (None, "", "..", 5, ["main"]):
        assert invoke("ReadEntriesFunction", session_id, name=name)["status"] == 422
