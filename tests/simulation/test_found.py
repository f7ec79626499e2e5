"""What was found by reading, not by search: each as the schedule that showed it."""

from __future__ import annotations

import time
import tracemalloc
from base64 import b64encode
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from infra.template import table_definition
from tests.simulation.memory_table import MemoryTable
from turnlog.drivers.blocking import SystemClock, run
from turnlog.errors import Unanswered
from turnlog.http import etag
from turnlog.operations.add_tool_call import add_tool_call
from turnlog.operations.append_messages import append_messages
from turnlog.operations.change_session import patch_session, set_title
from turnlog.operations.create_session import create_session
from turnlog.operations.put_session import put_session
from turnlog.records.keys import session_key
from turnlog.store.session_cache import SessionCache
from turnlog.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY = session_key("alice", "s")


class Lossy:
    """A table that loses the reply of one write, and lets something happen before the writer goes on."""

    def __init__(self) -> None:
        self.name = "SessionsTable"
        self.table = MemoryTable(table_definition(self.name))
        self.meanwhile: Callable[[], Any] | None = None
        self.requests = 0

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `turnlog.store.protocols.Table`."""
        self.requests += 1
        answer = await self.table.request(operation, parameters)
        if self.meanwhile and operation in {"TransactWriteItems", "UpdateItem"}:
            act, self.meanwhile = self.meanwhile, None
            act()
            raise Unanswered("The table did not answer.")
        return answer


@pytest.fixture
def table() -> Lossy:
    table = Lossy()
    run(create_session(store(table), KEY))
    return table


def store(table: Lossy) -> Store:
    counts: Counter[str] = Counter()
    return Store(table, SessionCache(None, 60, counts), SystemClock(time.monotonic() + 60), None, counts)


def say(*contents: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, "message_id": content} for content in contents]


def test_a_lost_reply_is_found_again_behind_more_messages_than_the_ring_holds(table: Lossy) -> None:
    def others() -> None:
        for batch in range(2):
            run(append_messages(store(table), KEY, say(*(f"{batch}.{at}" for at in range(90)))))

    table.meanwhile = others
    appended = run(append_messages(store(table), KEY, say("mine"), expected_sequence=0))
    assert (appended.sequences, appended.replayed) == ([0], False)
    assert run(store(table).head(KEY)).message_count == 181


def test_a_put_that_was_made_does_not_say_that_it_was_not(table: Lossy) -> None:
    table.meanwhile = lambda: run(set_title(store(table), KEY, "Theirs"))
    with pytest.raises(Unanswered):
        run(put_session(store(table), KEY, say("mine"), if_match=etag.parse('"1"')))
    assert run(store(table).head(KEY)).message_count == 1


def test_a_patch_that_was_made_does_not_say_that_it_was_not(table: Lossy) -> None:
    table.meanwhile = lambda: run(set_title(store(table), KEY, "Theirs"))
    with pytest.raises(Unanswered):
        run(patch_session(store(table), KEY, {"metadata": {"a": 1}}, if_match=etag.parse('"1"')))
    assert run(store(table).head(KEY)).metadata == '{"a":1}'


def test_a_tool_call_costs_the_same_in_a_long_turn(table: Lossy) -> None:
    costs = []
    run(append_messages(store(table), KEY, say("question")))
    for turn in range(6):
        steps = [
            {"role": role, "content": f"{turn}.{at}"} for at in range(40) for role in ("assistant", "tool")
        ]
        run(append_messages(store(table), KEY, steps))
        before = table.requests
        run(add_tool_call(store(table), KEY, {"id": f"call-{turn}"}))
        costs.append(table.requests - before)
    assert costs == [4] * 6


class Raced(Lossy):
    """A table at which another is always faster, until it was so often enough."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = 0
        run(create_session(store(self), KEY))
        self.races = races

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `turnlog.store.protocols.Table`."""
        if self.races and operation == "TransactWriteItems":
            self.races, races = 0, self.races
            await append_messages(store(self), KEY, say(f"race {races}"))
            self.races = races - 1
        return await super().request(operation, parameters)


def held_at_peak(table: Lossy, content: str) -> int:
    tracemalloc.start()
    try:
        run(append_messages(store(table), KEY, say(content)))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_append_that_loses_many_races_holds_its_messages_once() -> None:
    content = b64encode(Random(0).randbytes(250_000)).decode()
    often, twice = (held_at_peak(Raced(races), content) for races in (8, 2))
    assert often < twice + len(content)
