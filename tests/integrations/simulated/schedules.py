"""One random schedule of agents: those of both SDKs, programs that use the client, and what goes wrong.

What one append of the stores takes is made small here, so that few items and entries take several.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

from tests.integrations.simulated.entry_programs import EntryProgram
from tests.integrations.simulated.entry_rules import check_entry_calls
from tests.integrations.simulated.item_programs import ITEM_LIMIT, ItemProgram
from tests.integrations.simulated.item_rules import check_item_calls
from tests.simulation.clients import USERS
from tests.simulation.programs.call_rules import check_call
from tests.simulation.programs.client_programs import ClientProgram
from tests.simulation.programs.schedules import run, schedule
from tests.simulation.programs.troubles import Weather
from tests.simulation.programs.way import Way
from tests.simulation.texts import Texts
from turnlog.integrations import entries, openai_agents
from turnlog.records import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.tally import Tally

_AGAIN = ".cache/sdks-venv/bin/python -m pytest -p no:asyncio tests/integrations/test_simulated.py"
# What people and front ends do with an agent's session.
_BESIDE = [
    "append_messages",
    "append_messages",
    "set_title",
    "add_tool_call",
    "rewind_session",
    "patch_session",
]


@contextmanager
def _small() -> Iterator[None]:
    """What one append takes, made small."""
    with ExitStack() as stack:
        for module, name, value in (
            (openai_agents, "MAX_BATCH", 3),
            (messages, "MESSAGE_LIMIT", ITEM_LIMIT),
            (entries, "MAX_ENTRIES", 2),
        ):
            stack.enter_context(patch.object(module, name, value))
        yield


def simulate_items(seed: int, tally: Tally) -> None:
    """Run the schedule of this seed: agents of the OpenAI Agents SDK on one session.

    Raises:
        AssertionError: a promise is broken; the note has the seed and what led to it.
    """
    with _small(), schedule(seed, tally, f"{_AGAIN} -k items") as (world, loop, rng):
        texts, weather = Texts(rng), Weather(rng)
        trouble = partial(_trouble, weather)
        agents = [
            ItemProgram(Way(world, loop, f"agent {number}", trouble), USERS[0], rng=rng, texts=texts)
            for number in range(rng.choice((1, 2, 2, 3)))
        ]
        others = [
            ClientProgram(
                Way(world, loop, f"program {number}", trouble),
                USERS[0],
                rng=rng,
                texts=texts,
                alone=True,
                methods=_BESIDE + ["delete_session"] * (rng.random() < 0.1),
            )
            for number in range(rng.choice((0, 0, 1)))
        ]
        for agent in agents:
            loop.start(agent.name, agent.run(rng.randint(2, 7)))
        for other in others:
            loop.start(other.name, other.run(rng.randint(2, 7)))
        run(world, rng)
        for agent in agents:
            check_item_calls(world.history, agent.calls)
        for other in others:
            for call in other.calls:
                check_call(world.history, call)


def simulate_entries(seed: int, tally: Tally) -> None:
    """Run the schedule of this seed: agents of the Claude Agent SDK on one project.

    Raises:
        AssertionError: a promise is broken; the note has the seed and what led to it.
    """
    with _small(), schedule(seed, tally, f"{_AGAIN} -k entries") as (world, loop, rng):
        texts, weather = Texts(rng), Weather(rng)
        mortal = rng.random() < 0.2
        agents = [
            EntryProgram(
                Way(world, loop, f"agent {number}", partial(_trouble, weather)),
                USERS[0],
                rng=rng,
                texts=texts,
                mortal=mortal,
            )
            for number in range(rng.choice((1, 2, 2, 3)))
        ]
        for agent in agents:
            loop.start(agent.name, agent.run(rng.randint(2, 8)))
        run(world, rng)
        for agent in agents:
            check_entry_calls(world.history, agent.calls)


def _trouble(weather: Weather, again: bool) -> str | None:
    return weather.trouble(again=again)
