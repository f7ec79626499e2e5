"""One random schedule: clients, the stream, time, and what goes wrong; then peace, and the last look."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from tests.simulation import faults
from tests.simulation.choosers import ListedChooser, RandomChooser
from tests.simulation.clients import SESSIONS, USERS, crew
from tests.simulation.last_look import look
from tests.simulation.limits import shrunk
from tests.simulation.process import CACHE_TTL
from tests.simulation.requests import Request
from tests.simulation.scheduler import Point, suspended
from tests.simulation.trace import told
from tests.simulation.world import World

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.tally import Tally

DAY = 86_400
MAX_CLIENTS = 5
_RETENTION_DAYS = 40
_MADE_BEFORE = 0.6  # how many of the sessions are there when the clients come
_BEGUN_ANEW_BEFORE = 0.1  # how many of these come after one that was deleted


def simulate(seed: int, tally: Tally) -> None:
    """Run the schedule of this seed.

    Raises:
        AssertionError: a promise is broken; the note has the seed and what led to it.
    """
    chooser = RandomChooser(seed, faults.ALL)
    rng = chooser.rng
    world = World(
        chooser,
        caching=rng.random() < 0.85,
        retention_days=_RETENTION_DAYS if rng.random() < 0.3 else None,
        tick=rng.choice((1e-6, 1e-6, 1e-6, 10.0)),
        bucket=rng.random() < 0.7,
    )
    with shrunk(rng, bucket=world.bucket):
        try:
            _play(world, rng)
            look(world)
        except Exception as error:
            world.scheduler.close()
            error.add_note(f"{told(world)}\nAgain: TURNLOG_SIM_SEED={seed}")
            raise
    tally.add(world)


def _play(world: World, rng: Random) -> None:
    with world.calm(ListedChooser()):
        for user, session in product(USERS, SESSIONS):
            if rng.random() < _MADE_BEFORE:
                world.ask(Request("create", user, body={"session_id": session}))
                if rng.random() < _BEGUN_ANEW_BEFORE:
                    world.ask(Request("delete", user, session))
                    world.ask(Request("create", user, body={"session_id": session, "recreate": True}))
    for client in crew(world, rng, rng.randint(1, MAX_CLIENTS)):
        world.scheduler.spawn(client.name, client.run(rng.randint(2, 9)))
    for number in range(2):
        world.scheduler.spawn(f"stream {number}", world.deliver(), daemon=True)
    world.scheduler.spawn("sweep", _sweep(world, rng), daemon=True)
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        world.scheduler.spawn("time", _jump(world, rng), daemon=True)
    world.scheduler.run()


async def _sweep(world: World, rng: Random) -> None:
    for _ in range(3):
        moment = world.scheduler.steps + rng.randrange(200)
        await suspended(Point(ready=lambda: world.scheduler.steps >= moment))  # noqa: B023 (waited for here)
        await world.sweep(skew=rng.choice((0.0, 0.0, 40.0)))


async def _jump(world: World, rng: Random) -> None:
    moment = rng.randrange(400)
    await suspended(Point(ready=lambda: world.scheduler.steps >= moment))
    world.jump(rng.choice((5.0, CACHE_TTL + 1.0, 41.0 * DAY, 31.0 * DAY)))
