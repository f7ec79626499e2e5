"""Small cases in every order there is, and with a fault at every step.

The requests of a case begin at once. Each runs in a process of its own; what they do to the table and to the
cache is put into every order, and then into every order with a fault at every point. Two steps that touch
nothing in common are put into one order only. The checker is the one of the random schedules.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.simulation.cases import get
from tests.simulation.choosers import ListedChooser, every
from tests.simulation.last_look import look
from tests.simulation.limits import limited
from tests.simulation.requests import LATER, NEWEST, UPLOAD
from tests.simulation.scheduler import Redundant
from tests.simulation.trace import told
from tests.simulation.violations import Rule, require
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.cases import Case
    from tests.simulation.requests import Request
    from tests.simulation.tally import Tally

_TRIES = 3


def exhaust(case: Case, tally: Tally, *, faults: int, most: int | None = None) -> int:
    """Run every schedule of a case; how many there are.

    Args:
        case: the case.
        tally: counts.
        faults: how many faults may strike in one schedule, of the case's kinds.
        most: stop after so many.

    Raises:
        AssertionError: a promise is broken; the note has the decisions and what led to it.
    """
    number = 0
    with limited(**case.limits):
        for chooser in every(case.kinds, faults):
            with suppress(Redundant):
                run(case, chooser, tally)
                number += 1
            if number == most:
                tally.cut.add(f"{case.name}, {faults or 'no'} fault")
                break
    return number


def run(case: Case, chooser: ListedChooser, tally: Tally) -> None:
    """Run one schedule of a case."""
    world = World(
        chooser,
        caching=case.cache != "none",
        every_point=False,
        retention_days=case.days,
        bucket=case.bucket,
    )
    try:
        with world.calm(ListedChooser()):
            _begin(world, case)
            if case.days:
                world.jump(case.days * 86_400.0 + 60.0)
        for number, requests in enumerate(case.clients):
            world.scheduler.spawn(f"client {number}", _client(world, f"client {number}", requests, case))
        if case.stream:
            going_on = bool(world.records())
            world.scheduler.spawn("stream", world.deliver(until_empty=going_on), daemon=not going_on)
        world.scheduler.run()
        look(world, briefly=case.days is None)
    except Redundant:
        world.scheduler.close()
        raise
    except Exception as error:
        world.scheduler.close()
        decisions = [decided for decided, _ in chooser.trail]
        error.add_note(f"{told(world)}\nAgain: {case.name}, decisions {decisions}")
        raise
    tally.add(world)


def _begin(world: World, case: Case) -> None:
    """Do what was done before, and leave the cache as the case has it."""
    before = [*case.before]
    while before and before[-1].kind == UPLOAD:
        before.pop()
    for request in before[:-1]:
        world.ask(request)
    earlier = dict(world.cache.data)
    for request in before[-1:]:
        world.ask(request, seconds=case.seconds)
    if before != [*case.before]:
        _upload(world)
        world.scheduler.run()
    match case.cache:
        case "warm":
            world.ask(get())
        case "behind":
            # What the last request told the cache never got there.
            world.cache.data.clear()
            world.cache.data.update(earlier)
            world.history.streams.cache_lost.add("cache restored")
        case _:
            world.cache.data.clear()
            world.history.streams.cache_lost.add("cleared")


def _upload(world: World) -> None:
    """Have the bytes of the newest file sent to the bucket."""
    newest = max(world.history.files.states, key=lambda key: key.file_id)
    world.upload({"url": newest.object_key}, b"x")


async def _client(world: World, name: str, requests: Sequence[Request], case: Case) -> None:
    for meant in requests:
        request = meant
        if meant.file_id == NEWEST:
            request = replace(meant, file_id=max(key.file_id for key in world.history.files.states))
        if request.kind == UPLOAD:
            _upload(world)
            continue
        for _ in range(_TRIES):
            reply = await world.serve(name, request, seconds=case.allowed, skew=case.skew)
            served = world.faults or reply is None or reply.status not in LATER
            require(Rule.SERVED_WHERE_NOTHING_FAILS, served, (request, reply))
            if not request.again or (reply is not None and reply.status not in LATER):
                break
