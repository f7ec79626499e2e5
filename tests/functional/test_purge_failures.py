"""What the purge could not do: the stream is told, and brings it again."""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError

from functions import purge_session
from infra.local.lambdas import Context
from tests.functional.api import Api, user
from tests.functional.test_transcripts_large import noise
from tests.functional.world import QUIET, hook, wait_until
from turnlog.records.keys import SessionKey, TranscriptKey
from turnlog.store.retry import RESERVE

if TYPE_CHECKING:
    from tests.functional.bucket import BucketView
    from tests.functional.world import TableView

SECONDS = RESERVE + 0.2


def record(key: SessionKey, number: str) -> dict[str, Any]:
    """The stream's record of a session that was deleted."""
    return {"eventID": f"event-{number}", "dynamodb": {"Keys": key.head, "SequenceNumber": number}}


def purge(*records: dict[str, Any]) -> dict[str, Any]:
    context = Context("PurgeSession", 512, time.monotonic() + SECONDS)
    return purge_session.handler({"Records": [*records]}, context)


def test_the_stream_is_told_what_is_not_done(
    api: Api, other: Api, table: TableView, caplog: pytest.LogCaptureFixture
) -> None:
    keys = [SessionKey(str(one.user), one.new(user("q"))) for one in (api, other)]
    records = [record(key, f"{100 + at}") for at, key in enumerate(keys)]

    def refuse(params: Any, **_: Any) -> None:
        if keys[0].partition in str(params["body"]):
            raise ConnectionClosedError(endpoint_url="the table")

    with hook("before-call.dynamodb.Query", refuse), caplog.at_level(logging.INFO):
        for one, key in zip((api, other), keys, strict=True):
            assert one.delete(key.session_id).status == 204
        # Whether the server's own purge was here before or not, this session cannot be looked through.
        assert purge(*records) == {"batchItemFailures": [{"itemIdentifier": "100"}]}
    told = [vars(line)["failures"] for line in caplog.records if "failures" in vars(line)]
    assert [1] in told
    # The other session's messages are gone, and this one's go when the record comes again.
    assert len(table.session(*keys[1])) == 1
    assert purge(records[0]) == {"batchItemFailures": []}
    assert len(table.session(*keys[0])) == 1
    wait_until(lambda: all("expires_at" in row for key in keys for row in table.session(*key).values()))


def test_a_purge_of_more_than_one_request_takes(api: Api, table: TableView) -> None:
    """A tombstone then ends in 30 days, in seconds as the table's time to live has them."""
    key = SessionKey(str(api.user), api.new(*(user(str(number)) for number in range(60))))
    deletes: list[int] = []

    def note(params: Any, **_: Any) -> None:
        deletes.append(str(params["body"]).count("DeleteRequest"))

    with hook("before-call.dynamodb.BatchWriteItem", note):
        assert api.delete(key.session_id).status == 204
        assert purge(record(key, "1")) == {"batchItemFailures": []}
    assert max(deletes) == 25  # the local table would take more
    (tombstone,) = table.session(*key).values()
    assert 0 <= int(tombstone["expires_at"]["N"]) - (time.time() + 30 * 86_400 - 60) < 120


def test_a_purge_ends_when_it_is_told_to(api: Api, table: TableView) -> None:
    """The local server tells it when it stops. What is left is named as failed; the next call deletes it."""
    key = SessionKey(str(api.user), api.new(*(user(str(number)) for number in range(60))))
    stopping = Event()
    deletes: list[int] = []

    def stop(**_: Any) -> None:
        deletes.append(1)
        stopping.set()

    context = Context("PurgeSession", 512, time.monotonic() + 300, stopping=stopping)
    with QUIET, hook("after-call.dynamodb.BatchWriteItem", stop):
        assert api.delete(key.session_id).status == 204
        told = purge_session.handler({"Records": [record(key, "7")]}, context)
        assert (told, len(deletes)) == ({"batchItemFailures": [{"itemIdentifier": "7"}]}, 1)
        assert len(table.session(*key)) == 1 + 60 - 25
    assert purge(record(key, "7")) == {"batchItemFailures": []}
    assert len(table.session(*key)) == 1


@pytest.mark.thorough
def test_a_late_record_of_a_transcript_that_began_anew(api: Api, bucket: BucketView) -> None:
    """The object of its present life stays."""
    session_id = api.new()
    key = TranscriptKey(SessionKey(str(api.user), session_id).at(0), "main")
    api.entries(session_id, "main", {"t": noise(900)})
    assert api.call("DELETE", f"/sessions/{session_id}/transcripts/main").status == 204
    api.entries(session_id, "main", {"t": noise(900)})
    late = {"eventID": "event", "dynamodb": {"Keys": key.head, "SequenceNumber": "1"}}
    assert purge(late) == {"batchItemFailures": []}
    assert len(bucket.of(api.user, session_id)) == 1
    assert api.transcript(session_id, "main").body["entry_count"] == 1
