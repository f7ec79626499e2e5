"""One random schedule of programs: what they call, what happens on the way, and what goes on beside them.

Each schedule draws whether the table fails too, or the way alone, and whether other clients are there that
ask the functions themselves (`clients`). At the end come peace, the last look, and the rules about calls.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING

from tests.simulation import faults
from tests.simulation.choosers import ListedChooser, RandomChooser
from tests.simulation.clients import SESSIONS, USERS, crew
from tests.simulation.last_look import look
from tests.simulation.limits import limited, shrunk
from tests.simulation.programs.call_rules import check_call
from tests.simulation.programs.chance import drawn_from
from tests.simulation.programs.client_programs import ClientProgram, methods_of
from tests.simulation.programs.loop import ProgramLoop
from tests.simulation.programs.troubles import Weather
from tests.simulation.programs.way import Way
from tests.simulation.requests import Request
from tests.simulation.texts import Texts
from tests.simulation.trace import told
from tests.simulation.world import World
from turnlog import limits
from turnlog.records import ring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tests.simulation.tally import Tally

_MADE_BEFORE = 0.8  # how many of the sessions are there when the programs come

# As they are: what a smaller ring has forgotten is stored again, and a call would be blamed for that.
_RINGS = {"CAPACITY": ring.CAPACITY, "TRANSCRIPT_RING": limits.TRANSCRIPT_RING}


@contextmanager
def schedule(seed: int, tally: Tally, again: str) -> Iterator[tuple[World, ProgramLoop, Random]]:
    """A world and a loop, for programs to be started, run, and looked at in the end.

    Args:
        seed: decides everything.
        tally: counts.
        again: how this seed is run by itself; for the note of a failure.
    """
    chooser = RandomChooser(seed, faults.ALL)
    rng = chooser.rng
    if rng.random() < 0.5:
        chooser.rate = 0.0  # the way's troubles are by themselves
    world = World(chooser, caching=rng.random() < 0.5)
    with shrunk(rng, bucket=True), limited(**_RINGS), drawn_from(seed):
        loop = ProgramLoop(world)
        try:
            with world.calm(ListedChooser()):
                for user, session in product(USERS, SESSIONS[:2]):
                    if rng.random() < _MADE_BEFORE:
                        world.ask(Request("create", user, body={"session_id": session}))
            yield world, loop, rng
        except Exception as error:
            error.add_note(f"{told(world)}\nAgain: TURNLOG_SIM_SEED={seed} {again}")
            raise
        finally:
            world.scheduler.close()
            loop.abandon()
    tally.add(world)


def run(world: World, rng: Random) -> None:
    """Run what was started, with the stream beside it; then have peace, and the last look."""
    for number in range(rng.choice((0, 1, 2))):
        world.scheduler.spawn(f"stream {number}", world.deliver(), daemon=True)
    world.scheduler.run()
    look(world, briefly=True)


def simulate(seed: int, tally: Tally) -> None:
    """Run the schedule of this seed.

    Raises:
        AssertionError: a promise is broken; the note has the seed and what led to it.
    """
    with schedule(seed, tally, ".venv/bin/pytest tests/simulation/test_programs.py") as (world, loop, rng):
        # The other clients' begin at 0.
        texts, others = Texts(rng, first=1_000_000), rng.choice((0, 0, 1, 2))
        weather = Weather(rng)
        programs = [
            ClientProgram(
                Way(world, loop, f"program {number}", lambda again: weather.trouble(again=again)),
                USERS[number % 4 == 3],
                rng=rng,
                texts=texts,
                alone=not others,
                methods=methods_of(rng),
            )
            for number in range(rng.choice((1, 2, 2, 3, 4)))
        ]
        for program in programs:
            loop.start(program.name, program.run(rng.randint(2, 8)))
        for client in crew(world, rng, others):
            world.scheduler.spawn(client.name, client.run(rng.randint(2, 6)))
        run(world, rng)
        for program in programs:
            for call in program.calls:
                check_call(world.history, call)
