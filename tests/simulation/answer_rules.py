"""What must hold of every answer: it is what the table said at some time between the request and the answer.

So an order of all requests exists in which each saw just what those before it did, and that order respects
real time: what was acknowledged before a request began is in every state that the request may have seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation import fork_rules
from tests.simulation.conflict_rules import check_conflict, same
from tests.simulation.edit_rules import (
    as_replayed,
    check_edited,
    check_one,
    check_refused_edit,
    erased,
    missing,
    repeats_edit,
)
from tests.simulation.file_rules import check_file_answer
from tests.simulation.page_rules import (
    check_draft,
    check_export,
    check_get,
    check_list,
    check_messages,
    check_too_large,
)
from tests.simulation.refusal_rules import check_denial
from tests.simulation.rewind_rules import check_answer as check_rewound
from tests.simulation.rewind_rules import repeats, shown, standing, summed
from tests.simulation.transcript_answers import KINDS, check_transcript_answer
from tests.simulation.violations import Rule, Violation, require
from turnlog.http.etag import parse as parse_tags
from turnlog.records.head import JSON_FIELDS
from turnlog.wire import merged

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.history import History, Work
    from tests.simulation.requests import Reply, Request
    from tests.simulation.states import Change, State

_REPEATS = {"reply lost", "re-sent", "re-sent bare", "applied late"}
# The client library repeats a request, and does not say that it did.
_HIDDEN = {"re-sent", "re-sent bare"}
_STATUSES = {
    "append": {200, 201, 404, 409, 413},
    "create": {200, 201, 409, 410},
    "delete": {204, 404},
    "delete_draft": {204, 404},
    "drop_cache": {204, 404},
    "edit": {200, 404, 409, 412, 413},
    "export": {200, 404, 413},
    "export_session": {200, 404, 413},
    "get": {200, 304, 404, 413},
    "get_draft": {200, 404},
    "get_message": {200, 404, 413},
    "health": {200},
    "list": {200},
    "messages": {200, 404, 413},
    "patch": {200, 404, 412},
    "put": {200, 201, 404, 409, 410, 412},
    "put_draft": {200, 404},
    "rewind": {200, 404, 409, 412},
    "title": {200, 404, 412},
    "tool_call": {200, 404, 413},
}


def check_answer(history: History, work: Work, reply: Reply) -> None:
    """Check what a request was answered."""
    request = work.request
    assert request is not None
    check_denial(work, reply.error)
    if reply.status == 503:  # it may have been done, wholly: `commit_rules` sees to that
        return
    for user in {key.user_id for key in history.sessions} - {request.user}:
        require(Rule.OWNERSHIP, f"of {user}.".encode() not in reply.raw, (request, reply))
    if check_file_answer(history, work, reply):
        return
    if of_its_own := _OF_ANOTHER.get(request.kind):
        of_its_own(history, work, reply)
    else:
        _check_session_answer(history, work, reply)


def _check_session_answer(history: History, work: Work, reply: Reply) -> None:
    request = work.request
    assert request is not None
    require(Rule.STATUS_OF_THE_CONTRACT, reply.status in _STATUSES[request.kind], (request, reply))
    states = history.during(request.key, work.begin, work.end)
    match reply.status:
        case 404 if request.kind != "get_draft":
            require(
                Rule.ANSWER_404_MEANS_NOT_THERE,
                any(not state.live for state in states) or missing(request, states),
                (request, states),
            )
            require(
                Rule.ANSWER_204_MEANS_DELETED_BY_THIS,
                request.kind != "delete"
                or not work.changes
                # Another session is begun in its place, and nobody told the store of the first sending.
                or (work.faults & _HIDDEN and len(states) > 1 and states[-1].live),
                work,
            )
        case 410:
            buried = {state.head.deleted_at for state in states if state.head and state.head.deleted_at}
            require(Rule.ANSWER_410_MEANS_DELETED, reply.body["deleted_at"] in buried, (request, reply.body))
            require(Rule.RECREATED_WHERE_ASKED, not request.body.get("recreate"), (request, reply.body))
        case 409:
            (check_refused_edit if request.kind == "edit" else check_conflict)(work, states, reply)
        case 413:
            require(Rule.ANSWER_413_CHANGES_NOTHING, not work.changes, work)
            check_too_large(work, states, reply)
        case 412:
            require(
                Rule.ANSWER_412_CHANGES_NOTHING,
                not work.changes or (work.faults & _HIDDEN and _forgotten(history, work)),
                (request, work.changes),
            )
            _check_refused_version(request, states, reply)
        case 200 | 201 | 204 | 304:
            _check_admitted_version(work, states, reply)
            _CHECKS.get(request.kind, _check_nothing)(history, work, states, reply)


def _check_refused_version(request: Request, states: list[State], reply: Reply) -> None:
    """412 is true: the version that it names stood there, or there was no session."""
    tags = parse_tags(request.headers["if-match"])
    assert tags is not None
    versions = [state.live.version if state.live else None for state in states]
    other = reply.body.get("version")
    require(Rule.ANSWER_412_MEANS_ANOTHER_VERSION, other in versions, (request, versions, reply.body))
    require(
        Rule.ANSWER_412_MEANS_ANOTHER_VERSION, other is None or not tags.admits(other), (request, reply.body)
    )


def _check_admitted_version(work: Work, states: list[State], reply: Reply) -> None:
    """What was found done was so at a version that is admitted; see `commit_rules` for what was done."""
    assert work.request is not None
    tags = parse_tags(work.request.headers.get("if-match"))
    if tags is None or work.changes or repeats(work.request, states) or repeats_edit(work, states):
        return
    require(Rule.IF_MATCH_HEEDED, tags.admits(reply.body["version"]), (work.request, reply.body))


def _check_nothing(history: History, work: Work, states: list[State], reply: Reply) -> None:
    """Nothing that the cache alone holds, or that says no more than its status, can be wrong."""


def _forgotten(history: History, work: Work) -> bool:
    """Whether another change took the token of the request's own one away before it was looked for.

    A head has room for one token. So a change whose reply was lost, and on top of which another one came, is
    not known as made: the request is tried again. Where it has an `If-Match`, and the store knows that a try
    went unanswered, it says that it cannot tell (503), not that the version is another one.
    """
    made = work.changes[-1].commit
    assert work.request is not None
    heads = [state.live for state in history.during(work.request.key, made, work.end) if state.live]
    return bool(work.faults & _REPEATS) and heads[0].token != heads[-1].token


def _check_append(history: History, work: Work, states: list[State], reply: Reply) -> None:
    request, body = work.request, reply.body
    assert request is not None
    if "body_file" in request.query:  # an answer does not hold what came as a file
        body = {**body, "messages": _standing(request, states, body)}
    if body["replayed"] or not work.changes:
        tied = history.coarse or _tied(history.sessions[request.key], body["messages"])
        require(Rule.REPLAYED_TELLS, not work.changes and (body["replayed"] or tied), (request, body))
    require(Rule.STATUS_TELLS, (reply.status == 200) == body["replayed"], (request, body))
    for sent, got in zip(request.body["messages"], body["messages"], strict=True):
        require(Rule.ANSWERED_IN_ORDER, erased(got) or got["content"] == sent["content"], (sent, got))
        require(Rule.ID_KEPT, sent.get("message_id") in {None, got["message_id"]}, (sent, got))
        stood = standing(states, got["sequence"])
        require(Rule.ACKNOWLEDGED_IS_STORED, stood, (got, states[-1]))
        shown = [fields for one in stood for fields in as_replayed(one, work.begin, work.end)]
        require(Rule.ANSWERED_AS_FIRST_STORED, got in shown, (got, shown))
    sequences = [got["sequence"] for got in body["messages"]]
    require(
        Rule.BOUNDS, [body["first_sequence"], body["last_sequence"]] == [min(sequences), max(sequences)], body
    )
    _check_appended_version(history, work, states, reply)
    expected = request.body.get("expected_sequence")
    if work.changes and expected is not None:
        require(Rule.EXPECTED_SEQUENCE_HEEDED, min(work.changes[0].added) == expected, (request, body))


def _standing(request: Request, states: list[State], body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request, as they were first stored at the sequences that an answer tells of."""
    found = []
    for sent in request.body["messages"]:
        for sequence in range(body["first_sequence"], body["last_sequence"] + 1):
            stood = [one.versions[0].fields for one in standing(states, sequence)]
            if fitting := [one for one in stood if one["message_id"] == sent["message_id"]]:
                found.append(fitting[0])
                break
    return found


def _check_appended_version(history: History, work: Work, states: list[State], reply: Reply) -> None:
    """A repeat's version and count are of one state; an append's may be of before what went past it.

    Its count may be a later one: that of the log in which the append was found, when its reply was lost.
    """
    body = reply.body
    made = work.changes[-1] if work.changes else None
    fitting = [
        state.live
        for state in states
        if state.live
        and state.live.message_count == body["message_count"] > body["last_sequence"]
        and (made is None or state.commit >= made.commit)
    ]
    require(Rule.MESSAGE_COUNT_WAS_SO, fitting, body)
    if body["replayed"]:
        require(
            Rule.ANSWER_WAS_A_STATE, body["version"] in {head.version for head in fitting}, (body, fitting)
        )
        return
    if made is None:  # see `_tied`
        require(Rule.VERSION_NOT_AHEAD, body["version"] <= max(head.version for head in fitting), body)
        return
    assert made.head is not None
    require(Rule.VERSION_NOT_AHEAD, body["version"] <= made.head.version, (body, made))
    before = [state.live.version for state in states if state.live and _precedes(state, made)]
    beside = history.coarse or body["version"] - 1 in before
    require(Rule.VERSION_AHEAD_OF_WHAT_WAS, beside, (body, before))


def _precedes(state: State, made: Change) -> bool:
    """Whether an append may have been meant for this state: the log is as the append found it."""
    there, found = state.live, made.before.live
    if there is None or found is None:
        return False
    return (there.message_count, there.rewinds) == (found.message_count, found.rewinds)


def _tied(states: list[State], got: list[dict[str, Any]]) -> bool:
    """Whether a message bears the time of a change before it, as where a slow clock writes behind a fast one.

    Its time is all by which an attempt knows its message as its own: two attempts at one message that share
    it both say that they stored it. So they do where a clock is coarse.
    """
    times = [state.live.updated_at for state in states if state.live]
    return any(times.count(message["created_at"]) > 1 for message in got)


def _check_create(history: History, work: Work, states: list[State], reply: Reply) -> None:
    created = bool(work.changes) and not _forgotten(history, work)
    require(
        Rule.ANSWER_201_MEANS_CREATED,
        reply.status == 201 if created else reply.status == 200 or work.changes,
        work,
    )
    _require_state(states, reply)


def _check_put(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    request, body = work.request, reply.body
    assert request is not None
    answered = _require_state(states, reply)
    made = work.changes[-1].commit if work.changes else 0
    require(Rule.PUT_IS_IN_ITS_ANSWER, answered.commit >= made, (work.changes, body))
    start = request.body.get("start_sequence", 0)
    for sequence, sent in enumerate(request.body["messages"], start):
        stored = [version.fields for one in standing([answered], sequence) for version in one.versions]
        there = sequence < body["message_count"] and any(same(sent, one) for one in stored)
        require(Rule.PUT_IS_STORED, there, (sent, stored))
    if not work.changes:
        asked = {name: request.body[name] for name in ("title", *JSON_FIELDS) if name in request.body}
        asked |= {"usage": shown(summed(request.body["usage"]))} if "usage" in request.body else {}
        require(Rule.PUT_HOLDS, all(body[name] == value for name, value in asked.items()), (request, body))


def _check_title(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    request = work.request
    assert request is not None
    _require_state(states, reply)
    stands = request.body.get("only_if_unset") and reply.body["title"]
    require(
        Rule.TITLE_SET, stands or reply.body["title"] == request.body["title"].strip(), (request, reply.body)
    )


def _check_patch(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    request = work.request
    assert request is not None
    _require_state(states, reply)
    for name in request.body.keys() - {"touch"}:
        held = reply.body[name]
        require(Rule.PATCH_APPLIED, (merged(held, request.body[name]) or {}) == held, (request, reply.body))


def _check_tool_call(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    request, message = work.request, reply.body["message"]
    assert request is not None
    stored = request.body["tool_call"] in message.get("tool_calls", ())
    # An edit may have taken it along, before it was looked for.
    require(Rule.TOOL_CALL_STORED, stored or (work.changes and erased(message)), (request, message))
    stood = [
        fields for one in standing(states, message["sequence"]) for fields in one.during(work.begin, work.end)
    ]
    require(Rule.MESSAGE_WAS_SO, message in stood, (message, stood))


def _check_rewind(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    check_rewound(work, states, reply)


def _check_delete(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    require(Rule.ANSWER_204_MEANS_DELETED_BY_THIS, work.changes, work)
    deleted, now = work.changes[-1].generation, states[-1].live
    require(Rule.DELETED, now is None or now.key.generation > deleted, work)


def _check_draft(history: History, work: Work, states: list[State], reply: Reply) -> None:
    require(Rule.READ_OF_A_LIVE_SESSION, any(state.live for state in states), work)
    if reply.body:
        assert work.request is not None
        check_draft(history, work.request.key, states, reply.body)


def _require_state(states: list[State], reply: Reply) -> State:
    """The answer is a session as it was in the window: all fields of it, and its version."""
    for state in states:
        if state.live and state.live.session() == reply.body:
            return state
    raise Violation(
        Rule.ANSWER_WAS_A_STATE, (reply.body, [state.live.session() for state in states if state.live])
    )


# Kinds of which the answer is about something else than the session that they are asked of.
_OF_ANOTHER: dict[str, Callable[[History, Work, Reply], None]] = {
    **dict.fromkeys(KINDS, check_transcript_answer),
    "fork": fork_rules.check_answer,
}
_CHECKS: dict[str, Callable[[History, Work, list[State], Reply], None]] = {
    "append": _check_append,
    "create": _check_create,
    "delete": _check_delete,
    "edit": check_edited,
    "export": check_export,
    "export_session": check_export,
    "get": check_get,
    "get_draft": _check_draft,
    "get_message": check_one,
    "list": check_list,
    "messages": check_messages,
    "patch": _check_patch,
    "put": _check_put,
    "put_draft": _check_draft,
    "rewind": _check_rewind,
    "title": _check_title,
    "tool_call": _check_tool_call,
}
