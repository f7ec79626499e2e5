"""What must hold of a call of the client, however often it sent its request: it was made once, or not at all.

Each answer by itself is checked by `answer_rules`. Here it is about the requests of one call together: what
an earlier one did, the call may neither do again nor deny. What a rewind or a deletion took away in between
may come again (shared/docs/http.md, "Repeats").
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from tests.simulation.edit_rules import erased
from tests.simulation.violations import Rule, require
from turnlog.errors import Contended, Gone, NotFound
from turnlog.records.head import JSON_FIELDS, USAGE_FIELDS

if TYPE_CHECKING:
    from tests.simulation.history import History, Work
    from tests.simulation.programs.calls import Call
    from tests.simulation.states import Change
    from turnlog.records.keys import SessionKey

_FIELDS = ("title", *USAGE_FIELDS, "details", *JSON_FIELDS)


def check_call(history: History, call: Call) -> None:
    """Check a call, when all is over that was done for it."""
    changing = [work for work in call.works if done(work)]
    told = (call.name, call.asked, call.returned, call.error, [work.request for work in call.works])
    if call.name == "put_session":
        require(Rule.FIELDS_SET_ONCE, sum(map(_sets_fields, changing)) <= 1, told)
    if call.name in {"put_session", "append_messages", "add_tool_call"}:
        _check_stored_once(history, call)
    elif call.name == "edit_message":
        # The message that was meant may have been put again, under its id.
        first = min([work.changes[0].commit for work in changing], default=0)
        again = "message_id" in call.asked and cut_between(history, call.key, first, call.end)
        once = len(changing) <= 1 or again
        require(Rule.MADE_ONCE_BY_A_CALL, once, told)
    elif call.name not in {"append_entries", "import_transcript", "create_file"}:  # see `transcript_rules`
        # What is sent again after another session was begun is meant for that one.
        sessions = {change.generation for work in changing for change in work.changes}
        require(Rule.MADE_ONCE_BY_A_CALL, len(changing) <= max(1, len(sessions)), told)
    if call.name in {"put_draft", "delete_draft"}:
        require(Rule.A_DRAFT_IS_SENT_ONCE, len(call.works) <= 1, told)
    if call.asked.get("recreate"):
        sent = [work for work in call.works if work.kind == "create"]
        require(Rule.RECREATE_IS_SENT_ONCE, len(sent) <= 1, told)
    if isinstance(call.error, Contended):
        require(Rule.SURELY_NOT_APPLIED, not changing, told)
    elif call.refused and call.error and call.name != "import_transcript":  # whose earlier steps stay
        status = call.error.status
        refusing = [request for request, reply in call.answered[-1:] if reply.status == status]
        earlier = [work for work in changing if work.request not in refusing]
        denied = [work for work in earlier if not _gone_since(history, call, work)]
        require(Rule.A_REFUSAL_DENIES_NOTHING, not denied, told)
    if call.error is None:
        _check_returned(history, call)


def done(work: Work) -> bool:
    """Whether a request changed anything."""
    return work.done


def _check_returned(history: History, call: Call) -> None:
    told = (call.name, call.asked, call.returned)
    if call.name == "delete_session":
        require(Rule.DELETED_BY_A_CALL, any(not state.live for state in call.states(history)), told)
        return
    if call.name == "delete_file":
        return
    if call.name == "import_transcript":  # in steps, and it reads what others put in between
        last = [reply.body for request, reply in call.answered if request.kind == call.name][-1]
        fields = last.keys() - {"added", "others"}
        returned = all(call.returned[name] == last[name] for name in fields)
        require(Rule.A_CALL_RETURNS_ITS_ANSWER, returned, told)
        return
    answer = call.answered[-1][1].body
    if call.name in {"edit_message", "add_tool_call"} and call.answered[-1][0].kind == "get_message":
        # The bucket did not give the message of the answer, so it was asked for.
        made = next(reply.body for request, reply in call.answered[::-1] if request.kind != "get_message")
        same = answer["message_id"] == made["message"]["message_id"]
        require(Rule.A_CALL_RETURNS_ITS_ANSWER, same, told)
        answer = {**made, "message": answer}
    require(Rule.A_CALL_RETURNS_ITS_ANSWER, call.returned == answer, told)
    if call.name == "rewind_session" and call.asked["to_sequence"] != call.asked["expected_sequence"]:
        require(Rule.REWOUND_BY_ITS_CALL, any(work.changes for work in call.works), told)


def _sets_fields(work: Work) -> bool:
    heads = [(change.before.live, change.head) for change in work.changes]
    return any(
        before and after and getattr(before, name) != getattr(after, name)
        for before, after in heads
        for name in _FIELDS
    )


def _check_stored_once(history: History, call: Call) -> None:
    """What one request stored the next one stores only where it was taken away in between."""
    changes = [(work, change) for work in call.works for change in work.changes]
    for (work, first), (other, second) in combinations(sorted(changes, key=lambda one: one[1].commit), 2):
        if work is not other and _stored(first) & _stored(second):
            cut = cut_between(history, call.key, first.commit, second.commit)
            cut = cut or erased_between(history, call.key, first.commit, second.commit)
            require(Rule.STORED_ONCE_BY_A_CALL, cut, (call.asked, first, second))


def _stored(change: Change) -> set[Any]:
    """What is new: messages by what they say, and tool calls."""
    added = {str(fields["content"]) for fields in change.added.values() if fields["content"]}
    calls = [
        one["function"]["arguments"]
        for fields in change.added.values()
        for one in fields.get("tool_calls") or ()
    ]
    for sequence, fields in change.edited.items():
        before = change.before.log[sequence].versions
        known = [one for version in before for one in version.fields.get("tool_calls") or ()]
        calls += [one["function"]["arguments"] for one in fields["tool_calls"] if one not in known]
    return added | set(calls)


def cut_between(history: History, key: SessionKey, first: int, last: int) -> bool:
    """Whether the session was rewound or deleted between two commits."""
    states = history.during(key, first, last)
    lives = [state.live and state.live.rewinds for state in states]
    return len(set(lives)) > 1 or None in lives


def erased_between(history: History, key: SessionKey, first: int, last: int) -> bool:
    """Whether an edit took away what a message said, between two commits."""
    log = history.during(key, last, last)[-1].log
    return any(first < one.commit <= last and erased(one.fields) for entry in log for one in entry.versions)


def _gone_since(history: History, call: Call, work: Work) -> bool:
    """Whether another took away what the request had changed, so that the call could be refused.

    A session that was deleted; or messages of an append, which is known by its ids as long as these stand. Or
    the append came late, to a log that did not refuse it any more.
    """
    since = min([change.commit for change in work.changes], default=call.begin)
    if call.name == "append_messages":
        return since > call.end or cut_between(history, call.key, since, call.end)
    deleted = any(not state.live for state in history.during(call.key, since, call.end))
    known = call.name.startswith("delete_") or "if_match" in call.asked
    return deleted and isinstance(call.error, NotFound | Gone) and not known
