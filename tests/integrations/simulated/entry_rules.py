"""What must hold of the calls of an agent of the Claude Agent SDK.

Of entries: what is acknowledged stands once and in order. Of summaries: each is the fold of a transcript as
it was at some moment of the call, and of the generation that was there then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_agent_sdk import fold_session_summary

from tests.integrations.simulated.entry_programs import PROJECT
from tests.simulation.faults import LATE_READ
from tests.simulation.programs.call_rules import done
from tests.simulation.programs.troubles import UNAUTHORIZED
from tests.simulation.violations import Rule, require
from turnlog.errors import Contended, Gone, NotFound
from turnlog.integrations.claude import MAIN, session_id_of
from turnlog.records.keys import SessionKey, TranscriptKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.history import History
    from tests.simulation.programs.calls import Call
    from tests.simulation.transcript_history import TranscriptState


def check_entry_calls(history: History, calls: Sequence[Call]) -> None:
    """Check an agent's calls, when all is over that was done for them."""
    begin: dict[int, int] = {}  # by what was asked: the same is a repeat
    for call in calls:
        _check(history, call, begin.setdefault(id(call.asked), call.begin))


def _check(history: History, call: Call, begin: int) -> None:
    told = (call.name, call.asked, call.returned, call.error)
    key = TranscriptKey(call.key.at(0), MAIN)
    states = history.transcripts.during(key, call.begin, call.end)
    if isinstance(call.error, Contended):
        stored = [work for work in call.works if done(work) and work.kind != "create"]
        require(Rule.SURELY_NOT_APPLIED, not stored or call.name == "append", told)
    elif call.refused and call.error:
        gone = [state for state in call.states(history) if not state.live]
        deleted = isinstance(call.error, Gone | NotFound) and (gone or call.name == "begin_anew")
        require(Rule.REFUSED_FOR_NO_REASON, deleted or call.error.status in UNAUTHORIZED, told)
    if call.error is not None:
        return
    match call.name:
        case "append":
            _check_appended(call, history.transcripts.during(key, begin, call.end))
        case "load":
            shown = [state.entries if state.live else None for state in states]
            shown += [None] * any(not state.live for state in call.states(history))
            require(
                Rule.LOADED_WAS_SO, _late(call) or call.returned in shown or len(shown) > 1, (told, shown)
            )
        case "list_session_summaries":
            _check_summaries(history, call)


def _check_appended(call: Call, states: list[TranscriptState]) -> None:
    """In the generation in which they were stored all of them stand, in their order."""
    sent = [entry["text"] for entry in call.asked["entries"]]
    if len({state.head and (state.head.generation, state.live) for state in states if state.head}) > 1:
        return  # begun anew meanwhile: the first of them may have gone
    if states[-1].head is None and any(state.head for state in states):
        return  # the session was deleted and purged, while the answer was on its way
    texts = [entry["text"] for entry in states[-1].entries]
    stood = [text for text in texts if text in set(sent)]
    require(Rule.ENTRIES_STAND_IN_ORDER, stood == sent, (sent, texts))


def _check_summaries(history: History, call: Call) -> None:
    for one in call.returned:
        key = _key(call, one["session_id"])
        states = history.transcripts.during(key, call.begin, call.end)
        if _late(call):  # the list may be one of before
            states = [state for state in history.transcripts.states[key] if state.commit <= call.end]
        folds = [_fold(state, one["session_id"]) for state in states if state.live]
        require(Rule.SUMMARY_IS_A_FOLD_OF_WHAT_IS_THERE, one["data"] in folds, (one, folds))
    shown = {one["session_id"] for one in call.returned}
    for own in ("a", "b"):
        key = _key(call, own)
        sessions = history.during(key.session.session, call.begin, call.end)
        states = history.transcripts.during(key, call.begin, call.end)
        there = all(one.live for one in sessions) and all(one.live for one in states)
        require(Rule.EVERY_SESSION_IS_SUMMED_UP, own in shown or not there or _in_pages(call), (own, shown))


def _in_pages(call: Call) -> bool:
    """Whether the index was read in several pages: what changes between two of them may not be found."""
    lists = [work for work in call.works if work.kind == "list"]
    return _late(call) or any(work.calls["Query"] > 1 or "torn page" in work.faults for work in lists)


def _late(call: Call) -> bool:
    return any(LATE_READ in work.faults for work in call.works)


def _key(call: Call, own: str) -> TranscriptKey:
    session = session_id_of({"project_key": PROJECT, "session_id": own})
    return TranscriptKey(SessionKey(call.key.user_id, session).at(0), MAIN)


def _fold(state: TranscriptState, own: str) -> dict[str, Any]:
    key = {"project_key": PROJECT, "session_id": own}
    data: dict[str, Any] = fold_session_summary(None, key, state.entries)["data"]
    return data
