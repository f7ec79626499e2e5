"""What must hold of rewinds: of the commit that cuts a log, of those that clear up behind it, of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.violations import Rule, require
from turnlog.records.head import USAGE_FIELDS
from turnlog.records.usage import details

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.simulation.history import Work
    from tests.simulation.requests import Reply, Request
    from tests.simulation.states import Change, Entry, State
    from turnlog.records.head import Head

USAGE = {*USAGE_FIELDS, "details"}
"""The head's fields of tokens."""

CHANGES = {"message_count", "log_size", "ring", *USAGE, "edits", "rewinds", "rewound", "leftover"}
"""Which of the head's fields a rewind may change, beside those that every change does."""

_APPENDING = {"append", "fork", "put", "tool_call", "rewind"}


def check_items(change: Change, head: Head) -> None:
    """What is stored of messages is the log, and behind it what is left over, without a gap."""
    end = head.message_count if head.leftover is None else head.leftover
    require(Rule.ITEMS_ARE_THE_LOG, change.left == set(range(end)), (sorted(change.left), head))
    require(Rule.LEFTOVER_IS_LEFT, head.leftover is None or head.leftover > head.message_count, head)
    require(Rule.MESSAGES_GO_WHOLE, not change.removed & change.left, change)


def check_clearing(change: Change, before: Head, after: Head) -> None:
    """Whoever appends may delete what a rewind left over, and changes nothing else."""
    require(Rule.WHO_CLEARS, change.work.kind in _APPENDING, change.work)
    require(Rule.CLEARING_CLEARS, after == before._replace(leftover=after.leftover), (before, after))
    require(Rule.CLEARING_CLEARS, not change.added and not change.edited and change.removed, change)


def check_rewind(change: Change, before: Head, after: Head) -> None:
    """G1, G3: it takes away what was asked for, where the log ended as it was said to, and once."""
    request = change.work.request
    assert request is not None
    require(Rule.REWOUND_BY_A_REWIND, change.work.kind == "rewind", change.work)
    to, expected = request.body["to_sequence"], request.body["expected_sequence"]
    ends = (before.message_count, after.message_count)
    require(Rule.REWOUND_AS_ASKED, ends == (expected, to) and to < expected, (request, before, after))
    require(Rule.REWOUND_SAYS_SO, after.rewound == _name(request), after)
    require(Rule.REWINDS_COUNTED, after.rewinds == before.rewinds + 1, (before, after))
    require(Rule.NOTHING_PUT_BY_A_REWIND, not change.added and not change.edited, change)
    require(Rule.REWOUND_ONCE, made_once(change.work), change.work)
    spent = [entry.usage for entry in change.before.log[to:]]
    left = {
        name: max(0, count - sum(usage.get(name, 0) for usage in spent))
        for name, count in tokens(before).items()
    }
    require(Rule.USAGE_LOWERED, tokens(after) == left, (before, after, spent))


def check_answer(work: Work, states: Sequence[State], reply: Reply) -> None:
    """It says what it left; and of a repeat, what the one before left and nobody has changed since."""
    request, body = work.request, reply.body
    assert request is not None
    to, expected = request.body["to_sequence"], request.body["expected_sequence"]
    if not body["replayed"]:
        require(Rule.MESSAGE_COUNT_OF_THE_REWIND, body["message_count"] == to, (request, body))
        made = [change.head for change in work.changes if change.head]
        require(Rule.REWOUND_BY_THIS, made and made[-1].version == body["version"], (work.changes, body))
        return
    # A head has room for one token: another change may have taken this one's away before it was looked for.
    since = {s.live.token for s in states if s.live and work.changes and s.commit >= work.changes[-1].commit}
    require(Rule.REPLAYED_TELLS, not work.changes or len(since) > 1, (work.changes, body))
    so = [state.live for state in states if state.live and state.live.version == body["version"]]
    so = [head for head in so if head.message_count == body["message_count"]]
    as_left = body["message_count"] == to
    named = "rewind_id" in request.body or as_left
    same = [head for head in so if (to == expected and as_left) or (named and head.rewound == _name(request))]
    require(Rule.REPLAYED_IS_TRUE, same, (request, so))


def repeats(request: Request, states: Sequence[State]) -> bool:
    """Whether it asks for a rewind that was made already, which is no change, at whatever version."""
    return request.kind == "rewind" and any(s.live and s.live.rewound == _name(request) for s in states)


def check_refusal(work: Work, states: Sequence[State]) -> None:
    """G7: a repeat is not refused while nothing else has come."""
    request = work.request
    assert request is not None
    to, name = request.body["to_sequence"], _name(request)
    heads = [state.live for state in states]
    known = all(head and head.rewound == name and head.message_count == to for head in heads)
    require(Rule.A_REPEAT_IS_KNOWN, not known, (request, heads))


def _name(request: Request) -> str:
    """What the head says of the rewind that a request asks for."""
    body = request.body
    ends = f"{body['to_sequence']}:{body['expected_sequence']}"
    return f"{ends}:{body['rewind_id']}" if "rewind_id" in body else ends


def made_once(work: Work) -> bool:
    """Whether this try of a request has changed nothing yet.

    Where the client library sent it again, and nobody heeded its token, the store is told of the second try
    alone; what others did between the two may have taken away what would tell of the first.
    """
    return not work.changes or "re-sent bare" in work.faults


def usages(change: Change) -> list[Mapping[str, int]]:
    """The tokens that came with each of the messages that a commit added: with the last of a request."""
    request = change.work.request
    with_usage = change.work.kind in {"append", "finish_stream"}
    given = request.body.get("usage") if request and with_usage else None
    return [{}] * (len(change.added) - 1) + [summed(given)] if change.added else []


def summed(asked: Mapping[str, Any] | None) -> dict[str, int]:
    """Tokens as the contract reads them: the total is the sum, and details have dotted names."""
    given = dict(asked or {})
    prompt = given.pop("prompt_tokens", 0) + given.pop("input_tokens", 0)
    completion = given.pop("completion_tokens", 0) + given.pop("output_tokens", 0)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    for name, value in given.items():
        if isinstance(value, dict):
            usage |= {f"{name}.{inner}": int(count) for inner, count in value.items()}
        elif isinstance(value, int):
            usage[name] = value
    return usage


def shown(usage: Mapping[str, int]) -> dict[str, Any]:
    """Tokens as a session shows them."""
    more = {name: count for name, count in usage.items() if name not in USAGE_FIELDS}
    return {name: usage[name] for name in USAGE_FIELDS} | ({"details": more} if more else {})


def tokens(head: Head) -> dict[str, int]:
    """The sums of a head, details among them."""
    return {name: getattr(head, name) for name in USAGE_FIELDS} | details(head.details)


def standing(states: Sequence[State], sequence: int) -> list[Entry]:
    """What stood at this place at some time."""
    return [state.log[sequence] for state in states if sequence < len(state.log)]
