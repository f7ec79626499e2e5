"""What must hold of answers about streams, and of what a stream's end does to its session (G9)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.simulation.requests import Request
from tests.simulation.rewind_rules import summed, tokens
from tests.simulation.violations import Rule, require
from turnlog.records.keys import StreamKey
from turnlog.records.streams import Cursor

if TYPE_CHECKING:
    from tests.simulation.history import History, Work
    from tests.simulation.requests import Reply
    from tests.simulation.states import Change
    from tests.simulation.world import World
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey
    from turnlog.records.streams import Stream

_STATUSES = {
    "open_stream": {200, 201, 404, 409, 410},
    "get_stream": {200, 404, 410},
    "append_events": {200, 404, 409},
    "read_events": {200, 204, 404, 410, 422},
    "read_snapshot": {200, 404, 410},
    "heartbeat_stream": {200, 404, 409},
    "take_over_stream": {200, 404, 409, 410},
    "cancel_stream": {200, 202, 404, 410},
    "finish_stream": {200, 404, 409, 410},
}
KINDS = set(_STATUSES)
REFUSALS = {"fenced", "stream_ended", "sequence_gap", "stream_active", "lease_held"}
RUNS = {"active_stream", "stream_epoch"}
_RESET = {"type": "reset-step"}


def check_stream_answer(history: History, work: Work, reply: Reply) -> bool:
    """Check an answer about a stream, or a refusal for a stream's sake; whether it is one of these."""
    request = work.request
    assert request is not None
    kind = reply.body.get("type") if reply.status >= 400 else None
    fence = request.body.get("stream")
    if request.kind in KINDS:
        require(Rule.STATUS_OF_THE_CONTRACT, reply.status in _STATUSES[request.kind], (request, reply))
    elif kind == "not_found" and fence and "stream" in reply.body["detail"]:
        _check_not_there(history, work, reply, fence["stream_id"])
        return True
    elif kind not in REFUSALS:
        return False
    if kind == "not_found":
        _check_not_there(history, work, reply, request.stream_id)
    elif kind in REFUSALS:
        _check_refusal(history, work, reply, str(kind))
    elif kind == "message_id_reused":  # see `conflict_rules`
        require(Rule.ANSWER_409_CHANGES_NOTHING, not work.changes, work)
    elif kind == "resync":
        require(Rule.RESYNC_IS_TRUE, _resyncs(history, work, _named(work, reply)), (request, reply))
    elif kind == "bad_cursor":
        require(Rule.BAD_CURSOR_IS_TRUE, not _cursor_was_given(history, work), (request, reply))
    else:
        live = [state for state in history.during(request.key, work.begin, work.end) if state.live]
        require(Rule.ANSWERED_OF_A_LIVE_SESSION, live or work.streams, request)
        _CHECKS[request.kind](history, work, reply)
    return True


def _named(work: Work, reply: Reply) -> str:
    request = work.request
    assert request is not None
    if request.kind != "open_stream":
        return request.stream_id
    named = reply.body["stream"]["stream_id"] if reply.status < 400 else request.body.get("stream_id", "")
    return str(named)


def _there(history: History, work: Work, stream_id: str) -> list[Stream]:
    """The stream as it was while the request ran, in whichever generation of the session."""
    assert work.request is not None
    keys = history.streams.of(work.request.key, stream_id)
    return [one for key in keys for one in history.streams.during(key, work.begin, work.end) if one]


def _check_not_there(history: History, work: Work, reply: Reply, stream_id: str) -> None:
    assert work.request is not None
    states = history.during(work.request.key, work.begin, work.end)
    gone = any(not state.live for state in states)
    absent = any(
        None in history.streams.during(StreamKey(state.live.key, stream_id), work.begin, work.end)
        for state in states
        if state.live
    )
    require(Rule.ANSWER_404_MEANS_NOT_THERE, gone or absent, (work.request, reply))


def _check_refusal(history: History, work: Work, reply: Reply, kind: str) -> None:
    """409 is true, and changed nothing."""
    request, body = work.request, reply.body
    assert request is not None
    require(Rule.ANSWER_409_CHANGES_NOTHING, not work.changes, (request, body))
    if kind == "stream_active":
        states = history.during(request.key, work.begin, work.end)
        there = [state.live for state in states if state.live]
        active = any(head.active_stream == body["stream_id"] for head in there)
        require(Rule.STREAM_REFUSAL_IS_TRUE, active, (request, body, there))
        return
    fence = request.body.get("stream", {})
    there_ = _there(history, work, request.stream_id or fence.get("stream_id", ""))
    epoch = request.body.get("epoch", fence.get("epoch"))
    fits = {
        "fenced": lambda one: one.open and one.epoch == body["epoch"] != epoch,
        "stream_ended": lambda one: one.state == body["state"] != "open",
        "sequence_gap": lambda one: one.open and one.durable_seq < body["expected"],
        "lease_held": lambda one: one.open and one.lease_until == body["lease_until"],
    }[kind]
    require(Rule.STREAM_REFUSAL_IS_TRUE, any(map(fits, there_)), (request, body, there_))
    if kind == "sequence_gap":
        # An end that does not say how many events there were is refused where the cache may have lost some.
        lost = history.streams.cache_lost or history.streams.untold
        unsure = "first_seq" not in request.body and lost
        missing = request.body.get("first_seq", 0) > body["expected"]
        require(Rule.STREAM_REFUSAL_IS_TRUE, missing or unsure, (request, body))


def _resyncs(history: History, work: Work, stream_id: str) -> bool:
    """Whether the stream had ended long ago, or the cursor is older than it or than the epochs it knows."""
    request = work.request
    assert request is not None
    there = _there(history, work, stream_id)
    if any(one.ended_at for one in there):
        return True
    epoch, seq = map(int, request.query.get("after", "x.0.0").rsplit(".", 2)[1:])
    unknown = any(seq and epoch < one.epoch and one.cut(epoch + 1) is None for one in there)
    return epoch > 0 and (unknown or any(epoch < one.first_epoch for one in there))


def _cursor_was_given(history: History, work: Work) -> bool:
    """Whether a cursor is one of the stream as it was, all the time."""
    request = work.request
    assert request is not None
    epoch = int(request.query["after"].rsplit(".", 2)[1])
    there = _there(history, work, request.stream_id)
    return bool(there) and all(one.first_epoch <= epoch <= one.epoch for one in there)


def _check_shown(history: History, work: Work, shown: dict[str, Any], *, made: bool = False) -> None:
    there = _there(history, work, shown["stream_id"])
    if made and work.streams:
        there += [one for key in work.streams if (one := history.streams.now(key))]
    fits = [one for one in there if one.shown(shown["seq"]) == shown]
    require(Rule.STREAM_WAS_SO, fits, (work.request, shown, there))


def _check_opened(history: History, work: Work, reply: Reply) -> None:
    assert work.request is not None
    opened = [key for key in work.streams if key.stream_id == _named(work, reply)]
    open_id = work.request.body.get("open_id", "")
    by_it = [one.token == open_id.encode() for one in _there(history, work, _named(work, reply))]
    require(Rule.ANSWER_201_MEANS_CREATED, reply.status == 200 or opened or any(by_it), (work.request, reply))
    again = by_it and all(by_it) and reply.body["stream"]["state"] == "open"
    require(Rule.OPEN_KNOWN_AGAIN, reply.status == 201 or not again, (work.request, reply))
    require(Rule.REPLAYED_TELLS, reply.body["replayed"] == (reply.status == 200), (work.request, reply))
    _check_shown(history, work, reply.body["stream"])


def _check_stream(history: History, work: Work, reply: Reply) -> None:
    _check_shown(history, work, reply.body)
    if work.request and work.request.kind == "cancel_stream":
        open_ = reply.body["state"] == "open"
        require(Rule.STATUS_TELLS, (reply.status == 202) == open_, (work.request, reply))
        require(Rule.CANCEL_IS_TOLD, reply.body["cancel"] or not open_, reply)


def _check_appended(history: History, work: Work, reply: Reply) -> None:
    """What is acknowledged as durable is in the table, and stays; a cancel is told."""
    request, body = work.request, reply.body
    assert request is not None
    last = request.body["first_seq"] + len(request.body["events"]) - 1
    require(Rule.EVENTS_ACKNOWLEDGED, body["seq"] >= last, (request, body))
    require(Rule.EVENTS_ACKNOWLEDGED, body["durable_seq"] <= body["seq"], (request, body))
    place = (request.key, request.stream_id, request.body["epoch"])
    history.streams.acknowledged[place] = max(body["seq"], history.streams.acknowledged.get(place, 0))
    keys = [one.key for one in _there(history, work, request.stream_id)]
    for at, event in enumerate(request.body["events"], request.body["first_seq"]):
        if at <= body["durable_seq"]:
            logs = [history.streams.events[key] for key in keys]
            kept = any(len(log) >= at and json.loads(log[at - 1][1]) == event for log in logs)
            require(Rule.EVENTS_ACKNOWLEDGED, kept, (request, body, at))
    there = _there(history, work, request.stream_id)
    told = any(one.asked() == body["cancel"] for one in there)
    # The cache may not know of it yet.
    behind = body["cancel"] is None and (body["replayed"] or body["durable_seq"] < body["seq"])
    require(Rule.CANCEL_IS_TOLD, told or behind, (request, body, there))


def _check_events(history: History, work: Work, reply: Reply) -> None:
    """G9: a reader gets what follows on its cursor, in order; is told what was lost, and of the end."""
    request = work.request
    assert request is not None
    after = request.query.get("after")
    epoch, seq = map(int, after.rsplit(".", 2)[1:]) if after else (0, 0)
    there = _there(history, work, request.stream_id)
    told = bool(reply.body and reply.body.get("reset"))
    require(Rule.RESET_WHERE_EVENTS_WERE_LOST, told or not _lost(there, epoch, seq), (request, reply, there))
    if reply.status == 204:
        ended = [one for one in there if not one.open and one.durable_seq == seq]
        require(Rule.ENDED_MEANS_ENDED, ended, (request, there))
        return
    body = reply.body
    fits = [one for one in there if one.state == body["state"]]
    require(Rule.STREAM_WAS_SO, fits, (request, body, there))
    at = seq
    if body.get("reset"):
        cuts = [cut for one in there if epoch < one.epoch and (cut := one.cut(epoch + 1)) is not None]
        cuts += [one.durable_seq + 1 for one in there if epoch == one.epoch and not one.open]
        lost = [cut for cut in cuts if cut <= seq]
        require(Rule.RESET_WHERE_EVENTS_WERE_LOST, lost, (request, body, there))
        at = min(lost) - 1
    for one in body["events"]:
        cursor = Cursor(*map(int, one["cursor"].rsplit(".", 2)[1:]))
        require(Rule.FOLLOWED_IN_ORDER, cursor.seq == at + 1, (request, one, at))
        at = cursor.seq
        logs = [log for stream in fits if len(log := history.streams.events[stream.key]) >= at]
        sent = {cursor.epoch, *(log[at - 1][0] for log in logs)}
        names = {f"{request.stream_id}.{epoch}.{cursor.seq} of {request.user}." for epoch in sent}
        own = one["event"] == _RESET or one["event"]["says"] in names
        require(Rule.FOLLOWED_WHAT_WAS_SENT, own, (request, one))
        for log in logs:
            kept = log[at - 1][0] > cursor.epoch or _is(log[at - 1][1], one["event"])
            require(Rule.FOLLOWED_WHAT_WAS_SENT, kept, (request, one, log[at - 1 : at]))
    require(Rule.FOLLOWED_IN_ORDER, int(body["cursor"].rsplit(".", 1)[1]) == at, (request, body))
    over = body["state"] != "open" and not body["events"] and not body.get("reset")
    require(Rule.ENDED_MEANS_ENDED, not over, (request, body))


def _lost(there: list[Stream], epoch: int, seq: int) -> bool:
    """Whether what a reader has seen was cut away, by the stream as it was all the time."""
    cuts = [one.cut(epoch + 1) if one.first_epoch <= epoch < one.epoch else None for one in there]
    return bool(cuts) and all(cut is not None and cut <= seq for cut in cuts)


def _is(event: bytes, other: dict[str, Any]) -> bool:
    return bool(json.loads(event) == other)


def _check_snapshot(history: History, work: Work, reply: Reply) -> None:
    """It says what was said up to its cursor, but for steps that were dropped."""
    request, body = work.request, reply.body
    assert request is not None
    seq = int(body["cursor"].rsplit(".", 1)[1])
    said = [event["says"] for event in body["events"]]
    fits = False
    for stream in _there(history, work, request.stream_id):
        log = [json.loads(event) for _, event in history.streams.events[stream.key][:seq]]
        last = max((at for at, event in enumerate(log) if event == _RESET), default=-1)
        expected = [event["says"] for event in log[last + 1 :]]  # no step of a client here ever ends
        newest = [
            f"{request.stream_id}.{stream.epoch}.{at} of {request.user}."
            for at in range(len(log) + 1, seq + 1)
        ]
        fits = fits or (said == expected + newest and stream.message_id == body["message_id"])
    require(Rule.SNAPSHOT_SAYS_ALL, fits, (request, body))


def _check_heartbeat(history: History, work: Work, reply: Reply) -> None:
    assert work.request is not None
    there = _there(history, work, work.request.stream_id)
    names = ("lease_until", "durable_seq")
    fits = [one for one in there if all(getattr(one, name) == reply.body[name] for name in names)]
    told = any(one.asked() == reply.body["cancel"] for one in fits)
    require(Rule.CANCEL_IS_TOLD, told, (work.request, reply.body, there))


def _check_taken(history: History, work: Work, reply: Reply) -> None:
    assert work.request is not None
    there = _there(history, work, work.request.stream_id)
    fits = [one for one in there if (one.epoch, one.durable_seq) == (reply.body["epoch"], reply.body["seq"])]
    require(Rule.STREAM_WAS_SO, fits and work.streams, (work.request, reply.body, there))


def _check_finished(history: History, work: Work, reply: Reply) -> None:
    """G9: it has ended so, its messages are in the log by then, and its end is told once."""
    request, body = work.request, reply.body
    assert request is not None
    _check_shown(history, work, body["stream"])
    require(Rule.FIRST_END_STANDS, body["stream"]["state"] == request.body["state"], (request, body))
    require(Rule.REPLAYED_TELLS, not (body["replayed"] and work.changes), (request, body))
    first, last = body["first_sequence"], body["last_sequence"]
    require(Rule.BOUNDS, (first is None) == (not request.body["messages"]), (request, body))
    if first is None:
        return
    states = [state for state in history.sessions[request.key] if state.live]
    versions = [state for state in states if state.live and state.live.version == body["version"]]
    logs = [state.log[first : last + 1] for state in versions]
    ids = {message["message_id"] for message in request.body["messages"]}
    fits = [log for log in logs if ids <= {entry.versions[0].fields["message_id"] for entry in log}]
    require(Rule.ENDS_WITH_ITS_MESSAGES, fits or not versions, (request, body, logs))


_CHECKS = {
    "open_stream": _check_opened,
    "get_stream": _check_stream,
    "append_events": _check_appended,
    "read_events": _check_events,
    "read_snapshot": _check_snapshot,
    "heartbeat_stream": _check_heartbeat,
    "take_over_stream": _check_taken,
    "cancel_stream": _check_stream,
    "finish_stream": _check_finished,
}


def check_runs(change: Change, before: Head, after: Head) -> None:
    """Check a commit that changes which stream runs, and no more.

    A stream is opened, or ended by whoever looks, with a version of the session; it is taken over without.
    """
    work = change.work
    changed = {name for name in after._fields if getattr(before, name) != getattr(after, name)}
    if work.kind == "take_over_stream" and after.active_stream is not None:
        require(Rule.OTHER_FIELDS_STAY, changed == {"stream_epoch"}, (work, changed))
    else:
        allowed = {*RUNS, "version", "updated_at"}
        require(Rule.OTHER_FIELDS_STAY, changed <= allowed and "version" in changed, (work, changed))
        opens = after.active_stream is not None
        require(Rule.OPENED_BY_AN_OPEN, not opens or work.kind == "open_stream", (work, changed))
    untouched = not change.added and not change.edited and not change.removed
    require(Rule.LOG_MOVES_WITH_HEAD, untouched, change)


def check_finish(change: Change, before: Head, after: Head) -> None:
    """G9: a stream ends together with its messages, which bear its id, and with nothing else."""
    work = change.work
    request = work.request
    assert request is not None
    fence = (request.stream_id, request.body["epoch"])
    require(Rule.EPOCH_HEEDED, (before.active_stream, before.stream_epoch) == fence, (request, before))
    require(Rule.ENDS_WITH_ITS_MESSAGES, after.active_stream is None, (request, after))
    log = [entry.newest for entry in change.before.log] + list(change.added.values())
    ids = {fields["message_id"] for fields in log}
    wanted = {message["message_id"] for message in request.body["messages"]}
    require(Rule.ENDS_WITH_ITS_MESSAGES, wanted <= ids, (request, ids))
    named = [fields for fields in change.added.values() if fields.get("stream_id") != request.stream_id]
    require(Rule.ENDS_WITH_ITS_MESSAGES, not named, (request, named))
    _check_usage(request, before, after, new=bool(change.added))


def _check_usage(request: Request, before: Head, after: Head, *, new: bool) -> None:
    usage, were = summed(request.body.get("usage") if new else None), tokens(before)
    usage |= {name: 0 for name in were if name not in usage}
    added = {name: count - were.get(name, 0) for name, count in tokens(after).items()}
    require(Rule.USAGE_EXACT, added == usage, (added, usage))


def check_quiet(change: Change, before: Head) -> None:
    """The log is cut and edited by nobody but the producer of the stream that runs, if one does."""
    request = change.work.request
    assert request is not None
    if request.kind == "rewind" or (request.kind == "edit" and "metadata" not in request.body):
        fence = request.body.get("stream") or {"stream_id": None, "epoch": None}
        named = (fence["stream_id"], fence["epoch"])
        runs = (before.active_stream, before.stream_epoch)
        require(Rule.NOT_CUT_UNDER_A_STREAM, runs == named, (request, before))
    elif request.kind == "append" and (fence := request.body.get("stream")):
        runs = (before.active_stream, before.stream_epoch)
        require(Rule.EPOCH_HEEDED, runs == (fence["stream_id"], fence["epoch"]), (request, before))
        named_ = [fields.get("stream_id") == fence["stream_id"] for fields in change.added.values()]
        require(Rule.ENDS_WITH_ITS_MESSAGES, all(named_), (request, change.added))


def check_streams(world: World, key: SessionKey, live: Head | None) -> None:
    """When all is over, each stream of a session that is there is followed to its last event."""
    for stream_key in list(world.history.streams.states):
        stream = world.history.streams.now(stream_key)
        if live is None or stream is None or stream_key.session != live.key:
            continue
        seen, query = 0, dict[str, Any]()
        while True:
            request = Request("read_events", *key, {}, {**query, "limit": 2}, stream_id=stream_key.stream_id)
            reply = world.ask(request)
            if reply.status != 200 or not reply.body["events"]:
                break
            seen += len(reply.body["events"])
            query = {"after": reply.body["cursor"]}
        log = world.history.streams.events[stream_key]
        require(Rule.FOLLOWED_TO_THE_END, reply.status == 410 or seen >= len(log), (stream, seen, reply))
