"""Transcripts and their objects, when the faults are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.requests import Request
from tests.simulation.violations import Rule, require
from turnlog.records.keys import parse_object_generation

if TYPE_CHECKING:
    from tests.simulation.world import World
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey


def objects_of(world: World, key: SessionKey) -> list[str]:
    """The keys of a session's objects, but for one that came when nothing was waited for any more."""
    kept = world.objects.kept.items()
    return [name for name, one in kept if name.startswith(key.objects) and not one.stray]


def check_transcripts(world: World, key: SessionKey, session: Head | None) -> None:
    """What is acknowledged is read; what is over is gone, but for what a slow writer left.

    Args:
        world: in which it is.
        key: the session's.
        session: its head, if it is live.
    """
    live = session is not None
    for transcript, states in list(world.history.transcripts.states.items()):
        if transcript.session != (session.key if session else key.at(transcript.session.generation)):
            continue
        head = states[-1].head
        request = Request("read_entries", key.user_id, key.session_id, name=transcript.name)
        reply = world.ask(request)
        there = live and states[-1].live
        require(Rule.FOUND_IF_LIVE, (reply.status == 200) == there, (transcript, reply))
        if there and not reply.body["has_more"]:
            require(Rule.READ_AT_LAST, reply.body["entries"] == states[-1].entries, reply.body)
        if not live or head is None:
            continue
        current = head.generation + (not head.live)
        prefix = f"{transcript.session.first}ENTRIES#{transcript.name}#"
        items = [name for name in world.history.items(key) if name.startswith(prefix)]
        old = [name for name in items if int(name.removeprefix(prefix).split("#")[0]) < current]
        require(Rule.OLD_GENERATIONS_PURGED, not old, old)
        if not world.faults:
            objects = [name for name in objects_of(world, key) if name.startswith(transcript.objects)]
            left = [name for name in objects if parse_object_generation(transcript, name) < current]
            require(Rule.OLD_OBJECTS_PURGED, not left, left)
