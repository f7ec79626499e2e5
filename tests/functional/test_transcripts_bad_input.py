"""Bad input about transcripts gets the contract's error, and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, user

if TYPE_CHECKING:
    from tests.functional.world import TableView

NAMES = [
    "..",
    "a/..",
    "../a",
    "a/../b",
    "%2e%2e",
    "a%2F..%2Fb",
    "%2e%2e%2f%2e%2e",
    ".",
    "a/./b",
    "a//b",
    "/a",
    "a/",
    "a" * 256,
    "a/" * 150,
    "a%00",
    "a%0A",
    "a b",
    "ä",
    "a%23b",
    "a!b",
    "a\\b",
    "a:b",
    "a*",
]


@pytest.mark.parametrize("name", NAMES)
def test_names(api: Api, table: TableView, name: str) -> None:
    session_id = api.new(user("q"))
    before = table.session(api.user, session_id)
    path = f"/sessions/{session_id}/transcripts/{name}".replace(" ", "%20").replace("ä", "%C3%A4")
    for method, body, raw in (
        ("GET", None, None),
        ("POST", {"entries": [{}]}, None),
        ("PUT", None, b"{}\n"),
        ("DELETE", None, None),
    ):
        problem = api.call(method, path, body, raw=raw).problem(422, "invalid")
        assert problem["errors"][0]["loc"] == ["path", "name"]
    assert table.session(api.user, session_id) == before


def body(*entries: bytes) -> bytes:
    return b'{"entries": [' + b", ".join(entries) + b"]}"


NOT_JSON = {
    "nothing": b"",
    "cut off": b'{"entries": [{}',
    "not UTF-8": body(b'{"a": "\xff"}'),
    "NaN": body(b"{}", b'{"a": NaN}'),
    "infinity": body(b'{"a": [-Infinity]}'),
}
WRONG = {
    "no entries": (b"{}", ["body", "entries"]),
    "an empty batch": (body(), ["body", "entries"]),
    "501 entries": (body(*[b"{}"] * 501), ["body", "entries"]),
    "a bad one among good ones": (body(b"{}", b'"x"', b"{}"), ["body", "entries", 1]),
    "a list": (body(b"{}", b"[]"), ["body", "entries", 1]),
    "null": (body(b"null"), ["body", "entries", 0]),
    "a uuid with two contents": (
        body(b'{"uuid": "a"}', b"{}", b'{"uuid": "a", "n": 1}'),
        ["body", "entries", 2],
    ),
    "501 levels": (body(b"{}", b'{"a":' + b"[" * 500 + b"]" * 500 + b"}"), ["body", "entries", 1]),
    "deep nesting": (body(b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"), ["body"]),
    "a number that is none": (body(b'{"a": 1e999}'), ["body", "entries", 0]),
    "an unknown field": (b'{"entries": [{}], "x": 1}', ["body", "x"]),
    "a position below 0": (b'{"entries": [{}], "expected_position": -1}', ["body", "expected_position"]),
    "a position in words": (b'{"entries": [{}], "expected_position": "0"}', ["body", "expected_position"]),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", [*NOT_JSON, *WRONG])
@pytest.mark.parametrize("there", [True, False])
def test_bodies(api: Api, table: TableView, name: str, *, there: bool) -> None:
    session_id = api.new()
    if there:
        api.entries(session_id, "main", {})
    before = table.session(api.user, session_id)
    raw, loc = WRONG.get(name, (NOT_JSON.get(name, b""), None))
    reply = api.call("POST", f"/sessions/{session_id}/transcripts/main", raw=raw)
    if loc is None:
        reply.problem(400, "malformed_body")
    else:
        assert reply.problem(422, "invalid")["errors"][0]["loc"] == loc
    assert table.session(api.user, session_id) == before


@pytest.mark.parametrize(
    "query",
    [{"after": "x"}, {"after": -2}, {"limit": 0}, {"limit": 10_001}, {"limit": "1.5"}, {"format": "xml"}],
)
def test_queries(api: Api, query: dict[str, Any]) -> None:
    session_id = api.new()
    api.entries(session_id, "main", {})
    problem = api.transcript(session_id, "main", **query).problem(422, "invalid")
    assert problem["errors"][0]["loc"] == ["query", *query]


@pytest.mark.parametrize("size", [10_000_000, 11_000_000])
def test_an_entry_of_10_mb(api: Api, table: TableView, size: int) -> None:
    """Lambda's limit refuses it, or API Gateway's."""
    session_id = api.new()
    before = table.session(api.user, session_id)
    entry = {"t": "x" * size}
    api.entries(session_id, "main", entry).problem(413, "too_large")
    api.import_(session_id, "main", json.dumps(entry).encode() + b"\n").problem(413, "too_large")
    assert table.session(api.user, session_id) == before
