"""G9 with real processes: the producer, the reader and the cache of a stream are killed in mid-turn.

What the reader noted, with each step dropped that it was told to drop, is what the stream says: no event is
missing, and none is there twice. With a cache and without.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from redis import Redis

from tests.e2e.conftest import _server
from tests.e2e.producer import DELTAS, STREAM, USER, message, step
from tests.e2e.producer import turn as whole
from tests.e2e.test_processes import _ask, _created, _until
from tests.http_client import request as asked
from tests.local import local_client
from turnlog.records.keys import SessionKey
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.valkey import Valkey

pytestmark = pytest.mark.real

RESET = {"type": "reset-step"}
A_STEP = len(step(0))


class Turn(NamedTuple):
    """A stream, and the processes about it.

    Attributes:
        session: the address of its session.
        way: of its processes: `table`, or the URL of the API.
        variables: for these.
        journal: what the reader notes.
        started: these.
    """

    session: str
    way: str
    variables: dict[str, str]
    journal: Path
    started: list[subprocess.Popen[bytes]]

    def produce(self, client: str = "blocking", pause: float = 0.01) -> subprocess.Popen[bytes]:
        """Start a producer."""
        return self._start("tests.e2e.producer", self.way, client, str(pause), Path(self.session).name)

    def follow(self) -> subprocess.Popen[bytes]:
        """Start the reader, once there is something to read."""
        _until(self.begun)
        return self._start("tests.e2e.follower", self.way, Path(self.session).name, str(self.journal))

    def _start(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        self.started.append(subprocess.Popen([sys.executable, "-m", module, *words], env=self.variables))
        return self.started[-1]

    def begun(self) -> bool:
        """Whether the stream is there."""
        return asked(self.session, "GET", f"/streams/{STREAM}", user=USER).status == 200

    def noted(self) -> list[Any]:
        """What the reader has noted."""
        lines = self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines]

    def reads(self, count: int) -> None:
        """Wait until the reader has noted so many events."""
        _until(lambda: len(self.noted()) >= count)

    def lease_was_long_ago(self) -> None:
        """As if its producer had been killed a while ago."""
        key = {
            "PK": {"S": SessionKey(USER, Path(self.session).name).partition},
            "SK": {"S": f"STREAM#{STREAM}"},
        }
        with local_client("dynamodb", self.variables["AWS_ENDPOINT_URL_DYNAMODB"]) as client:
            client.update_item(
                TableName=self.variables["TURNLOG_TABLE"],
                Key=key,
                UpdateExpression="SET lease_until = :over",
                ExpressionAttributeValues={
                    ":over": {"S": timestamp(datetime.now(UTC) - timedelta(seconds=11))}
                },
            )

    def check(self, *, resets: int) -> None:
        """The reader noted what the stream says, and the session has its message."""
        noted = self.noted()
        cursors = [one["cursor"] for one in noted]
        assert len(set(cursors)) == len(cursors)
        events = [one["event"] for one in noted]
        assert told(events) == whole()
        assert events.count(RESET) == resets
        shown = _ask(self.session, "GET")
        assert shown["active_stream"] is None
        assert [one["content"] for one in shown["messages"]] == [message()["content"]]


def told(events: list[Any]) -> list[Any]:
    """What a reader has after it dropped each step that it was told to drop."""
    kept: list[Any] = []
    for event in events:
        if event == RESET:
            while kept and kept[-1]["type"] != "finish-step":
                kept.pop()
        else:
            kept.append(event)
    return kept


def killed(process: subprocess.Popen[bytes]) -> None:
    """`kill -9` a process that is at work."""
    process.kill()
    assert process.wait() == -signal.SIGKILL


@pytest.fixture(params=["http, with a cache", "table, without a cache"])
def a_turn(
    request: pytest.FixtureRequest, process_environment: dict[str, str], tmp_path: Path
) -> Iterator[Turn]:
    way, _, cache = request.param.partition(", ")
    variables = process_environment | ({} if cache == "with a cache" else {"TURNLOG_CACHE_URL": ""})
    with _server(variables) as api:
        turn = Turn(_created(api), api if way == "http" else "table", variables, tmp_path / "journal", [])
        yield turn
        for process in turn.started:
            process.kill()
            process.wait()


def test_another_producer_goes_on_where_one_was_killed(a_turn: Turn, valkey: Valkey) -> None:
    """The second time the cache is killed with it: readers have seen what is nowhere."""
    first = a_turn.produce(pause=0.02)
    reader = a_turn.follow()
    a_turn.reads(A_STEP + DELTAS // 3)
    killed(first)
    second = a_turn.produce("loop", pause=0.02)  # it waits until the lease is over
    a_turn.reads(len(a_turn.noted()) + DELTAS // 2)
    killed(second)
    valkey.kill()
    valkey.start()
    a_turn.lease_was_long_ago()
    assert a_turn.produce().wait(60) == 0
    assert reader.wait(60) == 0
    a_turn.check(resets=2)


def test_a_reader_that_is_killed_goes_on_from_its_cursor(a_turn: Turn) -> None:
    producer = a_turn.produce("loop")
    for share in (1, 3):
        reader = a_turn.follow()
        a_turn.reads(share * A_STEP // 2)
        killed(reader)
    assert producer.wait(60) == 0
    assert a_turn.follow().wait(60) == 0
    a_turn.check(resets=0)


@pytest.mark.parametrize("a_turn", ["http, with a cache", "table, with a cache"], indirect=True)
def test_the_cache_killed_and_flushed_in_mid_turn_takes_no_event_along(a_turn: Turn, valkey: Valkey) -> None:
    producer = a_turn.produce()
    reader = a_turn.follow()
    a_turn.reads(DELTAS // 2)
    valkey.kill()
    a_turn.reads(A_STEP + DELTAS // 2)
    valkey.start()
    for share in (4, 5):
        a_turn.reads(share * A_STEP // 2)
        with Redis(port=valkey.port) as client:
            client.flushall()
    assert producer.wait(60) == 0
    assert reader.wait(60) == 0
    a_turn.check(resets=0)
