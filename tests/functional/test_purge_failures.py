"""What the purge could not do: the stream is told, and brings it again."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionClosedError

from functions import purge_session
from infra.local.lambdas import Context
from shared.keys import SessionKey
from shared.retry import RESERVE
from tests.functional.api import Api, user
from tests.functional.world import hook, wait_until

if TYPE_CHECKING:
    import pytest

    from tests.functional.world import TableView

SECONDS = RESERVE + 0.2


def record(key: SessionKey, number: str) -> dict[str, Any]:
    """The stream's record of a session that was deleted."""
    return {"eventID": f"event-{number}", "dynamodb": {"Keys": key.head, "SequenceNumber": number}}


def purge(*records: dict[str, Any]) -> dict[str, Any]:
    context = Context("PurgeSession", 512, time.monotonic() + SECONDS)
    return purge_session.handler({"Records": [*records]}, context)


def test_the_stream_is_told_what_is_not_done(
    api: Api, other: Api, table: TableView, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [SessionKey(str(one.user), one.new(user("q"))) for one in (api, other)]
    records = [record(key, f"{100 + at}") for at, key in enumerate(keys)]

    def refuse(params: Any, **_: Any) -> None:
        if keys[0].partition in str(params["body"]):
            raise ConnectionClosedError(endpoint_url="the table")

    with hook("before-call.dynamodb.Query", refuse):
        for one, key in zip((api, other), keys, strict=True):
            assert one.delete(key.session_id).status == 204
        capsys.readouterr()
        # Whether the server's own purge was here before or not, this session cannot be looked through.
        assert purge(*records) == {"batchItemFailures": [{"itemIdentifier": "100"}]}
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    told = [line for line in printed if line.get("operation") == "purge_session" and "failures" in line]
    assert [1] in [line["failures"] for line in told]
    # The other session's messages are gone, and this one's go when the record comes again.
    assert len(table.session(*keys[1])) == 1
    assert purge(records[0]) == {"batchItemFailures": []}
    assert len(table.session(*keys[0])) == 1
    wait_until(lambda: all("expires_at" in row for key in keys for row in table.session(*key).values()))
