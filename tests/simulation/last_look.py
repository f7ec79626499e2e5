"""When the faults are over: the stream is worked off, everything is read once more, and time runs out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.choosers import ListedChooser
from tests.simulation.clients import USERS
from tests.simulation.faults import CRASH
from tests.simulation.file_rules import check_files
from tests.simulation.requests import Request
from tests.simulation.transcript_look import check_transcripts, objects_of
from tests.simulation.violations import Rule, require
from turnlog.records.keys import ANSWER_PREFIX, EXPIRY, HEAD, parse_generation
from turnlog.records.messages import from_cache
from turnlog.store.session_cache import _checked, _log_key, _prefix_checksum

if TYPE_CHECKING:
    from tests.simulation.states import State
    from tests.simulation.world import World
    from turnlog.records.keys import SessionKey

_DAY = 86_400
# Faults after which an object may be left that no item names.
_LEAVING = {CRASH, "request lost", "reply lost", "applied late", "re-sent", "re-sent bare", "throttled"}


def look(world: World, *, briefly: bool = False) -> None:
    """Check what is left.

    Args:
        world: in which it is.
        briefly: not what the list says, nor what time does.
    """
    with world.calm(ListedChooser()):
        _drain(world)
        for key, states in list(world.history.sessions.items()):
            _check_items(world, key, states[-1])
            _check_cached(world, key, states[-1])
            _check_read(world, key, states[-1])
            _check_cleared(world, key, states[-1])
            _check_objects(world, key, states[-1])
            check_transcripts(world, key, states[-1].live)
            if not briefly:
                _check_gone(world, key, states[-1])
        if briefly:
            return
        for user in USERS:
            _check_pages(world, user)
        # Twice: the first time retention, where there is one, makes tombstones, which end by the second.
        for _ in range(2):
            world.jump(100.0 * _DAY)
            _drain(world)
        for key, states in world.history.sessions.items():
            _check_former(world, key, states[-1], objects=True)
            check_files(world, key, states[-1].live)
            if not states[-1].head:
                require(Rule.NOTHING_LEFT, not world.history.items(key), world.history.items(key))
                require(Rule.NO_OBJECT_LEFT, not objects_of(world, key), objects_of(world, key))
            require(Rule.ENDS_IN_TIME, states[-1].live or not states[-1].head, key)
            require(Rule.RETENTION, not states[-1].live or not world.retention_days, key)
        _check_orphans(world)
        _check_second_life(world)


def _check_orphans(world: World) -> None:
    """G4: long after all was done, an object is of a session that is there, or was too late for anyone."""
    prefixes = [key.objects for key, states in world.history.sessions.items() if states[-1].head]
    # Of an answer that lies in the bucket, the bucket's own rule knows the end.
    kept = [
        name
        for name, one in world.objects.kept.items()
        if not one.stray and not name.startswith(ANSWER_PREFIX)
    ]
    left = [name for name in kept if not name.startswith(tuple(prefixes))]
    require(Rule.NO_OBJECT_LEFT, not left, left)


def _check_second_life(world: World) -> None:
    """G4: when a tombstone's time is over the id is free, and no old record of the stream harms it."""
    ended = [key for key, states in world.history.sessions.items() if len(states) > 1 and not states[-1].head]
    for key in ended:
        body = {"session_id": key.session_id, "messages": [{"role": "user", "content": "again"}]}
        require(Rule.FREE_AGAIN, world.ask(Request("create", key.user_id, body=body)).status == 201, key)
    world.deliver_all_again()
    _drain(world)
    for key in ended:
        require(Rule.ALIVE_AGAIN, len(world.ask(Request("get", *key)).body.get("messages", ())) == 1, key)


def _drain(world: World) -> None:
    world.scheduler.spawn("stream", world.deliver(until_empty=True))
    world.scheduler.run()


def _check_former(world: World, key: SessionKey, state: State, *, objects: bool) -> None:
    """G4: of the sessions that were deleted before this one nothing is left; objects if all is settled.

    They are looked for a day after this session was begun. A create that comes later, and does not come to
    take back its objects, leaves them until this session goes, as other writers do.
    """
    if state.live is None:
        return
    items = world.history.items(key).keys() - {HEAD, EXPIRY}
    former = [name for name in items if parse_generation(name)[0] != state.live.key.generation]
    require(Rule.FORMER_SESSIONS_PURGED, not former, (state.live, former))
    looked = datetime.fromisoformat(state.live.started_at).timestamp() + _DAY
    left = [
        name
        for name in objects_of(world, key)
        if not name.startswith(state.live.key.objects) and world.objects.kept[name].since < looked
    ]
    require(Rule.FORMER_SESSIONS_PURGED, not objects or not left, (state.live, left))


def _check_items(world: World, key: SessionKey, state: State) -> None:
    items = world.history.items(key)
    # What a fault left behind is looked for a day later.
    _check_former(world, key, state, objects=not world.faults)
    if state.head and not state.live and not state.head.forking:
        require(Rule.PURGED, items.keys() == {HEAD}, list(items))
        require(Rule.TOMBSTONE_ENDS, "expires_at" in items["HEAD"], items["HEAD"])
        # What a fault left behind is looked for when the tombstone ends.
        require(Rule.OBJECTS_PURGED, world.faults or not objects_of(world, key), objects_of(world, key))


def _check_objects(world: World, key: SessionKey, state: State) -> None:
    """G7: an object that no item names is there only if something struck a request."""
    # What a fork copied of a message that was edited since goes with the fork.
    if state.live and not state.live.forked_from and not world.faults.keys() & _LEAVING:
        named = {item["object"]["S"] for item in world.history.items(key).values() if "object" in item}
        left = [name for name in objects_of(world, key) if name not in named]
        left = [name for name in left if name.startswith(state.live.key.message_objects)]
        require(Rule.NO_OBJECT_UNNAMED, not left, left)


def _check_cached(world: World, key: SessionKey, state: State) -> None:
    """Whatever lies under the key that the head names is as the table has it, or is seen to be damaged."""
    head = state.live
    kept = world.cache.data.get(_log_key(head).encode()) if head else None
    if head is None or not isinstance(kept, dict):
        return
    for field, sealed in kept.items():
        if (blob := _checked(str(int(field)), sealed, _prefix_checksum(head))) is not None:
            require(Rule.CACHED_IS_IN_THE_LOG, int(field) < len(state.log), (key, field, state))
            kept_one = from_cache(int(field), blob, head.key)
            assert kept_one is not None
            if kept_one.unread:
                # Nobody finds the object of what is not in the log as it is any more.
                data = world.objects.kept.get(kept_one.object_key)
                require(Rule.CACHE_AS_TABLE, data is not None, (key, kept_one))
                assert data is not None
                kept_one = kept_one._replace(blob=data.data)
            message = json.loads(kept_one.json)
            require(Rule.CACHE_AS_TABLE, message == state.log[int(field)].newest, (key, message))


def _check_read(world: World, key: SessionKey, state: State) -> None:
    for _ in range(2):  # the second time with what the first left in the cache
        reply = world.ask(Request("get", key.user_id, key.session_id))
        require(Rule.FOUND_IF_LIVE, (reply.status in {200, 413}) == bool(state.live), (key, reply))
        if not state.live or reply.status == 413:  # with a small limit the newest may be too large
            break
        if not reply.body["has_more"]:
            require(Rule.READ_AT_LAST, reply.body["messages"] == [entry.newest for entry in state.log], reply)


def _check_cleared(world: World, key: SessionKey, state: State) -> None:
    """G7: what a rewind left over keeps nobody from appending."""
    if state.live and state.live.leftover:
        body = {"messages": [{"role": "user", "content": f"last of {key.user_id}."}]}
        appended = world.ask(Request("append", *key, body))
        require(Rule.APPENDED_AT_LAST, appended.status == 201, appended)
        require(Rule.NOTHING_LEFT_OVER, "leftover" not in world.history.items(key)["HEAD"], state)


def _check_gone(world: World, key: SessionKey, state: State) -> None:
    again = world.ask(Request("create", key.user_id, body={"session_id": key.session_id}))
    expected = 200 if state.live else 201
    if state.head and not state.live:
        expected = 409 if state.head.forking else 410
    require(Rule.NOT_CREATED_AGAIN, again.status == expected, again)


def _check_pages(world: World, user: str) -> None:
    """G3: page by page the list shows every session once."""
    shown: list[Any] = []
    query: dict[str, Any] = {"limit": 1}
    below = ""
    while True:
        body = world.ask(Request("list", user, query=query, below=below)).body
        shown += body["sessions"]
        if body["next_cursor"] is None:
            break
        query = {"limit": 1, "cursor": body["next_cursor"]}
        below = f"{shown[-1]['updated_at']}#{shown[-1]['session_id']}"
    live = [states[-1].live for key, states in world.history.sessions.items() if key.user_id == user]
    require(Rule.LISTED_ONCE, len(shown) == sum(map(bool, live)) == body["total"], (shown, live))
