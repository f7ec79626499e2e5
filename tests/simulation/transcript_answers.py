"""What must hold of answers about transcripts: each is what was so at some time while the request ran."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.simulation.transcript_rules import RESENT, lines_of
from tests.simulation.violations import Rule, Violation, require
from turnlog.operations import read_entries
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.history import History, Work
    from tests.simulation.requests import Reply
    from tests.simulation.states import State
    from tests.simulation.transcript_history import TranscriptState

_STATUSES = {
    "append_entries": {200, 201, 404, 409},
    "delete_transcript": {204, 404},
    "import_transcript": {200, 201, 404, 409},
    "list_transcripts": {200, 404},
    "read_entries": {200, 404},
}
KINDS = set(_STATUSES)


def check_transcript_answer(history: History, work: Work, reply: Reply) -> None:
    """Check what a request about transcripts was answered."""
    request = work.request
    assert request is not None
    require(Rule.STATUS_OF_THE_CONTRACT, reply.status in _STATUSES[request.kind], (request, reply))
    sessions = history.during(request.key, work.begin, work.end)
    states = history.transcripts.named(request.key, request.name, sessions, work.begin, work.end)
    buried = any((key.session.session, key.name) == (request.key, request.name) for key in work.buried)
    if reply.status == 404:
        gone = any(not state.live for state in sessions)
        created = request.kind in {"append_entries", "import_transcript", "list_transcripts"}
        require(
            Rule.ANSWER_404_MEANS_NOT_THERE,
            gone or (not created and any(not s.live for s in states)),
            request,
        )
        done = buried and not gone and not work.faults & RESENT
        require(Rule.ANSWER_204_MEANS_DELETED_BY_THIS, not done, work)
        return
    require(Rule.ANSWERED_OF_A_LIVE_SESSION, any(state.live for state in sessions), request)
    if reply.status == 409:
        _check_conflict(work, states, reply)
    elif request.kind == "append_entries":
        _check_append(work, states, reply)
    elif request.kind == "import_transcript":
        _check_import(work, states, reply)
    elif request.kind == "read_entries":
        reasons = [_unlike(request.query, state, reply.body) for state in states]
        require(Rule.PAGE_WAS_SO, None in reasons, (request, reasons, reply.body))
    elif request.kind == "list_transcripts":
        _check_list(history, work, sessions, reply)
    else:
        require(Rule.ANSWER_204_MEANS_DELETED_BY_THIS, buried, work)


def _stored(work: Work, state: TranscriptState) -> list[str]:
    """What the request stored in this generation."""
    return [
        entry["text"]
        for stored, head, entry in work.entries
        if state.head and head and (stored, head.generation) == (state.head.key, state.head.generation)
    ]


def _check_append(work: Work, states: list[TranscriptState], reply: Reply) -> None:
    body = reply.body
    assert work.request is not None
    sent = work.request.body["entries"]
    ours = set()  # the same may have stood there before, in the transcript that was deleted
    for state in states:
        if not state.live or len(state.entries) != body["entry_count"]:
            continue
        first, last = body["first_position"], body["last_position"]
        # What the ring had forgotten may stand there twice.
        shown = state.entries[first : last + 1]
        if shown and shown[0] in sent and shown[-1] in sent and all(entry in shown for entry in sent):
            ours.add(bool(_stored(work, state)))
    require(Rule.ACKNOWLEDGED_IS_STORED, ours, (work.request, body, [state.entries for state in states]))
    require(Rule.REPLAYED_TELLS, (not body["replayed"]) in ours, (work.request, body))
    require(Rule.STATUS_TELLS, (reply.status == 200) == body["replayed"], (reply.status, body))


def _check_import(work: Work, states: list[TranscriptState], reply: Reply) -> None:
    body, request = reply.body, work.request
    assert request is not None
    start, end = request.query.get("start_position", 0), body["next_position"]
    file = lines_of(request)
    unnamed = [entry for entry in file if "uuid" not in entry]
    fitting = [
        (state, _stored(work, state))
        for state in states
        if state.live
        and state.head
        and (len(state.entries), state.head.shown_generation) == (body["entry_count"], body["generation"])
        and all(entry in state.entries[:end] for entry in file)
        and all(entry in state.entries[start:end] for entry in unnamed)
    ]
    require(Rule.IMPORT_IS_STORED, fitting, (request, body, [state.entries for state in states]))
    # It may have stored all of it twice, when it was deleted in between.
    told = [(len(stored), 201 if state.entries[0]["text"] in stored else 200) for state, stored in fitting]
    require(Rule.ADDED_IS_TRUE, (body["added"], reply.status) in told, (request, body, told))
    seen = [entry for entry in fitting[0][0].entries[start:end] if entry not in file]
    # One without a uuid may stand there twice, and once for another's.
    twice = sum(entry in unnamed for entry in fitting[0][0].entries[start:end])
    require(Rule.COMPARED_UP_TO_THERE, len(seen) <= body["others"] <= len(seen) + twice, (body, seen))


def _check_conflict(work: Work, states: list[TranscriptState], reply: Reply) -> None:
    """409 is true, and nothing was written."""
    request, body = work.request, reply.body
    assert request is not None
    counts = [len(state.entries) for state in states]
    imported = request.kind == "import_transcript"
    others = any(state.commit > work.begin for state in states)
    written = work.entries and not work.faults & RESENT and not (imported and others)
    require(Rule.ANSWER_409_CHANGES_NOTHING, not written, (request, body))
    match body["type"]:
        case "position_mismatch":
            require(Rule.MISMATCH_IS_TRUE, body["entry_count"] in counts, (body, counts))
            if imported:
                query = request.query
                differs = query["start_position"] > body["entry_count"]
                differs |= query.get("generation", body["generation"]) != body["generation"]
            else:
                differs = body["entry_count"] != request.body["expected_position"]
            require(Rule.MISMATCH_DIFFERS, differs, body)
        case "entry_uuid_reused" if imported:
            line, at = json.loads(request.body["text"].splitlines()[body["line"] - 1]), body["position"]
            there = [s.entries[at] for s in states if at < len(s.entries)]
            true = any(one.get("uuid") == line["uuid"] and one != line for one in there)
            require(Rule.REUSED_IS_TRUE, true, (request, body, there))
        case "entry_uuid_reused":
            sent = {entry.get("uuid"): entry for entry in request.body["entries"]}
            there = [s.entries[body["position"]] for s in states if body["position"] < len(s.entries)]
            true = any(sent.get(one.get("uuid") or "", one) != one for one in there)
            if "batch_id" in request.body and None in sent:
                true |= any("uuid" not in one and one not in request.body["entries"] for one in there)
            require(Rule.REUSED_IS_TRUE, true, (request, body, there))
        case other:
            raise Violation(Rule.STATUS_OF_THE_CONTRACT, other)


def _unlike(query: dict[str, Any], state: TranscriptState, body: dict[str, Any]) -> str | None:
    """In what a page cannot be one of this state; None if it can."""
    if not state.live:
        return "not there"
    count = len(state.entries)
    first = min(query.get("after", -1) + 1, count)
    end = min(first + query.get("limit", count), count)
    got = body["entries"]
    if body["entry_count"] != count or got != state.entries[first : first + len(got)]:
        return f"the entries were {state.entries}"
    shown = (first, first + len(got) - 1) if got else (None, None)
    if (body["first_position"], body["last_position"]) != shown:
        return "positions"
    taken = sum(payload_size(dumps(entry)) + 2 for entry in state.entries[first : first + len(got) + 1])
    if first + len(got) < end and taken <= read_entries.__dict__["PAYLOAD_LIMIT"]:
        return "the next one fits"
    return None if body["has_more"] == (first + len(got) < count) else "has_more"


def _check_list(history: History, work: Work, sessions: Sequence[State], reply: Reply) -> None:
    """Each name is shown as it was; one that is not shown was not there."""
    assert work.request is not None
    names = [one["name"] for one in reply.body["transcripts"]]
    require(Rule.NAMES_IN_ORDER, names == sorted(set(names)), names)
    shown = {one["name"]: one for one in reply.body["transcripts"]}
    live = {state.live.key for state in sessions if state.live}
    known = {key.name for key in history.transcripts.states if key.session in live}
    require(Rule.NAMES_KNOWN, shown.keys() <= known, names)
    for name in known:
        states = history.transcripts.named(work.request.key, name, sessions, work.begin, work.end)
        was = [
            {"name": name, "entry_count": s.head.length, "updated_at": s.head.updated_at}
            if s.live and s.head
            else None
            for s in states
        ]
        require(Rule.LISTED_WAS_SO, shown.get(name) in was, (shown.get(name), was))
