"""Large messages and long sessions: whole, byte by byte, and within what AWS lets through."""

from __future__ import annotations

import gzip
import json
import random
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.bucket import bucket_requests
from tests.functional.world import (
    Later,
    configured,
    counted,
    first,
    stopped,
    unreachable,
    wait_until,
)
from turnlog.coroutines import run
from turnlog.drivers.blocking import lambda_store
from turnlog.limits import PARTS_LIMIT, PAYLOAD_LIMIT
from turnlog.operations.purge import work_off
from turnlog.records.keys import EXPIRY, HEAD, SessionKey
from turnlog.store.retry import READ_TRIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.bucket import BucketView
    from tests.functional.world import TableView

MB = 1 << 20
NOISE = random.Random(2)


def noise(length: int) -> str:
    """Text that does not get smaller by compression, or hardly."""
    return b64encode(NOISE.randbytes(length)).decode()[:length]


BIG = 1_040_000
TWO_PARTS = 500_000
LARGE = {
    "compressible": "All work and no play. " * (BIG // 22),
    "incompressible": noise(BIG),
    "multibyte": "".join(chr(NOISE.randrange(0x4E00, 0x9FFF)) for _ in range(TWO_PARTS // 3)),
    "escaped": '\\"\n\x00' * (TWO_PARTS // 12),
}


CALL = {"id": "c", "function": {"name": "f", "arguments": "{}"}}


@pytest.fixture
def no_bucket() -> Iterator[None]:
    """The functions without a bucket."""
    with configured(TURNLOG_BUCKET=""):
        yield


@pytest.fixture(params=["bucket", "no bucket"])
def either(request: pytest.FixtureRequest) -> None:
    """The functions with a bucket and without."""
    if request.param == "no bucket":
        request.getfixturevalue("no_bucket")


def test_what_a_create_left_that_crashed_goes_when_its_marker_ends(
    api: Api, table: TableView, bucket: BucketView
) -> None:
    body = {"session_id": "crashed", "messages": [assistant(noise(600_000))]}
    with stopped(after=1):  # the marker
        api.call("POST", "/sessions", body).problem(503, "unavailable")
    key = SessionKey(str(api.user), "crashed")
    assert len(bucket.of(*key)) == 1
    ends = int(table.session(*key)[key.partition, EXPIRY]["expires_at"]["N"])
    assert api.get("crashed").status == 404
    # The table deletes it at its end, or later. Here the stream tells at once, when it is too early to look.
    table.client.delete_item(TableName=table.name, Key=key.expiry)
    clock = Later((ends - time.time()) / 86_400)
    run(work_off(lambda_store(0)._replace(clock=clock), key.expiry))
    assert not bucket.of(*key)


def test_what_a_create_left_that_crashed_while_its_tombstone_ended_goes_too(
    api: Api, table: TableView, bucket: BucketView
) -> None:
    """It is too young to go with the tombstone, so a marker asks for it again."""
    session_id = api.new()
    assert api.delete(session_id).status == 204
    key = SessionKey(str(api.user), session_id)
    wait_until(lambda: "expires_at" in table.session(*key)[key.partition, HEAD])
    body = {"session_id": session_id, "messages": [assistant(noise(600_000))], "recreate": True}
    with stopped(after=1):  # the one that the tombstone refuses
        api.call("POST", "/sessions", body).problem(503, "unavailable")
    assert len(bucket.of(*key)) == 1
    table.client.delete_item(TableName=table.name, Key=key.at(0).head)  # as its time to live does
    run(work_off(lambda_store(0), key.at(0).head))
    assert len(bucket.of(*key)) == 1
    ends = int(table.session(*key)[key.partition, EXPIRY]["expires_at"]["N"])
    table.client.delete_item(TableName=table.name, Key=key.expiry)
    clock = Later((ends - time.time()) / 86_400)
    run(work_off(lambda_store(0)._replace(clock=clock), key.expiry))
    assert not bucket.of(*key)


@pytest.mark.thorough
@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_a_large_message_is_whole(api: Api, content: str) -> None:
    session_id = api.new(user("zero"))
    appended = api.append(session_id, assistant(content, message_id="large"))
    assert appended.status == 201
    assert appended.body["messages"][0]["content"] == content
    replay = api.append(session_id, assistant(content, message_id="large"))
    assert (replay.status, replay.body["messages"]) == (200, appended.body["messages"])
    assert api.contents(session_id) == ["zero", content]  # from the cache
    api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.contents(session_id) == ["zero", content]  # from the table
    assert api.messages(session_id, limit=1).body["messages"] == appended.body["messages"]
    called = api.tool_call(session_id, CALL)
    assert called.body["message"] == {**appended.body["messages"][0], **called.body["message"]}
    assert len(called.body["message"]["tool_calls"]) == 1
    for _ in range(2):
        assert api.get(session_id).body["messages"][1] == called.body["message"]
        api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.export(session_id).body["messages"][1]["content"] == content
    assert api.put(session_id, start_sequence=1, messages=[called.body["message"]]).status == 200


def items(table: TableView, api: Api, session_id: str, sequence: int) -> list[dict[str, Any]]:
    """The items of a message."""
    rows = table.session(api.user, session_id).items()
    return [row for (_, name), row in rows if name.startswith(f"MSG#{sequence:010d}")]


@pytest.mark.thorough
@pytest.mark.usefixtures("no_bucket")
def test_a_message_may_grow_over_the_limit_of_one_item(api: Api, table: TableView) -> None:
    """A tool call makes two items of one message."""
    session_id = api.new(user("q"), assistant(noise(380_000)))
    call = {"id": "c", "function": {"name": "f", "arguments": noise(300_000)}}
    message = api.tool_call(session_id, call).body["message"]
    assert len(items(table, api, session_id, 1)) == 2
    api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.get(session_id).body["messages"][1] == message
    assert message["tool_calls"] == [call]


@pytest.mark.thorough
def test_a_message_may_become_an_object(api: Api, table: TableView, bucket: BucketView) -> None:
    """And another one with the next call; that of before goes, and all of them with the session."""
    session_id = api.new(user("q"), assistant(noise(380_000)))
    assert bucket.of(api.user, session_id) == []
    calls = [{"id": str(at), "function": {"name": "f", "arguments": noise(300_000)}} for at in range(3)]
    objects = []
    for at, call in enumerate(calls):
        message = api.tool_call(session_id, call).body["message"]
        assert message["tool_calls"] == calls[: at + 1]
        assert api.tool_call(session_id, call).body["message"] == message
        objects += bucket.of(api.user, session_id)
        for _ in range(2):
            assert api.get(session_id).body["messages"][1] == message
            api.call("DELETE", f"/sessions/{session_id}/cache")
    assert len(set(objects)) == 3 == len(objects)  # one at a time
    assert len(items(table, api, session_id, 1)) == 1
    api.delete(session_id)
    wait_until(lambda: not bucket.of(api.user, session_id))


@pytest.mark.thorough
def test_a_large_message_is_an_object(api: Api, table: TableView, bucket: BucketView) -> None:
    """Whoever creates, appends or puts it; what compresses well enough is none. A rewind deletes it."""
    large, dense = assistant(noise(900_000)), assistant("log line\n" * 100_000)
    session_id = api.new(large, dense)
    assert api.append(session_id, large, user("small")).status == 201
    assert api.put(session_id, start_sequence=4, messages=[large, dense]).status == 200
    assert len(bucket.of(api.user, session_id)) == 3
    (item,) = items(table, api, session_id, 0)
    assert item["object"]["S"] in bucket.of(api.user, session_id)
    expected = [one["content"] for one in (large, dense, large, user("small"), large, dense)]
    for _ in range(2):
        assert api.contents(session_id) == expected
        api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.rewind(session_id, 1, 6).status == 200
    assert bucket.of(api.user, session_id) == [item["object"]["S"]]
    assert api.contents(session_id) == [large["content"]]
    # Read by anybody who is let to it, it is gzip of JSON.
    kept = bucket.client.get_object(Bucket=bucket.name, Key=item["object"]["S"])
    assert (kept["ContentEncoding"], kept["ContentType"]) == ("gzip", "application/json")
    assert json.loads(gzip.decompress(kept["Body"].read())) == large


def test_an_object_is_written_once(api: Api, bucket: BucketView) -> None:
    """However often its append is tried, as others come first; and a repeat writes none."""
    session_id, large = api.new(), assistant(noise(900_000), message_id="large")
    with bucket_requests() as asked:
        with first("TransactWriteItems", lambda: api.append(session_id, user("first"))):
            assert api.append(session_id, large).body["first_sequence"] == 1
        assert api.append(session_id, large).body["replayed"] is True
    assert asked == ["PutObject", "GetObject"]
    assert len(bucket.of(api.user, session_id)) == 1
    assert [message["sequence"] for message in api.get(session_id).body["messages"]] == [0, 1]


def test_what_is_not_stored_leaves_no_object(api: Api, bucket: BucketView) -> None:
    session_id = api.new(user("q"))
    large = assistant(noise(900_000), message_id="large")
    with first("TransactWriteItems", lambda: api.append(session_id, user("x", message_id="large"))):
        api.append(session_id, large).problem(409, "message_id_reused")
    with first("TransactWriteItems", lambda: api.append(session_id, user("y"))):
        api.append(session_id, large | {"message_id": "n"}, expected_sequence=2).problem(
            409, "sequence_mismatch"
        )
    with first("TransactWriteItems", lambda: api.append(session_id, user("z"))):
        api.put(session_id, start_sequence=3, messages=[large | {"message_id": "p"}]).problem(409, "diverged")
    api.append("nothing", large).problem(404, "not_found")
    assert bucket.of(api.user, session_id) == bucket.of(api.user, "nothing") == []


def test_an_append_whose_reply_is_lost(api: Api, bucket: BucketView) -> None:
    """The object of what may be stored stays; it goes with the session."""
    session_id, large = api.new(), assistant(noise(900_000), message_id="large")
    with unreachable("TransactWriteItems"):
        api.append(session_id, large).problem(503, "unavailable")
    assert api.append(session_id, large).status in {200, 201}
    assert api.contents(session_id) == [large["content"]]
    api.delete(session_id)
    wait_until(lambda: not bucket.of(api.user, session_id))


@pytest.mark.thorough
def test_the_bucket_does_not_answer(api: Api, bucket: BucketView) -> None:
    """Nothing is stored then. What does not fit, or is not asked for, is not read."""
    session_id, large = api.new(user("q")), assistant(noise(900_000))
    with bucket_requests("PutObject"):
        api.append(session_id, large).problem(503, "unavailable")
        api.put(session_id, start_sequence=1, messages=[large]).problem(503, "unavailable")
    assert api.contents(session_id) == ["q"]
    assert bucket.of(api.user, session_id) == []
    assert api.append(session_id, large).status == 201
    assert api.append(session_id, user("r")).status == 201
    with bucket_requests("GetObject") as asked:
        api.get(session_id).problem(503, "unavailable")
        asked.clear()
        assert [one["content"] for one in api.messages(session_id, after=1).body["messages"]] == ["r"]
        assert [one["content"] for one in api.get(session_id, limit=1).body["messages"]] == ["r"]
    assert asked == []
    assert len(api.contents(session_id)) == 3


def test_an_object_that_was_lost(api: Api, bucket: BucketView) -> None:
    """As after a restore of the table alone: what else there is can be read, and more be appended."""
    session_id, large = api.new(user("q")), assistant(noise(900_000), message_id="large")
    api.append(session_id, large)
    (lost,) = bucket.of(api.user, session_id)
    bucket.client.delete_object(Bucket=bucket.name, Key=lost)
    with bucket_requests() as asked:
        api.get(session_id).problem(503, "unavailable")
    assert asked == ["GetObject"] * READ_TRIES
    assert api.append(session_id, user("r")).status == 201
    assert [one["content"] for one in api.messages(session_id, after=1).body["messages"]] == ["r"]


@pytest.mark.thorough
def test_a_page_reads_the_objects_that_it_answers(api: Api) -> None:
    """G8: of ten messages of 1.2 MB the four that fit; each once."""
    session_id = api.new()
    for at in range(10):
        assert api.append(session_id, assistant(f"{at}{noise(1_200_000)}")).status == 201
    for _ in range(2):
        with bucket_requests() as asked:
            page = api.get(session_id).body
        assert (len(page["messages"]), page["has_more"]) == (4, True)
        assert asked == ["GetObject"] * 4
        with bucket_requests() as asked:
            assert len(api.messages(session_id, after=2, limit=2).body["messages"]) == 2
        assert asked == ["GetObject"] * 2
        api.call("DELETE", f"/sessions/{session_id}/cache")


def test_what_a_large_message_costs(api: Api) -> None:
    """An object more than a small one; the cache spares the same reads."""
    session_id = api.new(user("q"))
    with counted() as requests, bucket_requests() as asked:
        assert api.append(session_id, assistant(noise(900_000))).status == 201
    assert (requests, asked) == (["TransactWriteItems"], ["PutObject"])
    with counted() as requests, bucket_requests() as asked:
        assert len(api.get(session_id).body["messages"]) == 2
    assert (requests, asked) == (["GetItem"], ["GetObject"])
    with counted() as requests, bucket_requests() as asked:
        assert api.tool_call(session_id, CALL).status == 200
    assert sorted(requests) == ["GetItem", "Query", "TransactWriteItems"]
    assert asked == ["GetObject", "GetObject", "PutObject", "DeleteObject"]
    with counted() as requests, bucket_requests() as asked:
        assert api.rewind(session_id, 1, 2).status == 200
    assert (requests, asked) == (["GetItem", "Query", "TransactWriteItems"], ["DeleteObject"])


@pytest.mark.thorough
@pytest.mark.usefixtures("no_bucket")
def test_without_a_bucket_a_message_is_at_most_1_mb_compressed(api: Api) -> None:
    session_id = api.new(user("q"), assistant(noise(700_000)))
    before = api.get(session_id).body
    large = user(noise(PARTS_LIMIT * 3 // 2))
    for refused in (
        api.append(session_id, large),
        api.append(session_id, user("small"), large),
        api.put(session_id, start_sequence=2, messages=[large]),
        api.call("POST", "/sessions", {"messages": [large]}),
        api.tool_call(session_id, {"id": "c", "text": noise(900_000)}),
    ):
        assert "TURNLOG_BUCKET" in refused.problem(413, "too_large")["detail"]
    assert api.get(session_id).body == before
    assert api.list().body["total"] == 1
    # What is less compressed is stored, however long it is.
    assert api.append(session_id, user("x" * 3_000_000)).status == 201
    assert len(api.get(session_id).body["messages"]) == 3


@pytest.mark.thorough
@pytest.mark.usefixtures("no_bucket")
def test_without_a_bucket_a_request_stores_3_mb(api: Api) -> None:
    session_id = api.new()
    messages = [user(noise(900_000)) for _ in range(5)]
    api.append(session_id, *messages).problem(413, "too_large")
    api.call("POST", "/sessions", {"messages": messages}).problem(413, "too_large")
    assert api.contents(session_id) == []
    assert api.list().body["total"] == 1


@pytest.mark.thorough
def test_what_passes_3_mb_as_stored_goes_to_the_bucket(
    api: Api, table: TableView, bucket: BucketView
) -> None:
    """The largest first, until the others fit."""
    session_id = api.new()
    lengths = [380_000, 250_000, 390_000] * 4 + [100_000] * 8
    messages = [user(noise(length)) for length in lengths]
    assert api.append(session_id, *messages).status == 201
    whole = [at for at in range(20) if "object" in items(table, api, session_id, at)[0]]
    assert {lengths[at] for at in whole} == {390_000}
    assert len(bucket.of(api.user, session_id)) == len(whole) == 2
    assert api.contents(session_id) == [one["content"] for one in messages]
    assert api.put("s", messages=messages).status == 201
    assert api.contents("s") == [one["content"] for one in messages]


@pytest.mark.thorough
@pytest.mark.usefixtures("no_bucket")
def test_more_parts_than_a_transaction_has_items(api: Api) -> None:
    """99 messages fit; not when two of them take two items each."""
    session_id = api.new()
    two = [user(noise(550_000)) for _ in range(2)]
    api.append(session_id, *two, *[user("x")] * 97).problem(413, "too_large")
    assert api.append(session_id, *two, *[user("x")] * 95).status == 201
    api.call("POST", "/sessions", {"session_id": "s", "messages": [*two, *[user("x")] * 95]}).problem(
        413, "too_large"
    )
    assert (
        api.call("POST", "/sessions", {"session_id": "s", "messages": [*two, *[user("x")] * 93]}).status
        == 201
    )


@pytest.mark.thorough
@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("count", [99, 140])
def test_put_makes_steps_of_what_is_too_large_for_one(api: Api, count: int) -> None:
    large = [user(noise(550_000)) for _ in range(7)]
    small = [user(str(number)) for number in range(count)]
    messages = [*small, *large, *small]
    reply = api.put("s", messages=messages)
    assert reply.status == 201
    api.put("s", messages=messages[:50])
    assert api.contents("s") == [message["content"] for message in messages]


@pytest.mark.thorough
@pytest.mark.usefixtures("either")
def test_put_makes_steps_of_what_is_too_many_bytes_for_one(api: Api) -> None:
    """Few messages of few parts, of 3.7 MB as stored."""
    messages = [user(noise(980_000)) for _ in range(5)]
    assert api.put("s", messages=messages).status == 201
    assert api.get("s").body["message_count"] == 5


def test_a_body_of_5_mb(api: Api) -> None:
    session_id = api.new()
    content = "x" * 60_000
    api.append(session_id, *[user(content)] * 99).problem(413, "too_large")
    for media_type in ("application/json", "application/octet-stream"):
        raw = b'{"messages": []' + b" " * 5_000_000 + b"}"
        reply = api.call(
            "POST", f"/sessions/{session_id}/messages", raw=raw, headers={"content-type": media_type}
        )
        reply.problem(413, "too_large")
    raw = b" " * (11 * MB)
    reply = api.call("POST", f"/sessions/{session_id}/messages", raw=raw)
    assert reply.status == 413
    assert api.contents(session_id) == []


@pytest.mark.thorough
@pytest.mark.parametrize("alphabet", ["plain", "quotes"])
def test_a_session_over_5_mb_is_read_in_pages(api: Api, alphabet: str) -> None:
    """The newest that fit; the rest with `before`, each message once."""
    session_id = api.new()
    contents = []
    for number in range(4):
        batch = [
            f"{number} {noise(330_000)}" if alphabet == "plain" else f'{number} {at} {"{" * 9}"' * 30_000
            for at in range(5)
        ]
        contents += batch
        assert api.append(session_id, *map(user, batch)).status == 201
    found: list[str] = []
    pages = 0
    query: dict[str, int] = {}
    while True:
        reply = api.get(session_id, **query)
        page = reply.body
        assert reply.status == 200
        assert len(reply.raw) <= PAYLOAD_LIMIT + 2_000
        assert page["messages"]
        found = [message["content"] for message in page["messages"]] + found
        pages += 1
        if not page["has_more"]:
            break
        query = {"before": page["oldest_sequence"]}
    assert (found, pages > 1) == (contents, True)
    after, following = -1, []
    while True:
        page = api.messages(session_id, after=after).body
        following += [message["content"] for message in page["messages"]]
        if not page["has_more"]:
            break
        after = page["newest_sequence"]
    assert following == contents
    exported = api.export(session_id).body
    assert exported["has_more"] is True
    assert exported["messages"][-1]["content"] == contents[-1]


def test_an_answer_never_outgrows_lambda(api: Api) -> None:
    """What is accepted can be answered: quotes take up to four bytes in a Lambda's answer."""
    session_id = api.new()
    batch = [user('"' * 420_000, message_id=str(number)) for number in range(5)]
    reply = api.call(
        "POST",
        f"/sessions/{session_id}/messages",
        {"messages": batch},
        headers={"content-type": "application/octet-stream"},
    )
    assert (reply.status, len(api.contents(session_id))) in {(201, 5), (413, 0)}


def test_objects_over_32_kb(api: Api) -> None:
    session_id = api.new(metadata={"a": "x" * 20_000})
    before = api.get(session_id).body
    more = {"b": "x" * 13_000}
    api.patch(session_id, metadata=more).problem(413, "too_large")
    api.put(session_id, metadata={**more, **before["metadata"]}).problem(413, "too_large")
    api.call("POST", "/sessions", {"metadata": {**more, **before["metadata"]}}).problem(413, "too_large")
    assert api.get(session_id).body == before
    assert api.list().body["total"] == 1


@pytest.mark.usefixtures("no_bucket")
def test_a_put_that_is_refused_wrote_nothing(api: Api, table: TableView) -> None:
    """Though the message that is too large would come in a later step."""
    messages = [user(f"q{at}") for at in range(150)] + [user(noise(2_300_000))]
    problem = api.put("new", messages=messages).problem(413, "too_large")
    assert "bucket" in problem["detail"]
    assert not table.owned(api.user)


@pytest.mark.thorough
def test_a_message_for_which_the_answer_has_no_room(api: Api) -> None:
    """It says what one can do about one message, and about several."""
    session_id = api.new()
    large = user("x" * 4_999_900)
    detail = api.append(session_id, large).problem(413, "too_large")["detail"]
    assert detail.startswith("The message takes ")
    assert "return=minimal" in detail
    assert "fewer" not in detail
    path = f"/sessions/{session_id}/messages"
    assert api.call("POST", path, {"messages": [large]}, headers={"Prefer": "return=minimal"}).status == 201
    half = user("x" * 2_499_900)
    assert "Send fewer" in api.append(session_id, half, half).problem(413, "too_large")["detail"]
