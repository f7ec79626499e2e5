"""What only a real process has: a snapshot from which many begin, time-outs, a bucket's pages and cuts."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore.response import StreamingBody
from botocore.session import Session
from botocore.stub import Stubber

from turnlog.coroutines import run
from turnlog.drivers.blocking import BotoObjects, SystemClock, brief_table, clients, forget
from turnlog.errors import Unanswered
from turnlog.limits import HEALTH_SECONDS, REQUEST_SECONDS
from turnlog.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SINCE = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """What a bucket of S3 answers to botocore."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with Stubber(Session().create_client("s3", region_name="us-east-1")) as stubber:
        yield stubber


def test_all_that_begin_from_one_snapshot_draw_differently() -> None:
    """SnapStart restores many from one: with one token, each would take another's write for its own."""
    snapshot = random.getstate()
    drawn: list[tuple[bytes, float]] = []
    for _ in range(2):
        random.setstate(snapshot)
        clock = SystemClock(time.monotonic())
        drawn.append((clock.token(), clock.random()))
    (token, chance), (other_token, other_chance) = drawn
    assert token != other_token
    assert chance != other_chance


def test_a_request_takes_no_longer_than_is_kept_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore repeats nothing, or a table that is silent would outlast the function."""
    for name in ("TURNLOG_TABLE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    settings.cache_clear()
    forget()
    try:
        for table, seconds in ((clients()[0], REQUEST_SECONDS), (brief_table(), HEALTH_SECONDS)):
            config = table._client.meta.config
            assert config.connect_timeout + config.read_timeout <= seconds
            assert config.retries["total_max_attempts"] == 1
    finally:
        settings.cache_clear()
        forget()


def test_a_bucket_of_more_than_one_page(bucket: Stubber) -> None:
    def page(name: str, **more: Any) -> dict[str, Any]:
        return {"Contents": [{"Key": name, "LastModified": SINCE}], **more}

    asked = {"Bucket": "b", "Prefix": "p/"}
    bucket.add_response("list_objects_v2", page("p/1", IsTruncated=True, NextContinuationToken="next"), asked)
    bucket.add_response(
        "list_objects_v2", page("p/2", IsTruncated=False), {**asked, "ContinuationToken": "next"}
    )
    assert run(BotoObjects("b", lambda: bucket.client).list("p/")) == {"p/1": SINCE, "p/2": SINCE}


def test_an_object_whose_connection_is_lost_in_the_middle(bucket: Stubber) -> None:
    """It is asked for again: half of it is no object."""
    half = {"Body": StreamingBody(BytesIO(b"half"), 8), "ContentLength": 8}
    bucket.add_response("get_object", half, {"Bucket": "b", "Key": "k"})
    with pytest.raises(Unanswered, match="bucket did not answer"):
        run(BotoObjects("b", lambda: bucket.client).get("k"))
