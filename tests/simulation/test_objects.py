"""What a writer slower than the purge leaves in the bucket: it is looked for when the tombstone ends."""

from __future__ import annotations

from tests.simulation.choosers import ListedChooser
from tests.simulation.last_look import look
from tests.simulation.requests import Request
from tests.simulation.world import World
from turnlog.records.keys import SessionKey

KEY = SessionKey("ann", "s0")
NAME = f"{KEY.objects}main!000000!token-0-1"
DAY = 86_400.0


def purged() -> World:
    """A session that was deleted and purged."""
    world = World(ListedChooser())
    world.ask(Request("create", KEY.user_id, body={"session_id": KEY.session_id}))
    world.ask(Request("delete", KEY.user_id, KEY.session_id))
    drain(world)
    return world


def drain(world: World) -> None:
    world.scheduler.spawn("stream", world.deliver(until_empty=True))
    world.scheduler.run()


def test_it_goes_when_the_tombstone_ends() -> None:
    world = purged()
    world.objects.put(NAME, b"late", world.seconds)
    world.objects.put("sessions/of-another", b"", world.seconds)
    drain(world)
    assert NAME in world.objects.kept
    world.jump(40 * DAY)
    drain(world)
    assert list(world.objects.kept) == ["sessions/of-another"]


def test_what_is_younger_than_a_record_of_the_stream_may_be_of_a_session_made_again() -> None:
    world = purged()
    world.jump(40 * DAY)
    world.objects.put(NAME, b"of the second life", world.seconds)
    drain(world)
    assert NAME in world.objects.kept


def test_what_comes_long_after_the_next_session_was_begun_goes_with_that_one() -> None:
    """Such as of a create that takes the id for a free one, and crashes before it takes back its object."""
    world = purged()
    again = {"session_id": KEY.session_id, "recreate": True}
    assert world.ask(Request("create", KEY.user_id, body=again)).status == 201
    world.jump(2 * DAY)
    drain(world)
    world.objects.put(f"{KEY.at(0).message_objects}token-0", b"late", world.seconds)
    look(world)
    world.ask(Request("delete", KEY.user_id, KEY.session_id))
    world.jump(40 * DAY)
    drain(world)
    assert not world.objects.kept
