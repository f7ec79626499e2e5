"""Large messages and long sessions: whole, byte by byte, and within what AWS lets through."""

from __future__ import annotations

import random
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from tests.functional.api import Api, assistant, user
from turnlog.limits import MESSAGE_LIMIT, PAYLOAD_LIMIT

if TYPE_CHECKING:
    from tests.functional.world import TableView

MB = 1 << 20
NOISE = random.Random(2)


def noise(length: int) -> str:
    """Text that does not get smaller by compression, or hardly."""
    return b64encode(NOISE.randbytes(length)).decode()[:length]


BIG = 1_040_000  # the largest that there is
TWO_PARTS = 500_000
LARGE = {
    "compressible": "All work and no play. " * (BIG // 22),
    "incompressible": noise(BIG),
    "multibyte": "".join(chr(NOISE.randrange(0x4E00, 0x9FFF)) for _ in range(TWO_PARTS // 3)),
    "escaped": '\\"\n\x00' * (TWO_PARTS // 12),
}


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
    called = api.tool_call(session_id, {"id": "c", "function": {"name": "f", "arguments": "{}"}})
    assert called.body["message"] == {**appended.body["messages"][0], **called.body["message"]}
    assert len(called.body["message"]["tool_calls"]) == 1
    for _ in range(2):
        assert api.get(session_id).body["messages"][1] == called.body["message"]
        api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.export(session_id).body["messages"][1]["content"] == content
    assert api.put(session_id, start_sequence=1, messages=[called.body["message"]]).status == 200


def test_a_message_may_grow_over_the_limit_of_one_item(api: Api, table: TableView) -> None:
    """A tool call makes two items of one message."""
    session_id = api.new(user("q"), assistant(noise(380_000)))
    call = {"id": "c", "function": {"name": "f", "arguments": noise(300_000)}}
    message = api.tool_call(session_id, call).body["message"]
    assert len([key for key in table.session(api.user, session_id) if "MSG#0000000001" in key[1]]) == 2
    api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.get(session_id).body["messages"][1] == message
    assert message["tool_calls"] == [call]


def test_a_message_over_1_mb(api: Api) -> None:
    session_id = api.new(user("q"), assistant(noise(700_000)))
    before = api.get(session_id).body
    large = user("x" * MESSAGE_LIMIT)
    api.append(session_id, large).problem(413, "too_large")
    api.append(session_id, user("small"), large).problem(413, "too_large")
    api.put(session_id, start_sequence=2, messages=[large]).problem(413, "too_large")
    api.call("POST", "/sessions", {"messages": [large]}).problem(413, "too_large")
    api.tool_call(session_id, {"id": "c", "text": "x" * 400_000}).problem(413, "too_large")
    assert api.get(session_id).body == before
    assert api.list().body["total"] == 1


def test_a_request_over_3_mb_as_stored(api: Api) -> None:
    session_id = api.new()
    messages = [user(noise(900_000)) for _ in range(5)]
    api.append(session_id, *messages).problem(413, "too_large")
    api.call("POST", "/sessions", {"messages": messages}).problem(413, "too_large")
    assert api.contents(session_id) == []
    assert api.list().body["total"] == 1


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


@pytest.mark.parametrize("count", [99, 140])
def test_put_makes_steps_of_what_is_too_large_for_one(api: Api, count: int) -> None:
    large = [user(noise(550_000)) for _ in range(7)]
    small = [user(str(number)) for number in range(count)]
    messages = [*small, *large, *small]
    reply = api.put("s", messages=messages)
    assert reply.status == 201
    api.put("s", messages=messages[:50])
    assert api.contents("s") == [message["content"] for message in messages]


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
