"""What must hold of forks: of each commit to one that is not whole, of that which makes it whole, of answers.

Nothing of an unfinished fork is to be seen: the rules about answers see no session in it (`State.live`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.simulation.violations import Rule, Violation, require
from turnlog.limits import FORK_DAYS
from turnlog.records import forks
from turnlog.wire import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.history import History, Work
    from tests.simulation.requests import Reply, Request
    from tests.simulation.states import Change, State
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey

_STEP_ITEMS = 25
_HIDDEN = ("GSI1PK", "GSI1SK", "n")
# After these a fork may be found made by a try of the same request.
_REPEATS = {"reply lost", "re-sent", "re-sent bare", "applied late"}
_STATUSES = {200, 201, 404, 409, 410}


def check_commit(
    change: Change, sessions: Mapping[SessionKey, list[State]], records: int, now: float
) -> None:
    """Check a commit to a fork that is not whole, or was not before it.

    Args:
        change: what it did.
        sessions: the states of all sessions before it.
        records: how many items of the fork it wrote.
        now: the time.
    """
    before, after, work = change.before.head, change.head, change.work
    require(Rule.FORK_HAS_AN_END, after, change)
    assert after is not None
    if not change.head_changed:
        require(Rule.FORK_UNTOUCHED_BY_OTHERS, not change.put and not change.purged, change)
        require(Rule.FORK_HAS_AN_END, work.kind == "ttl" or change.marked, change)
        return
    if after.deleted_at:
        require(Rule.WHO_DELETES, work.kind == "stream", work)
        age = now - parse_timestamp(after.started_at).timestamp()
        require(Rule.FORK_GIVEN_UP_BY_AGE, age > FORK_DAYS * 86_400 - 3_600, age)
        return
    require(Rule.FORK_UNTOUCHED_BY_OTHERS, work.kind == "fork", work)
    assert work.request is not None
    require(Rule.FORK_UNTOUCHED_BY_OTHERS, work.request.made == change.key, work)
    if after.forking:
        _check_step(change, before, after, records)
    else:
        assert before is not None
        _check_whole(change, before, after, sessions[work.request.key][-1])


def _check_step(change: Change, before: Head | None, after: Head, records: int) -> None:
    """A step comes once, behind the one before it; nobody sees it."""
    assert change.head_item is not None
    require(Rule.FORK_UNFINISHED_IS_HIDDEN, not change.head_item.keys() & {*_HIDDEN}, change.head_item)
    assert after.forking is not None
    progress = forks.load(after.forking)
    if before is None:
        require(Rule.FORK_HAS_AN_END, change.marked, change)
        require(Rule.FORK_IN_STEPS, not change.beside and not progress.copied, change)
        return
    require(Rule.FORK_IN_STEPS, after.version == before.version + 1, (before, after))
    require(Rule.FORK_IN_STEPS, after.token == before.token, (before, after))
    assert before.forking is not None
    copied = forks.load(before.forking).copied
    # A message may take more items than a step has; then it is alone.
    one = progress.copied <= copied + 1 or progress.edits != forks.load(before.forking).edits
    require(Rule.FORK_IN_STEPS, records <= _STEP_ITEMS or one, (records, change))


def _check_whole(change: Change, before: Head, after: Head, source: State) -> None:
    """It is what the source is at this moment, up to where it was asked for."""
    request = change.work.request
    assert request is not None
    assert before.forking is not None
    progress, there = forks.load(before.forking), source.live
    require(Rule.FORK_OF_WHAT_IS_THERE, there and there.key.generation == progress.generation, source)
    assert there is not None
    count = after.message_count
    log = [entry.newest for entry in source.log[:count]]
    require(Rule.FORK_EQUALS_ITS_SOURCE, list(change.added.values()) == log, (change, log))
    require(Rule.FORK_AS_ASKED, request.body.get("to_sequence") in {None, count}, (request, after))
    origin = {"session_id": request.session, "sequence": count}
    wanted = {
        "title": request.body.get("title", there.title),
        "metadata": json.loads(there.metadata) | {"forked_from": origin},
    }
    shown = after.session()
    require(Rule.FORK_EQUALS_ITS_SOURCE, all(shown[name] == one for name, one in wanted.items()), shown)
    bare = not (after.edits or after.rewinds or after.total_tokens) and after.details == "{}"
    require(Rule.BEGINS_LIVE, bare and after.version == 1 and shown["credentials"] == {}, after)
    runs = shown["successful_agent_runs"] or shown["successful_agent_schedules"]
    require(Rule.BEGINS_LIVE, not runs, after)
    times = [after.started_at, *(fields["created_at"] for fields in log)]
    require(Rule.TIME_GOES_ON, after.updated_at >= max(times), (times, after))


def check_answer(history: History, work: Work, reply: Reply) -> None:
    """Check what a request for a fork was answered."""
    request = work.request
    assert request is not None
    require(Rule.STATUS_OF_THE_CONTRACT, reply.status in _STATUSES, (request, reply))
    sources = history.during(request.key, work.begin, work.end)
    made = history.during(request.made, work.begin, work.end)
    told = (request, reply, sources, made)
    if reply.status in {200, 201}:
        _check_made(work, made, reply)
        return
    require(Rule.ANSWER_409_CHANGES_NOTHING, not work.changes, told)
    match reply.status:
        case 404:
            gone = any(not state.live for state in sources) or _of_another(sources, made)
            require(Rule.ANSWER_404_MEANS_NOT_THERE, gone, told)
        case 409:
            require(Rule.FORK_REFUSED_IS_TRUE, _refused(request, reply.body, sources, made), told)
        case 410:
            buried = {state.head.deleted_at for state in made if state.head and state.head.deleted_at}
            require(Rule.ANSWER_410_MEANS_DELETED, reply.body["deleted_at"] in buried, told)


def _check_made(work: Work, made: list[State], reply: Reply) -> None:
    """The answer is the fork as it was in the window; 201 says that this request made it."""
    request = work.request
    assert request is not None
    found = [state.live for state in made if state.live and state.live.session() == reply.body]
    require(Rule.ANSWER_WAS_A_STATE, found, (reply.body, made))
    forked = [_is_of(request, head) for head in found]
    require(Rule.FORK_AS_ASKED, any(forked), (request, found))
    if reply.status == 201:
        require(Rule.ANSWER_201_MEANS_CREATED, work.changes, work)
    else:
        require(Rule.ANSWER_201_MEANS_CREATED, not work.changes or work.faults & _REPEATS, work)
    again = [change for change in work.changes if change.head and change.head.live]
    require(Rule.FORK_MADE_ONCE, len(again) <= 1, work)


def _is_of(request: Request, head: Head) -> bool:
    """Whether it is a fork as this request asks for it."""
    origin = json.loads(head.forked_from or "{}")
    asked = request.body.get("to_sequence")
    return origin.get("session_id") == request.session and asked in {None, origin["sequence"]}


def _of_another(sources: list[State], made: list[State]) -> bool:
    """Whether the unfinished fork is of a session that was there before under the source's id."""
    numbers = {state.live.key.generation for state in sources if state.live}
    begun = {forks.load(state.head.forking).generation for state in made if state.head and state.head.forking}
    return bool(begun - numbers)


def _refused(request: Request, body: Any, sources: list[State], made: list[State]) -> bool:
    """Whether 409 is true."""
    match body["type"]:
        case "sequence_mismatch":
            counts = {state.live.message_count for state in sources if state.live}
            return body["message_count"] in counts and request.body["to_sequence"] > body["message_count"]
        case "session_exists":
            return any(state.live and not _is_of(request, state.live) for state in made)
        case "fork_unfinished":
            progress = [forks.load(one.head.forking) for one in made if one.head and one.head.forking]
            asked = (request.session, request.body.get("to_sequence"), request.body.get("title"))
            return any((one.source, one.asked, one.title) != asked for one in progress)
        case other:
            raise Violation(Rule.STATUS_OF_THE_CONTRACT, other)
