"""What lies in the table or the bucket and cannot be read: an error that says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bombs import bomb
from tests.functional.api import Api, user
from tests.functional.test_transcripts import some
from tests.functional.test_transcripts_large import noise
from tests.functional.world import configured
from turnlog.limits import OBJECT_LIMIT

if TYPE_CHECKING:
    from tests.functional.bucket import BucketView
    from tests.functional.world import TableView

BOMB = bomb(1 << 8)
"""In a hundredth of a second a quarter of a gigabyte; an item has no room for more."""


def damage(table: TableView, api: Api, session_id: str, begin: str, data: bytes) -> None:
    (item,) = (row for (_, key), row in table.session(api.user, session_id).items() if key.startswith(begin))
    table.client.put_item(TableName=table.name, Item={**item, "data": {"B": data}})


@pytest.mark.thorough
@pytest.mark.parametrize(
    "data", [BOMB, BOMB[:100], b"\x05", b"\x02\xff\xff"], ids=["bomb", "torn", "?", "no deflate"]
)
def test_a_message(api: Api, table: TableView, data: bytes) -> None:
    session_id = api.new(user("one"), user("secret"))
    damage(table, api, session_id, "MSG#0000000001", data)
    api.call("DELETE", f"/sessions/{session_id}/cache")
    with configured(TURNLOG_CACHE_URL=""):
        for _ in range(2):
            told = api.get(session_id).problem(500, "damaged")
            assert told["detail"] == "Message 1 is damaged: it cannot be read."
        assert [one["content"] for one in api.messages(session_id, before=1).body["messages"]] == ["one"]
    api.get(session_id).problem(500, "damaged")


@pytest.mark.parametrize(
    "data", [BOMB, BOMB[:100], b"", b"no zlib"], ids=["bomb", "torn", "empty", "no zlib"]
)
def test_a_batch_of_entries(api: Api, table: TableView, data: bytes) -> None:
    session_id = api.new()
    api.entries(session_id, "main", *some("a", "b"))
    damage(table, api, session_id, "ENTRIES#main#", data)
    told = api.transcript(session_id, "main").problem(500, "damaged")
    assert told["detail"] == "The batch of entries at position 0 is damaged: it cannot be read."


@pytest.mark.thorough
@pytest.mark.parametrize("damaged", ["bomb", "torn", "empty", "too long"])
def test_an_object(api: Api, bucket: BucketView, damaged: str) -> None:
    session_id = api.new()
    api.entries(session_id, "main", {"t": noise(900)})
    (key,) = bucket.of(api.user, session_id)
    whole = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    data = {"bomb": BOMB, "torn": whole[:-1], "empty": b"", "too long": whole.ljust(OBJECT_LIMIT + 1)}
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=data[damaged])
    told = api.transcript(session_id, "main").problem(500, "damaged")
    assert "is damaged" in told["detail"]
    assert key not in told["detail"]
