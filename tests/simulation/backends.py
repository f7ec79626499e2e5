"""The table, the cache and the clock as one process has them: each call is a point, where faults strike.

They are the store's three protocols (`turnlog.store.protocols`) over a table and a cache in memory, which all
processes of a world share.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulation import faults
from tests.simulation.lies import corrupted
from turnlog.coroutines import run
from turnlog.errors import CacheUnavailable, ConditionFailed, Contended, Refused, Unanswered
from turnlog.records.head import from_item
from turnlog.records.keys import HEAD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.simulation.process import Process
    from turnlog.store.protocols import Command

_TOKEN = "ClientRequestToken"  # noqa: S105 (a parameter's name)


class FaultyTable:
    """The table of a process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self.name = self._world.table.name

    async def request(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """See `turnlog.store.protocols.Table`."""
        try:
            answer = await self._answered(operation, parameters)
        except ConditionFailed as refused:
            self._show(refused.items)
            raise
        self._show([answer.get("Item"), answer.get("Attributes")])
        return answer

    def _show(self, items: Sequence[Any]) -> None:
        """Note which sessions the process has seen to be there."""
        found = [from_item(item) for item in items if item and item.get("SK") == {"S": HEAD}]
        self._process.work.seen += [head.key for head in found if head.live]

    async def _answered(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        consistent = bool(parameters.get("ConsistentRead")) and "IndexName" not in parameters
        kinds = faults.of_request(operation, consistent=consistent)
        fault = await self._process.point(operation, parameters, kinds)
        self._process.work.unanswered |= fault in {"reply lost", "applied late"}
        match fault:
            case "request lost":
                raise Unanswered("The table did not answer.")
            case "throttled" | "conflict":
                raise Contended("The table is busy.")
            case "reply lost":
                with suppress(ConditionFailed):
                    self._applied(operation, parameters)
                raise Unanswered("The table did not answer.")
            case "applied late":
                self._world.spawn_late(
                    self._process, operation, partial(self._applied_late, operation, parameters)
                )
                raise Unanswered("The table did not answer.")
            case "re-sent" | "re-sent bare":
                return await self._sent_twice(operation, parameters, bare=fault.endswith("bare"))
            case "short page":
                return self._applied(operation, {**parameters, "Limit": 1 + self._world.chooser.choose(3)})
            case "torn page":
                return await self._torn(operation, parameters)
            case faults.LATE_READ:
                behind = 1 + self._world.chooser.choose(4)
                return self._with("lag", lambda changes: min(changes, behind), operation, parameters)
            case "unprocessed items":
                return self._with("processed", lambda requests: requests // 2, operation, parameters)
        return self._applied(operation, parameters)

    def _applied(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return run(self._world.table.request(operation, parameters))
        finally:
            self._world.history.committed(self._process.work)

    def _applied_late(self, operation: str, parameters: Mapping[str, Any]) -> None:
        with suppress(ConditionFailed):
            self._applied(operation, parameters)

    async def _sent_twice(
        self, operation: str, parameters: Mapping[str, Any], *, bare: bool
    ) -> dict[str, Any]:
        if operation == "TransactWriteItems" and not bare:
            parameters = {**parameters, _TOKEN: self._process.clock.token().hex()}
        with suppress(ConditionFailed):
            self._applied(operation, parameters)
        await self._process.point(operation, parameters, ())
        return self._applied(operation, parameters)

    async def _torn(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        first = self._applied(operation, {**parameters, "Limit": 1 + self._world.chooser.choose(3)})
        if "LastEvaluatedKey" not in first:
            return first
        await self._process.point(operation, parameters, ())
        rest = self._applied(operation, {**parameters, "ExclusiveStartKey": first["LastEvaluatedKey"]})
        return {**rest, "Items": [*first["Items"], *rest["Items"]]}

    def _with(self, knob: str, setting: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Do it while the table is set so."""
        usual = getattr(self._world.table, knob)
        setattr(self._world.table, knob, setting)
        try:
            return self._applied(operation, parameters)
        finally:
            setattr(self._world.table, knob, usual)


class FaultyCache:
    """The cache of a process. A pipeline is no transaction: others run between its commands."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world

    async def run(self, *commands: Command, atomic: bool = False) -> list[Any]:
        """See `turnlog.store.protocols.Cache`."""
        units = [commands] if atomic else [(command,) for command in commands]
        replies: list[Any] = []
        for at, unit in enumerate(units):
            fault = await self._process.point("cache", {"commands": unit}, faults.CACHE_FAULTS)
            if fault == "cache late":
                for late in units[at:]:
                    self._world.spawn_late(self._process, "cache", partial(self._applied, late))
            if fault in {"cache down", "cache late"}:
                raise CacheUnavailable(fault)
            if fault == "cache refuses":
                replies += [Refused("OOM")] * len(unit)
                continue
            self._lie(fault, unit)
            replies += self._applied(unit)
            if fault == "cache reply lost":
                raise CacheUnavailable(fault)
        return replies

    async def post(self, *commands: Command) -> None:
        """See `Cache`. That it failed is told at once, where the client tells it later."""
        await self.run(*commands)

    def _applied(self, unit: tuple[Command, ...]) -> list[Any]:
        return run(self._world.cache.run(*unit))

    def _lie(self, fault: str | None, unit: tuple[Command, ...]) -> None:
        data, deadlines = self._world.cache.data, self._world.cache.deadlines
        copies = self._world.cache_copies
        match fault:
            case "cache empty":
                for command in (one for one in unit if len(one) > 1):
                    for place in command[3:5] if command[0] == "EVAL" else command[1:2]:
                        data.pop(str(place).encode(), None)
            case "cache flushed":
                data.clear()
                deadlines.clear()
            case faults.REMEMBERED:
                kept = {place: dict(v) if isinstance(v, dict) else v for place, v in data.items()}
                copies.append((kept, dict(deadlines)))
            case "cache restored" if copies:
                kept, ends = copies[self._world.chooser.choose(len(copies))]
                data.clear()
                data.update({place: dict(v) if isinstance(v, dict) else v for place, v in kept.items()})
                deadlines.clear()
                deadlines.update(ends)
            case "cache corrupt":
                corrupted(data, self._world.chooser)


class FaultyClock:
    """The clock of a process, which may be fast or slow, and so coarse that times are equal."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world

    def now(self) -> datetime:
        """See `turnlog.store.protocols.Clock`."""
        seconds = self._world.seconds + self._process.skew
        return datetime.fromtimestamp(seconds - seconds % self._world.tick, UTC)

    def remaining(self) -> float:
        """See `turnlog.store.protocols.Clock`."""
        return self._process.deadline - self._world.seconds

    async def sleep(self, seconds: float) -> None:
        """See `turnlog.store.protocols.Clock`."""
        wakes = self._world.seconds + seconds
        await self._process.point("sleep", {}, ())
        self._world.seconds = max(self._world.seconds, wakes)

    def random(self) -> float:
        """See `turnlog.store.protocols.Clock`."""
        return self._world.chooser.random()

    def token(self) -> bytes:
        """See `turnlog.store.protocols.Clock`."""
        return self._world.token()
