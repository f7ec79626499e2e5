"""Batches that no item holds, answers that no function gives: whole or refused, never cut."""

from __future__ import annotations

import gzip
import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.bucket import bucket_requests
from tests.functional.drivers import DRIVERS
from tests.functional.test_files import encoded, sent, uploaded
from tests.functional.test_large import no_bucket
from tests.functional.test_transcripts import some, texts
from tests.functional.world import configured, first, lost_reply, unreachable, wait_until
from turnlog.store.retry import READ_TRIES

if TYPE_CHECKING:
    from tests.functional.api import Api
    from tests.functional.bucket import BucketView
    from tests.functional.world import TableView

__all__ = ["no_bucket"]  # the fixture


def noise(kilobytes: int) -> str:
    """Text that compression makes half as long."""
    return os.urandom(kilobytes * 512).hex()


@pytest.mark.thorough
def test_an_entry_of_2_mb(api: Api, table: TableView, bucket: BucketView) -> None:
    session_id = api.new()
    entry = {"uuid": "big", "t": noise(2_048)}
    once = api.entries(session_id, "main", *some("a"), entry)
    assert once.status == 201
    api.entries(session_id, "main", *some("z"))
    (named,) = bucket.of(api.user, session_id)
    stored = table.session(api.user, session_id)
    batches = [row for (_, key), row in stored.items() if key.startswith("ENTRIES#")]
    assert [row.get("object", {}).get("S") for row in batches] == [named, None]
    assert api.transcript(session_id, "main").body["entries"] == [*some("a"), entry, *some("z")]
    assert api.transcript(session_id, "main", after=0, limit=1).body["entries"] == [entry]
    again = api.entries(session_id, "main", *some("a"), entry)
    assert (again.status, again.body["replayed"]) == (200, True)
    reused = api.entries(session_id, "main", {**entry, "t": "other"})
    assert reused.problem(409, "entry_uuid_reused")["position"] == 1
    assert bucket.of(api.user, session_id) == [named]
    text = api.transcript(session_id, "main", format="jsonl").raw
    assert api.import_(session_id, "copy", text).body["added"] == 3
    assert api.transcript(session_id, "copy", format="jsonl").raw == text


@pytest.mark.thorough
def test_objects_go_with_the_transcript_and_with_the_session(api: Api, bucket: BucketView) -> None:
    session_id = api.new()
    for name in ("main", "main/a"):
        api.entries(session_id, name, {"t": noise(900)})
    client = bucket.client
    orphan = f"{bucket.of(api.user, session_id)[0]}-of-a-crash"
    client.put_object(Bucket=bucket.name, Key=orphan, Body=b"x")
    api.call("DELETE", f"/sessions/{session_id}/transcripts/main")
    wait_until(lambda: len(bucket.of(api.user, session_id)) == 1)
    assert len(api.transcript(session_id, "main/a").body["entries"]) == 1
    api.entries(session_id, "main", {"t": noise(900)})
    assert len(bucket.of(api.user, session_id)) == 2
    api.delete(session_id)
    wait_until(lambda: not bucket.of(api.user, session_id))


def test_gone_while_it_is_read(api: Api, bucket: BucketView) -> None:
    """A reader that holds a head of a deleted transcript finds its object gone: it is 404, not a failure."""
    session_id = api.new()
    api.entries(session_id, "main", {"t": noise(900)})
    path = f"/sessions/{session_id}/transcripts/main"

    def act(**_: Any) -> None:
        events.unregister("before-call.s3.GetObject", hooked)
        api.call("DELETE", path)
        wait_until(lambda: not bucket.of(api.user, session_id))

    events, hooked = DRIVERS.bucket().meta.events, DRIVERS.hooked(act)
    events.register_last("before-call.s3.GetObject", hooked)
    api.transcript(session_id, "main").problem(404, "not_found")


def test_a_lost_reply_and_an_object(api: Api, bucket: BucketView) -> None:
    session_id = api.new()
    with lost_reply("TransactWriteItems"):
        reply = api.entries(session_id, "main", {"t": noise(900)})
    assert (reply.status, reply.body["replayed"], reply.body["entry_count"]) == (201, False, 1)
    assert len(bucket.of(api.user, session_id)) == 1
    assert api.transcript(session_id, "main").status == 200


def test_what_no_item_names_is_taken_back(api: Api, bucket: BucketView) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("a"))
    entry = {"uuid": "b", "t": noise(900)}
    with first("TransactWriteItems", lambda: api.entries(session_id, "main", {"uuid": "b"})):
        api.entries(session_id, "main", entry).problem(409, "entry_uuid_reused")
    assert bucket.of(api.user, session_id) == []
    # One that goes behind another writer uses the object that it has put already.
    with (
        bucket_requests() as asked,
        first("TransactWriteItems", lambda: api.entries(session_id, "main", *some("c"))),
    ):
        assert api.entries(session_id, "main", {**entry, "uuid": "d"}).status == 201
    assert asked == ["PutObject"]


def test_what_cannot_be_taken_back_changes_no_answer(api: Api, bucket: BucketView) -> None:
    """The object goes with the session."""
    session_id = api.new()
    with (
        bucket_requests("DeleteObject") as asked,
        first("TransactWriteItems", lambda: api.delete(session_id)),
    ):
        reply = api.entries(session_id, "main", {"t": noise(900)})
    reply.problem(404, "not_found")
    assert "DeleteObject" in asked
    wait_until(lambda: not bucket.of(api.user, session_id))


@pytest.mark.thorough
def test_the_bucket_does_not_answer(api: Api) -> None:
    session_id = api.new()
    with bucket_requests("PutObject"):
        api.entries(session_id, "main", {"t": noise(900)}).problem(503, "unavailable")
    api.transcript(session_id, "main").problem(404, "not_found")
    assert api.entries(session_id, "main", {"t": noise(900)}).status == 201
    with bucket_requests("GetObject"):
        api.transcript(session_id, "main").problem(503, "unavailable")
    assert api.transcript(session_id, "main").status == 200


def test_no_object_for_a_session_that_is_not_there(api: Api, bucket: BucketView) -> None:
    with unreachable("TransactWriteItems"):
        api.entries("nothing", "main", {"t": noise(900)}).problem(404, "not_found")
    assert bucket.of(api.user, "nothing") == []


@pytest.mark.thorough
def test_without_a_bucket(api: Api) -> None:
    there = api.new()
    api.entries(there, "main", {"t": noise(900)})
    with configured(TURNLOG_BUCKET=""):
        session_id = api.new()
        api.entries(session_id, "main", *some("a"), {"t": noise(900)}).problem(413, "too_large")
        text = json.dumps(some("a")[0]) + "\n" + json.dumps({"t": noise(900)}) + "\n"
        api.import_(session_id, "main", text.encode()).problem(413, "too_large")
        api.transcript(session_id, "main").problem(404, "not_found")
        # What an item holds compressed is stored, however long it is.
        assert api.entries(session_id, "main", {"t": "x" * 2_000_000}).status == 201
        assert api.import_(session_id, "two", json.dumps({"t": "x" * 2_000_000}).encode()).status == 201
        api.transcript(there, "main").problem(503, "unavailable")
    assert api.transcript(there, "main").status == 200


@pytest.mark.thorough
def test_what_no_answer_holds_is_read_from_the_bucket(api: Api) -> None:
    """Quotes are escaped once more in a function's answer: 2.8 MB of them are 5.6."""
    session_id = api.new()
    quotes = {"t": '"' * 1_400_000, "file": {"url": "the user's own"}}
    api.entries(session_id, "main", quotes).problem(413, "too_large")

    def stored(path: str, data: bytes, **query: Any) -> int:
        query["body_file"] = uploaded(api, session_id, data, purpose="body")
        method = "PUT" if "format" in query else "POST"
        return api.call(method, f"/sessions/{session_id}/transcripts/{path}", query=query).status

    assert stored("main", encoded({"entries": [{}, quotes]})) == 413
    assert stored("main", encoded({"entries": [quotes]})) == 201
    assert stored("main", encoded(quotes | {"n": 1}), format="jsonl") == 200
    for more in ({}, {"format": "jsonl"}):
        page = api.transcript(session_id, "main", after=-1, **more)
        told = page.body
        assert page.headers["content-type"] == "application/json"
        assert page.headers.get("x-turnlog-next-after") == ("0" if more else None)
        assert (told["entries"], told["has_more"], told["entry_count"]) == ([], True, 2)
        assert (told["first_position"], told["last_position"]) == (0, 0)
        assert told["file"].keys() == {"url", "size", "expires_at"}
        assert told["file"]["size"] > 5_600_000
        reply = sent({"method": "GET", "headers": {}, **told["file"]})
        assert (reply.headers["content-encoding"], reply.headers["content-type"]) == (
            "gzip",
            "application/json",
        )
        assert json.loads(gzip.decompress(reply.raw)) == quotes
    assert api.transcript(session_id, "main", format="jsonl").body.keys() == {"file"}
    session_id = api.new()
    assert api.entries(session_id, "main", {"t": '"' * 1_200_000}).status == 201
    assert len(api.transcript(session_id, "main", format="jsonl").raw) == 2_400_009
    # Two of them are two pages.
    assert api.entries(session_id, "main", {"t": '"' * 1_200_000}).status == 201
    for after in (-1, 0):
        page = api.transcript(session_id, "main", after=after).body
        assert (len(page["entries"]), page["has_more"]) == (1, after < 0)


@pytest.mark.thorough
def test_10_000_entries(api: Api) -> None:
    """Page by page all of them; as one text they lie in the bucket, or are refused, never cut."""
    session_id = api.new()
    filler = "x" * 700
    for batch in range(20):
        entries = [{"uuid": f"{batch}-{at}", "t": f"{batch}-{at}", "f": filler} for at in range(500)]
        assert api.entries(session_id, "main", *entries).status == 201
    expected = [f"{batch}-{at}" for batch in range(20) for at in range(500)]
    found: list[str] = []
    pages = 0
    while True:
        body = api.transcript(session_id, "main", after=len(found) - 1).body
        assert body["first_position"] == len(found)
        found += [entry["t"] for entry in body["entries"]]
        pages += 1
        if not body["has_more"]:
            break
    assert (found, pages) == (expected, 2)
    first_page = api.transcript(session_id, "main").body
    assert first_page["has_more"]
    with configured(TURNLOG_BUCKET=""):
        problem = api.transcript(session_id, "main", format="jsonl").problem(413, "too_large")
    assert "x-turnlog-next-after" in problem["detail"]
    assert api.transcript(session_id, "main", format="jsonl").body.keys() == {"file"}
    text, after = b"", -1
    while True:
        reply = api.transcript(session_id, "main", format="jsonl", after=after)
        text += reply.raw
        if "x-turnlog-next-after" not in reply.headers:
            break
        after = int(reply.headers["x-turnlog-next-after"])
    assert [json.loads(line)["t"] for line in text.splitlines()] == expected
    assert texts(api.transcript(session_id, "main", after=9_998)) == ["19-499"]


@pytest.mark.thorough
def test_as_many_small_ones_as_fit(api: Api) -> None:
    """The commas and the ends of lines count as well."""
    session_id = api.new()
    for _ in range(3):
        assert api.import_(session_id, "main", b"{}\n" * 10_000).status in {200, 201}
    body = api.transcript(session_id, "main").body
    assert (len(body["entries"]), body["has_more"]) == (10_000, False)


def test_an_object_that_was_lost(api: Api, bucket: BucketView) -> None:
    """As after a restore of the table alone: a repeat is told so, not kept until its time is over."""
    session_id, entry = api.new(), {"uuid": "a", "t": noise(900)}
    api.entries(session_id, "main", entry)
    (lost,) = bucket.of(api.user, session_id)
    bucket.client.delete_object(Bucket=bucket.name, Key=lost)
    with bucket_requests() as asked:
        api.entries(session_id, "main", entry).problem(503, "unavailable")
    assert asked == ["GetObject"] * READ_TRIES


@pytest.mark.thorough
def test_an_import_of_which_an_item_holds_an_entry_at_a_time(api: Api) -> None:
    """Without a bucket its steps are no larger than an item, or it would store a part and be refused."""
    session_id = api.new()
    entries = [{"n": number, "t": b64encode(os.urandom(225_000)).decode()} for number in range(3)]
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    with configured(TURNLOG_BUCKET=""):
        imported = api.import_(session_id, "main", text.encode())
    assert (imported.status, imported.body["added"]) == (201, 3)
    assert api.transcript(session_id, "main").body["entries"] == entries


@pytest.mark.thorough
@pytest.mark.usefixtures("no_bucket")
def test_a_line_that_is_too_large_without_a_bucket(api: Api) -> None:
    """The answer says which it is."""
    session_id = api.new()
    text = b"\n".join(json.dumps({"uuid": str(at), "t": noise(900 * at)}).encode() for at in range(2))
    reply = api.call("PUT", f"/sessions/{session_id}/transcripts/main", raw=text)
    problem = reply.problem(413, "too_large")
    assert problem["detail"].startswith("line 2: An entry takes ")
    assert "fewer" not in problem["detail"]
    assert problem["line"] == 2
