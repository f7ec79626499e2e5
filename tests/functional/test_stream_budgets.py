"""What streams cost, counted: requests to the table, and commands to the cache (G8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import user
from tests.functional.test_budgets import cache_commands
from tests.functional.test_streams import SAID, Streamed
from tests.functional.world import counted
from tests.simulation.dynamodb.attribute_values import item_size
from turnlog.drivers import blocking
from turnlog.records import ring
from turnlog.records.head import Head
from turnlog.records.keys import SessionKey
from turnlog.records.usage import details_text

if TYPE_CHECKING:
    from tests.functional.api import Api
    from tests.http_client import Reply

DELTA = {"type": "text-delta", "id": "t", "delta": "x"}


def test_with_a_cache(api: Api, valkey: Any) -> None:
    session = api.new(user("Hi"))
    with counted() as opening, cache_commands(valkey) as commands:
        stream = Streamed(api, session)
    assert (opening, commands["eval"]) == (["GetItem", "TransactWriteItems"], 1)
    for at in range(1, 20):
        with counted() as requests, cache_commands(valkey) as commands:
            assert stream.append(at, DELTA).status == 200
        assert (requests, commands["eval"]) == ([], 1)  # one command, whose script sends the others
    with counted() as requests, cache_commands(valkey) as commands:
        assert stream.append(20, DELTA, flush=True).body["durable_seq"] == 20
    assert (requests, commands["eval"]) == (["TransactWriteItems"], 3)
    cursor = stream.all()[1]
    with counted() as requests, cache_commands(valkey) as commands:
        assert stream.events(after=cursor, wait=2).body["events"] == []
    assert requests == ["GetItem"] * 4  # before it waits, and behind
    assert commands["eval"] <= 2 * 10 + 2
    with counted() as requests, cache_commands(valkey) as commands:
        assert stream.call("POST", "/heartbeat", {"epoch": stream.epoch}).status == 200
    assert (requests, commands) == (["UpdateItem"], {})
    with counted() as requests:
        assert api.append(session, user("beside")).status == 201
    assert requests == ["TransactWriteItems"]
    stream.append(21, DELTA)
    with counted() as requests, cache_commands(valkey) as commands:
        assert stream.finish(SAID, first_seq=22).status == 200
    assert (requests, commands["eval"]) == (["GetItem", "GetItem", "TransactWriteItems"], 2)
    with counted() as requests:
        assert api.append(session, user("beside")).status == 201
    assert requests == ["TransactWriteItems"]


def test_readers_add_no_command_to_the_producer(api: Api, valkey: Any) -> None:
    stream = Streamed(api)
    for at in range(1, 4):
        with counted() as requests, cache_commands(valkey) as commands:
            assert stream.append(at, DELTA).status == 200
        assert (requests, commands["eval"]) == ([], 1)
        for _ in range(at):
            assert stream.events().status == 200


def test_without_a_cache(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = blocking.clients()
    monkeypatch.setattr(blocking, "clients", lambda: (table, None))
    stream = Streamed(api)

    def costs(call: Any) -> tuple[list[str], Reply]:
        with counted() as requests:
            reply = call()
        return requests, reply

    assert costs(lambda: stream.append(1, DELTA))[0] == ["TransactWriteItems"]
    read, page = costs(stream.events)
    assert read == ["GetItem", "GetItem", "Query"]
    waited, _ = costs(lambda: stream.events(after=page.body["cursor"], wait=2))
    assert waited == ["GetItem", "GetItem"] * 3  # once a second
    assert costs(lambda: stream.call("GET"))[0] == ["GetItem", "GetItem"]
    assert costs(lambda: stream.finish(SAID))[0] == ["GetItem", "GetItem", "TransactWriteItems"]


@pytest.mark.parametrize("length", [10, 2_000])
def test_the_end_of_a_long_stream_is_read_as_that_of_a_short_one(api: Api, length: int) -> None:
    stream = Streamed(api)
    for first in range(1, length, 500):
        count = min(500, length - first + 1)
        assert stream.append(first, *[DELTA] * count, flush=True).status == 200
    cursor = f"{stream.stream_id}.{stream.epoch}.{length - 2}"
    with counted() as requests:
        assert len(stream.events(after=cursor).body["events"]) == 2
    assert requests == ["GetItem", "GetItem", "Query"]


def test_a_head_with_a_stream_is_one_unit() -> None:
    """With a Cognito `sub`, a UUID, a title of 60 characters and OpenAI's counters, as design has it."""
    uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    details = {
        "prompt_tokens_details.cached_tokens": 10**7,
        "prompt_tokens_details.audio_tokens": 0,
        "completion_tokens_details.reasoning_tokens": 10**6,
        "completion_tokens_details.audio_tokens": 0,
        "completion_tokens_details.accepted_prediction_tokens": 0,
        "completion_tokens_details.rejected_prediction_tokens": 0,
    }
    head = Head(
        SessionKey(uuid, uuid).at(0),
        version=10_000,
        message_count=10_000,
        log_size=10**8,
        prompt_tokens=10**8,
        completion_tokens=10**8,
        total_tokens=10**8,
        details=details_text(details),
        title="t" * 60,
        started_at="2026-11-28T20:00:00.000000Z",
        updated_at="2026-11-28T20:00:00.000000Z",
        ring=b"x" * 128 * ring._WIDTH,
        token=b"x" * 16,
        active_stream=uuid,
        stream_epoch=1_795_896_397,
    )
    assert item_size(head.item()) <= 1_024
