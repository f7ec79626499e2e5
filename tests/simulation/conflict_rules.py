"""Refusals: what they say of the log is true, and they leave nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.edit_rules import erased
from tests.simulation.rewind_rules import check_refusal, standing
from tests.simulation.violations import Rule, Violation, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.history import Work
    from tests.simulation.requests import Reply, Request
    from tests.simulation.states import State


def check_conflict(work: Work, states: list[State], reply: Reply) -> None:
    """409 is true, and nothing was written."""
    request, body = work.request, reply.body
    assert request is not None
    if body["type"] == "fork_unfinished":
        there = any(state.head and state.head.forking for state in states)
        require(Rule.FORK_UNFINISHED_IS_TRUE, there and request.kind in {"create", "put"}, (request, states))
        require(Rule.ANSWER_409_CHANGES_NOTHING, not work.changes, (request, body))
        return
    if request.kind in {"append", "rewind"} or len(request.body["messages"]) == 1:
        joined = body["type"] == "diverged" and _joined(states, body["sequence"])
        # See `rewind_rules.made_once`.
        hidden = "re-sent bare" in work.faults and any(state.live and state.live.rewinds for state in states)
        require(Rule.ANSWER_409_CHANGES_NOTHING, not work.changes or joined or hidden, (request, body))
    if request.kind == "rewind":
        check_refusal(work, states)
    counts = [state.live.message_count for state in states if state.live]
    match body["type"]:
        case "sequence_mismatch":
            require(Rule.MISMATCH_IS_TRUE, body["message_count"] in counts, (body, counts))
            require(Rule.MISMATCH_DIFFERS, body["message_count"] != request.body["expected_sequence"], body)
        case "message_id_reused":
            named = {one.get("message_id"): one["content"] for one in request.body["messages"]}
            stood = [
                fields
                for one in standing(states, body["sequence"])
                for fields in one.during(work.begin, work.end)
                if fields["message_id"] in named
            ]
            require(Rule.REUSED_IS_TRUE, stood, (states, request))
            if request.kind == "append":
                differing = [
                    one for one in stood if named[one["message_id"]] != one["content"] and not erased(one)
                ]
                require(Rule.REUSED_DIFFERS, differing, (stood, request))
        case "diverged":
            require(Rule.DIVERGED_IS_TRUE, _diverges(states, request, body), (states, request, body))
        case other:
            raise Violation(Rule.STATUS_OF_THE_CONTRACT, other)


def _joined(states: list[State], sequence: int) -> bool:
    """Whether it is not what was put even where this request put it.

    A tool call joined this message, or a rewind made place for another.
    """
    stood = standing(states, sequence)
    return any(len(one.versions) > 1 for one in stood) or len(set(map(id, stood))) > 1


def _diverges(states: list[State], request: Request, body: Mapping[str, Any]) -> bool:
    start, sequence = request.body.get("start_sequence", 0), body["sequence"]
    for state in states:
        count = state.live.message_count if state.live else 0
        if count != body["message_count"]:
            continue
        if sequence == count < start:
            return True
        if sequence < count:
            sent = request.body["messages"][sequence - start]
            for there in state.log[sequence].during(state.commit, states[-1].commit):
                if sent.get("message_id") not in {None, there["message_id"]} or not same(sent, there):
                    return True
    return False


def same(sent: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Whether a stored message says what was sent."""
    names = ("role", "content", "tool_calls", "annotations", "refusal")
    return all((_said(sent.get(name)) or None) == (_said(there.get(name)) or None) for name in names)


def _said(value: Any) -> Any:
    """The value without nulls; for Python, too, 1 is 1.0."""
    if isinstance(value, dict):
        return {name: _said(one) for name, one in value.items() if one is not None}
    return [_said(one) for one in value] if isinstance(value, list) else value
