"""What must hold of edits of a stored message: of the commit that makes one, of answers to it, of replays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.rewind_rules import made_once, standing
from tests.simulation.violations import Rule, Violation, require
from turnlog.limits import EDITS_KEPT
from turnlog.wire import merged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.simulation.history import History, Work
    from tests.simulation.requests import Reply, Request
    from tests.simulation.states import Change, Entry, Fields, State
    from turnlog.records.head import Head

_PLACE = ("sequence", "message_id", "created_at")


def erased(fields: Mapping[str, Any]) -> bool:
    """Whether what a message said at first is gone."""
    return "edited_at" in fields


def check_edit(change: Change, after: Head) -> None:
    """G1, G2: an edit changes the message that was meant, as it was asked to, once, and no other."""
    request = change.work.request
    assert request is not None
    assert request.sequence is not None
    require(Rule.ONE_MESSAGE_EDITED, [*change.edited] == [request.sequence] and not change.added, change)
    entry = change.before.log[request.sequence]
    before, fields = entry.newest, change.edited[request.sequence]
    meant = request.body.get("message_id") in {None, before["message_id"]}
    require(Rule.EDITED_WHAT_WAS_MEANT, meant, (request, before))
    require(Rule.REMOVED_STAYS, "removed" not in before, (request, before))
    wanted = _edited(before, request.body, after.updated_at)
    require(Rule.EDITED_AS_ASKED, fields == wanted, (request, before, fields))
    require(Rule.AN_EDIT_CHANGES, not _holds(before, request.body), (request, before))
    known = _known(entry, request, newest=EDITS_KEPT)
    require(Rule.EDITED_ONCE, made_once(change.work) and not known, (change.work, change))


def check_mark(change: Change, before: Head, after: Head) -> None:
    """G2: an edit that changes nothing is known again; nobody sees it, and it is at no other message."""
    request = change.work.request
    require(Rule.MARKED_BY_AN_EDIT, change.work.kind == "edit" and request, change.work)
    assert request is not None
    assert request.sequence is not None
    require(Rule.A_MARK_CHANGES_NOTHING, after == before._replace(edits=before.edits + 1), (before, after))
    require(Rule.ONE_MESSAGE_EDITED, [*change.edited] == [request.sequence] and not change.added, change)
    entry = change.before.log[request.sequence]
    require(Rule.A_MARK_CHANGES_NOTHING, change.edited[request.sequence] == entry.newest, change)
    require(Rule.EDIT_HOLDS, _holds(entry.newest, request.body), (request, entry.newest))
    known = _known(entry, request, newest=EDITS_KEPT)
    require(Rule.EDITED_ONCE, made_once(change.work) and not known, (change.work, change))


def _edited(before: Fields, body: Mapping[str, Any], now: str) -> Fields:
    """The message as a request makes it."""
    if "metadata" in body:
        metadata = merged(before.get("metadata") or {}, body["metadata"]) or {}
        kept = {name: value for name, value in before.items() if name != "metadata"}
        return kept | ({"metadata": metadata} if metadata else {})
    place = {name: before[name] for name in _PLACE} | {"edited_at": now}
    if "replace" in body:
        place |= {name: before[name] for name in ("stream_id",) if name in before}
        said = {name: value for name, value in body["replace"].items() if name not in _PLACE}
        return place | said
    return place | {"role": before["role"], "content": None, "removed": True}


def _holds(fields: Fields, body: Mapping[str, Any]) -> bool:
    """Whether a message is already as a request would make it."""
    if "metadata" in body:
        return bool(fields.get("metadata", {}) == merged(fields.get("metadata") or {}, body["metadata"]))
    if "replace" in body:
        said = {
            name: value for name, value in fields.items() if name not in {*_PLACE, "edited_at", "stream_id"}
        }
        return said == {name: value for name, value in body["replace"].items() if name not in _PLACE}
    return "removed" in fields


def _known(entry: Entry, request: Request, last: int | None = None, newest: int = 0) -> bool:
    """Whether the message has had this edit, up to this commit, and among so many of its newest ones."""
    edit_id = request.body.get("edit_id")
    versions = [one for one in entry.versions if last is None or one.commit <= last][-newest:]
    return edit_id is not None and any(one.edit_id == edit_id for one in versions)


def repeats_edit(work: Work, states: Sequence[State]) -> bool:
    """Whether it asks for an edit that was made already, which is no change, at whatever version."""
    request = work.request
    assert request is not None
    if request.kind != "edit":
        return False
    assert request.sequence is not None
    return any(_known(one, request, work.end) for one in standing(states, request.sequence))


def check_edited(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    """The answer is the message as it stood when the edit was made, or after it."""
    request, body = work.request, reply.body
    assert request is not None
    assert request.sequence is not None
    made = work.changes[-1] if work.changes else None
    since = made.commit if made else work.begin
    stood = [fields for one in standing(states, request.sequence) for fields in one.during(since, work.end)]
    require(Rule.MESSAGE_WAS_SO, body["message"] in stood, (request, body, stood))
    if made:
        assert made.head is not None
        require(Rule.VERSION_NOT_AHEAD, body["version"] <= made.head.version, (body, made))
        return
    versions = [state.live.version for state in states if state.live]
    require(Rule.ANSWER_WAS_A_STATE, body["version"] in versions, (body, versions))
    # One that may be sent again is known, also if it changed nothing: its repeat must not undo a later edit.
    done = repeats_edit(work, states) if "edit_id" in request.body else _holds(body["message"], request.body)
    require(Rule.EDIT_HOLDS, done, (request, body))


def check_one(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    """One message, as it was while the request ran."""
    assert work.request is not None
    assert work.request.sequence is not None
    stood = [
        fields
        for one in standing(states, work.request.sequence)
        for fields in one.during(work.begin, work.end)
    ]
    require(Rule.MESSAGE_WAS_SO, reply.body in stood, (work.request, reply.body, stood))


def missing(request: Request, states: Sequence[State]) -> bool:
    """Whether the one message that it is about was not there at some time."""
    at = request.sequence
    return at is not None and any(state.live and at >= state.live.message_count for state in states)


def check_refused_edit(work: Work, states: Sequence[State], reply: Reply) -> None:
    """409 is true, nothing was written, and no repeat is refused."""
    request, body = work.request, reply.body
    assert request is not None
    assert request.sequence is not None
    hidden = "re-sent bare" in work.faults and any(state.live and state.live.rewinds for state in states)
    require(Rule.ANSWER_409_CHANGES_NOTHING, not work.changes or hidden, (request, body))
    stood = standing(states, request.sequence)
    match body["type"]:
        case "message_moved":
            ids = {one.newest["message_id"] for one in stood}
            require(Rule.MOVED_IS_TRUE, ids - {request.body["message_id"]}, (request, ids))
        case "removed":
            shown = [fields for one in stood for fields in one.during(work.begin, work.end)]
            require(Rule.REMOVED_IS_TRUE, any("removed" in fields for fields in shown), (request, shown))
            known = all(_known(one, request, work.begin, newest=EDITS_KEPT) for one in stood)
            require(Rule.A_REPEAT_IS_KNOWN, not known, (request, stood))
        case other:
            raise Violation(Rule.STATUS_OF_THE_CONTRACT, other)


def as_replayed(entry: Entry, first: int, last: int) -> list[Fields]:
    """What a repeat of an append may show of a message: without the tool calls that were added to it."""
    shown: list[tuple[int, Fields]] = []
    said: Fields = {}
    for version in entry.versions:
        if version.commit > last:
            break
        fields = version.fields
        said = fields if not shown or fields.get("edited_at") != said.get("edited_at") else said
        calls = {"tool_calls": said["tool_calls"]} if "tool_calls" in said else {}
        beside = {name: value for name, value in fields.items() if name != "tool_calls"}
        shown.append((version.commit, beside | calls))
    earlier = [fields for commit, fields in shown if commit <= first]
    return earlier[-1:] + [fields for commit, fields in shown if commit > first]
