"""What must hold of an agent's calls on its session: adds, pops, clears and reads, each as a whole.

An add is stored wholly or as far as its error says, in order, and takes back what it stored itself alone. A
pop takes away the item that it returns, and no other.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.simulation.programs.call_rules import cut_between
from tests.simulation.violations import Rule, require
from turnlog.integrations.items import to_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.history import History
    from tests.simulation.programs.calls import Call
    from tests.simulation.states import Change, State


def check_item_calls(history: History, calls: Sequence[Call]) -> None:
    """Check an agent's calls, when all is over that was done for them."""
    adds: list[Call] = []
    tries: list[Call] = []  # of one add: an agent that makes it again asks for the very same
    for call in calls:
        told = (call.name, call.asked, call.returned, call.error)
        match call.name:
            case "add_items":
                tries = [*tries, call] if tries and tries[-1].asked is call.asked else [call]
                adds.append(call)
                _check_taken_back(call, adds)
                _check_add(history, tries)
            case "pop_item":
                _check_pop(history, call)
            case "clear_session":
                require(Rule.CLEARED_ONCE, len(_rewinds(call)) <= 1, told)
                if call.error is None:
                    require(Rule.CLEARED, any(not _log(state) for state in call.states(history)), told)
            case "get_items" if call.error is None:
                shown = [_items(state, call.end) for state in call.states(history)]
                require(Rule.ITEMS_WERE_SO, call.returned in shown or None in shown, (told, shown))
        if call.name != "add_items":
            require(Rule.ADDED_BY_AN_ADD, not _added(call), told)


def _check_pop(history: History, call: Call) -> None:
    told = (call.returned, call.error, _rewinds(call))
    cut = [entry for change in _rewinds(call) for entry in change.before.log[_left(change) :]]
    # With an item go the messages behind it that are none: a tool's result of no call.
    gone = [entry for entry in cut if to_items(entry.newest)]
    require(Rule.A_POP_TAKES_ONE, len(gone) <= 1, told)
    if call.error is not None:
        require(Rule.A_REFUSED_POP_TAKES_NONE, not gone or call.unsure, told)
    elif call.returned is None:
        require(Rule.NOTHING_TO_POP, not gone, told)
        empty = [
            state for state in call.states(history) if not any(to_items(one.newest) for one in _log(state))
        ]
        require(Rule.NOTHING_TO_POP, empty, told)
    else:
        require(Rule.POPPED_IS_TAKEN, gone and to_items(gone[0].newest)[-1] == call.returned, told)


def _check_add(history: History, tries: Sequence[Call]) -> None:
    """Check an add, and the one before of which it is a repeat."""
    call, items = tries[-1], tries[-1].asked["items"]
    told = (items, call.error and (call.error, call.error.extra), [one.error for one in tries])
    sent = _sent(tries)
    if call.error is None:
        require(
            Rule.ADDED_IN_ORDER, [to_items(one) for one in sent.values()] == [[item] for item in items], told
        )
    own = {change.commit for one in tries for change in _rewinds(one)}
    begin = min(one.begin for one in tries)
    if _cut_by_others(history, call, begin, call.end, own) or any(map(_came_after_its_rewind, tries)):
        return
    there = _standing(history.during(call.key, call.end, call.end)[-1], sent)
    require(Rule.ADDED_IN_ORDER, there == sorted(there), (told, there))
    count = (call.error.extra.get("stored_items") if call.error else len(items)) or 0
    if call.error is None or call.refused:
        # An earlier one may have sent a rewind that has not arrived yet, or may have stored more itself.
        unknown = any(one.error and "may still be stored" in one.error.detail for one in tries)
        require(Rule.STORED_AS_IT_SAYS, there == list(range(count)) or unknown, (told, there))
        if call.error and "same call before" in call.error.detail:
            require(Rule.STORED_AS_IT_SAYS, any(one.unsure for one in tries[:-1]), told)
    if call.error is not None:
        require(Rule.AT_LEAST_SO_MANY_ARE_STORED, there[:count] == list(range(count)), (told, there))
    last = history.sessions[call.key][-1].commit
    if not _cut_by_others(history, call, begin, last, own):
        left = _standing(history.sessions[call.key][-1], sent)
        require(Rule.NO_LATER_ITEM_WITHOUT_AN_EARLIER_ONE, left == list(range(len(left))), (told, left))


def _check_taken_back(call: Call, adds: Sequence[Call]) -> None:
    """What goes was stored by one call: by this one, or by one before whose take-back got no answer."""
    for change in _rewinds(call):
        gone = {entry.newest["message_id"] for entry in change.before.log[_left(change) :]}
        whose = next((one for one in reversed(adds) if gone <= _added(one)), None)
        require(Rule.TAKES_BACK_ITS_OWN_ALONE, whose is not None, (call.asked, gone))
        require(Rule.TAKES_BACK_WHAT_WAS_REFUSED, whose and whose.refused, (call.asked, call.error))


def _came_after_its_rewind(call: Call) -> bool:
    """Whether an append that had got no answer arrived when the add had been taken back.

    A rewind takes the ids along, so it was stored once more (shared/docs/http.md, "Repeats").
    """
    changes = sorted((change for work in call.works for change in work.changes), key=lambda one: one.commit)
    rewound = False
    for change in changes:
        rewound = rewound or change.rewinds
        if rewound and change.added:
            return True
    return False


def _sent(tries: Sequence[Call]) -> dict[str, dict[str, Any]]:
    """The messages that functions got for these calls, by their ids, in the order of the items."""
    requests = [work.request for call in tries for work in call.works if work.request]
    messages = [one for request in requests if request.kind == "append" for one in request.body["messages"]]
    by_id = {one["message_id"]: one for one in messages}
    return {id_: by_id[id_] for id_ in sorted(by_id, key=lambda id_: int(id_.rpartition("-")[2]))}


def _standing(state: State, sent: dict[str, Any]) -> list[int]:
    """Which items of an add are in the log, in its order, by their numbers."""
    ids = [entry.newest["message_id"] for entry in _log(state)]
    return [int(id_.rpartition("-")[2]) for id_ in ids if id_ in sent]


def _log(state: State) -> list[Any]:
    return state.log[: state.live.message_count] if state.live else []


def _items(state: State, end: int) -> list[Any] | None:
    """The items of a state; None where a tool call joined a message of it: either may have been read."""
    if any(len(entry.during(state.commit, end)) > 1 for entry in _log(state)):
        return None
    return [item for entry in _log(state) for item in to_items(entry.during(state.commit, end)[0])]


def _added(call: Call) -> set[str]:
    return {
        fields["message_id"]
        for work in call.works
        for change in work.changes
        for fields in change.added.values()
    }


def _rewinds(call: Call) -> list[Change]:
    return [change for work in call.works for change in work.changes if change.rewinds]


def _left(change: Change) -> int:
    assert change.head
    return change.head.message_count


def _cut_by_others(history: History, call: Call, first: int, last: int, own: set[int]) -> bool:
    """Whether the session was rewound or deleted by anything but these commits."""
    states = history.during(call.key, first, last)
    for before, after in pairwise(states):
        if (
            after.commit not in own
            and before.live
            and cut_between(history, call.key, before.commit, after.commit)
        ):
            return True
    return False
