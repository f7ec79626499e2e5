"""One invocation of a function: its own store over what all share, a clock that may be off, and an end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.simulation.backends import FaultyCache, FaultyClock, FaultyTable
from tests.simulation.faults import CRASH, REMEMBERED
from tests.simulation.objects import FaultyObjects
from tests.simulation.scheduler import NOTHING, Crashed, Point, Touch, suspended
from turnlog.store.session_cache import SessionCache
from turnlog.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.simulation.history import Work
    from tests.simulation.world import World

CACHE_TTL = 43_200
_READS = {"GetItem", "Query"}
_WRITES = {"TransactWriteItems", "UpdateItem", "BatchWriteItem"}
_OBJECT_CALLS = {
    "CopyObject": "writes",
    "PutObject": "writes",
    "DeleteObject": "writes",
    "GetObject": "reads",
    "HeadObject": "reads",
    "ListObjectsV2": "reads",
}
_STEP = 0.001  # seconds that anything takes


def touched(call: str, parameters: Mapping[str, Any]) -> Touch:
    """What a call reads and writes; one that touches nothing is seen by nobody.

    Nor is one that sets a time to live, where no time goes by.
    """
    if call in _OBJECT_CALLS:
        return Touch(**{_OBJECT_CALLS[call]: frozenset({"objects"})})
    if call != "cache":
        mode = "writes" if call in _WRITES else "reads" if call in _READS else None
        return Touch(**{mode: frozenset({"table"})}) if mode else NOTHING
    commands = parameters["commands"]
    places = {mode: set[str]() for mode in ("reads", "writes")}
    for name, *arguments in commands:
        if name == "EXPIRE":
            continue
        if name == "EVAL":
            places["writes"] |= set(map(str, arguments[2:4]))
            continue
        count = 2 if name == "RENAME" else 1
        places["reads" if name in {"GET", "HMGET"} else "writes"] |= set(map(str, arguments[:count]))
    return Touch(frozenset(places["reads"]), frozenset(places["writes"]))


class Process:
    """A process that does one piece of work.

    Args:
        world: what it shares with the others.
        name: of whoever started it.
        work: what its writes are for.
        seconds: that it has.
        skew: seconds that its clock is fast.
    """

    def __init__(self, world: World, name: str, work: Work, *, seconds: float, skew: float = 0.0) -> None:
        self.world = world
        self.name = name
        self.work = work
        self.skew = skew
        self.deadline = world.seconds + seconds
        self.clock = FaultyClock(self)

    def store(self) -> Store:
        """What its operation works on."""
        counts: Counter[str] = Counter()
        cache = FaultyCache(self) if self.world.caching else None
        return Store(
            FaultyTable(self),
            SessionCache(cache, CACHE_TTL, counts),
            self.clock,
            self.world.retention_days,
            counts,
            FaultyObjects(self) if self.world.bucket else None,
        )

    async def point(self, call: str, parameters: Mapping[str, Any], kinds: Sequence[str]) -> str | None:
        """Let others run; then the fault that strikes this call, if one does.

        Raises:
            Crashed: it is the process's last.
        """
        touch = touched(call, parameters)
        if self.world.every_point or touch != NOTHING:
            await suspended(Point(touch))
        self.world.seconds += _STEP
        self.work.calls[call] += 1
        # Lambda ends what is not done in time, wherever it is.
        fault = CRASH if self.world.seconds > self.deadline else self.world.chooser.fault(kinds, self.name)
        self.world.trace.append((self.world.seconds, self.name, call, parameters, fault))
        if fault and fault != REMEMBERED:
            self.world.faults[fault] += 1
            self.work.faults.add(fault)
            self.work.struck.append(fault)
            if fault.startswith("cache "):
                self.world.history.streams.cache_lost.add(fault)
            if fault == CRASH and call == "cache":
                self.world.history.streams.untold = True
        if fault == CRASH:
            raise Crashed
        return fault
