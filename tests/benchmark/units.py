"""`make units`: what each operation asks of DynamoDB, in requests and in units by AWS's rules.

The store's own operations run on the simulation's table and cache, which answer as DynamoDB Local and Valkey
do (`tests/conformance`). Units come from the sizes of the items, read from the table's stream, by the rules
in `capacity`, not from an emulator's figure.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from functools import cache
from random import Random
from string import ascii_letters
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from infra.template import table_definition
from tests.benchmark.capacity import indexes, read_units, write_units
from tests.benchmark.proxies.requests import whole
from tests.simulation.dynamodb.attribute_values import item_size
from tests.simulation.memory_cache import MemoryCache
from tests.simulation.memory_table import MemoryTable
from turnlog.coroutines import run
from turnlog.drivers.blocking import SystemClock
from turnlog.limits import TRANSCRIPT_RING
from turnlog.operations.add_tool_call import add_tool_call
from turnlog.operations.append_entries import append_entries
from turnlog.operations.append_messages import append_messages
from turnlog.operations.change_session import set_title
from turnlog.operations.create_session import create_session
from turnlog.operations.delete_session import delete_session
from turnlog.operations.list_sessions import list_sessions
from turnlog.operations.read_entries import read_entries
from turnlog.operations.read_session import newest
from turnlog.operations.rewind_session import rewind_session
from turnlog.records.keys import session_key, transcript_name
from turnlog.store.protocols import Table
from turnlog.store.session_cache import SessionCache
from turnlog.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

LENGTHS = (1, 100, 1_000, 10_000)
_ENVELOPE = 160  # bytes of a message's JSON beside its content
USER = "auth0|5f7c8ec7c33c6c004bbafe82"


class Cost(NamedTuple):
    """What an operation asked of the table."""

    requests: int
    writes: float
    reads: float


class Metered(Table, Protocol):
    """A table that counts requests and units."""

    @property
    def requests(self) -> Counter[str]: ...

    @property
    def writes(self) -> float: ...

    @property
    def reads(self) -> float: ...


class MeteredTable:
    """The simulation's table, metered."""

    def __init__(self) -> None:
        self.name = "SessionsTable"
        self._table = MemoryTable(table_definition(self.name))
        self._indexes = indexes(table_definition(self.name))
        self.requests: Counter[str] = Counter()
        self.writes = self.reads = 0.0

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `turnlog.store.protocols.Table`."""
        seen = len(self._table.stream)
        self.requests[operation] += 1  # refused ones, too
        answer = await self._table.request(operation, parameters)
        transaction = operation == "TransactWriteItems"
        for record in self._table.stream[seen:]:
            old, new = record.get("OldImage"), record.get("NewImage")
            self.writes += write_units(old, new, self._indexes, transaction=transaction)
        if operation in {"GetItem", "Query"}:
            # A projection makes no read cheaper.
            read = await self._table.request(operation, whole(parameters))
            items = read.get("Items", [read["Item"]] if "Item" in read else [])
            self.reads += read_units(sum(map(item_size, items)), consistent="IndexName" not in parameters)
        return answer


class World:
    """One table, one cache, one session."""

    def __init__(self, table: Metered | None = None) -> None:
        self.table = table or MeteredTable()
        self._cache = MemoryCache(time.time)
        self.key = session_key(USER, "0b6f1c2e-5d0e-4a57-9c39-3d2f6b8f7a11")
        self.transcript = transcript_name(self.key, "main")

    def store(self, *, cached: bool = True) -> Store:
        counts: Counter[str] = Counter()
        cache = SessionCache(self._cache if cached else None, 43_200, counts)
        return Store(self.table, cache, SystemClock(time.monotonic() + 3600), None, counts)

    def cost(self, operation: Callable[[Store], Coroutine[Any, Any, Any]], *, cached: bool = True) -> Cost:
        """What the operation asks of the table."""
        table = self.table
        before = Cost(table.requests.total(), table.writes, table.reads)
        run(operation(self.store(cached=cached)))
        return Cost(
            table.requests.total() - before.requests,
            table.writes - before.writes,
            table.reads - before.reads,
        )

    def transcribe(self, length: int) -> None:
        """Bring the transcript to this many entries, in batches of 20."""
        store = self.store()
        have = 0
        if found := run(store.find_transcript(self.transcript.of(self.key.at(0)))):
            have = found.length
        while have < length:
            batch = min(20, length - have)
            run(append_entries(store, self.transcript, [_message() for _ in range(batch)]))
            have += batch

    def fill(self, length: int) -> None:
        """Bring the session to this many messages."""
        store = self.store()
        have = run(store.head(self.key)).message_count
        while have < length:
            batch = min(99, length - have)
            run(append_messages(store, self.key, [_message() for _ in range(batch)]))
            have += batch


def _message(size: int = 600) -> dict[str, Any]:
    """A message of so many bytes of JSON, about, that no compression makes smaller."""
    letters = Random(size).choices(ascii_letters, k=size - _ENVELOPE)
    return {"role": "assistant", "content": "".join(letters)}


def measured(
    world: World | None = None, lengths: Sequence[int] = LENGTHS
) -> list[tuple[str, dict[int, Cost]]]:
    """What each operation costs at each length."""
    table: dict[str, dict[int, Cost]] = {}
    world = world or World()

    def note(name: str, length: int, cost: Cost) -> None:
        table.setdefault(name, {})[length] = cost

    note("create", 0, world.cost(lambda store: create_session(store, world.key, [])))
    for length in lengths:
        world.fill(length)
        one, large = _message(), _message(1_500)
        turn = [_message() for _ in range(12)]
        note("append 600 bytes, warm", length, world.cost(_append(world, one)))
        note("append 600 bytes, cold", length, world.cost(_append(world, one), cached=False))
        world.cost(_append(world, _message()))  # the head in the cache is behind, and is refused
        note("append 1,500 bytes, warm", length, world.cost(_append(world, large)))
        note("append 12 of 600 bytes", length, world.cost(_append(world, *turn)))
        note("read the newest 50, cold", length, world.cost(lambda s: _read(s, world, 50), cached=False))
        world.cost(lambda s: _read(s, world, 50))  # what was appended without the cache comes into it
        note("read the newest 50, warm", length, world.cost(lambda s: _read(s, world, 50)))
        note("read unchanged (If-None-Match)", length, world.cost(lambda s: s.head(world.key)))
        note("set the title", length, world.cost(lambda s: set_title(s, world.key, "A title")))
        note(
            "add a tool call",
            length,
            world.cost(lambda s: add_tool_call(s, world.key, {"function": {"name": "f"}})),
        )
        note("rewind by one", length, world.cost(_rewind(world)))
        note("list 50 sessions", length, world.cost(lambda s: list_sessions(s, USER, limit=50)))
    for length in lengths:
        # Behind a ring that is full, as it is from the 512th entry on; before, the head is smaller.
        have = TRANSCRIPT_RING + length
        world.transcribe(have)
        note("append an entry of 600 bytes", length, world.cost(_transcribe(world, 1)))
        note("append 20 entries", length, world.cost(_transcribe(world, 20)))
        note("read 50 entries", length, world.cost(_entries(world, have - 50, 50)))
    note("delete", lengths[-1], world.cost(lambda s: delete_session(s, world.key)))
    return list(table.items())


@cache
def usual() -> dict[str, dict[int, Cost]]:
    """What `measured` finds on the simulation's table; counted once in a process."""
    return dict(measured())


def _append(world: World, *new: dict[str, Any]) -> Callable[[Store], Coroutine[Any, Any, Any]]:
    return lambda store: append_messages(store, world.key, new)


def _rewind(world: World) -> Callable[[Store], Coroutine[Any, Any, Any]]:
    end = run(world.store().head(world.key)).message_count
    return lambda store: rewind_session(store, world.key, end - 1, expected=end)


def _transcribe(world: World, count: int) -> Callable[[Store], Coroutine[Any, Any, Any]]:
    entries = [_message() for _ in range(count)]
    return lambda store: append_entries(store, world.transcript, entries)


def _entries(world: World, first: int, limit: int) -> Callable[[Store], Coroutine[Any, Any, Any]]:
    return lambda store: read_entries(store, world.transcript, after=max(-1, first - 1), limit=limit)


async def _read(store: Store, world: World, limit: int) -> None:
    await newest(store, await store.head(world.key), limit=limit)


def main() -> None:
    """Print the table."""
    sys.stdout.write(f"{'requests / write units / read units':34}")
    sys.stdout.write("".join(f"{length:>16,}" for length in LENGTHS) + "  messages or entries\n")
    for name, costs in usual().items():
        cells = {length: f"{c.requests} / {c.writes:g} / {c.reads:g}" for length, c in costs.items()}
        whole = len(cells) == 1
        row = [next(iter(cells.values()))] if whole else [cells[length] for length in LENGTHS]
        sys.stdout.write(f"{name:34}" + "".join(f"{cell:>16}" for cell in row) + "\n")


if __name__ == "__main__":
    main()
