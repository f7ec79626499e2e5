"""Reads of several things at once: a session's messages, its export, a user's list."""

from __future__ import annotations

import json
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from tests.simulation.faults import LATE_READ
from tests.simulation.violations import Rule, require
from turnlog import formats
from turnlog.http.etag import parse as parse_tags
from turnlog.limits import PAYLOAD_LIMIT
from turnlog.operations import export_history, list_sessions, read_session
from turnlog.records.keys import ANSWER_PREFIX, user_partition
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from tests.simulation.history import History, Work
    from tests.simulation.requests import Reply, Request
    from tests.simulation.states import State
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey

Message = dict[str, Any]
# Calls that join messages while they are read make many mixtures; so many are looked through.
_MIXTURES = 1_000
# A call joins one of so many newest messages, or takes one that has so many bytes beside it.
_TURN = 20
_BESIDE_A_CALL = 300


def check_get(history: History, work: Work, states: list[State], reply: Reply) -> None:
    """G6: the session and its newest messages are of one state of the table, wherever they came from."""
    request, body = work.request, reply.body
    assert request is not None
    if reply.status == 304:
        known = parse_tags(request.headers["if-none-match"])
        assert known is not None
        require(
            Rule.ANSWER_304_IS_TRUE,
            any(state.live and known.admits(state.live.version) for state in states),
            work,
        )
        return
    shown = {name: body[name] for name in body if name not in _BESIDE}
    fitting = [state for state in states if state.live and state.live.session() == shown]
    require(
        Rule.ANSWER_WAS_A_STATE, fitting, (shown, [state.live and state.live.session() for state in states])
    )
    if body.get("draft"):
        check_draft(history, request.key, states, body["draft"])
    _check_page(work, fitting[-1:], body)


def check_draft(history: History, key: SessionKey, states: list[State], draft: Message) -> None:
    """A draft was put, and not before the session was begun of which it is shown (G4)."""
    put = [work for work, messages in history.drafts[key] if messages == draft["messages"]]
    require(Rule.DRAFT_WAS_PUT, put, draft)
    before, begun = None, 0
    for state in history.sessions[key]:
        if state.commit > states[0].commit and begun:
            break
        if state.live and state.live.key != before:
            begun = state.commit
        before = state.live.key if state.live else None
    so = [work for work in put if not work.end or work.end >= begun]
    require(Rule.DRAFT_OF_THIS_SESSION, so, (draft, put, states))


_BESIDE = {"messages", "has_more", "oldest_sequence", "draft"}


def check_messages(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    """A page is of the log as it was."""
    body = reply.body
    last = body["messages"][-1]["sequence"] if body["messages"] else None
    require(Rule.BOUNDS, body["newest_sequence"] == last, body)
    _check_page(work, [state for state in states if state.live], body)


def _check_page(work: Work, states: list[State], body: Message) -> None:
    require(Rule.READ_OF_A_LIVE_SESSION, states, work)
    reasons = [_unlike(work, state, body) for state in states]
    require(Rule.PAGE_WAS_SO, None in reasons, (work, reasons, body))


def _unlike(work: Work, state: State, body: Message) -> str | None:
    """In what a page cannot be one of this state; None if it can."""
    assert state.live is not None
    assert work.request is not None
    query = work.request.query
    end = min(query.get("before", state.live.message_count), state.live.message_count)
    limit = query.get("limit", 100 if work.request.kind == "messages" else end)
    first = min(query.get("after", -1) + 1, end)
    if "after" in query:
        wanted = list(range(first, min(first + limit, end)))
    else:
        wanted = list(range(end - 1, max(0, end - limit) - 1, -1))
    versions = {at: state.log[at].during(state.commit, work.end) for at in wanted}
    got = body["messages"] if "after" in query else body["messages"][::-1]
    if [message["sequence"] for message in got] != wanted[: len(got)]:
        return f"wanted {wanted}, got {[message['sequence'] for message in got]}"
    for message in got:
        if message not in versions[message["sequence"]]:
            return f"message {message['sequence']} was {versions[message['sequence']]}"
    if body["oldest_sequence"] != min(wanted[: len(got)], default=None):
        return "oldest_sequence"
    if len(got) < len(wanted) and _fits(got, versions[wanted[len(got)]]):
        return f"{len(got)} of {wanted}, though the next fits"
    more = first + len(got) < end if "after" in query else len(got) < end
    return None if body["has_more"] == more else f"has_more is not {more}"


def _fits(got: list[Message], next_one: list[Message]) -> bool:
    """Whether one more message fits into the answer, in each of its versions."""
    taken = sum(payload_size(dumps(message)) for message in got)
    largest = max(payload_size(dumps(message)) for message in next_one)
    return bool(taken + largest <= read_session.__dict__["PAYLOAD_LIMIT"])


def check_too_large(work: Work, states: list[State], reply: Reply) -> None:
    """G8: a page is refused only for its first message, and only if no answer holds that one."""
    assert work.request is not None
    if work.request.kind == "tool_call":
        _check_joined_is_too_large(work, states)
        return
    if work.request.kind not in {"export", "get", "messages"}:
        return
    query, at = work.request.query, reply.body["sequence"]
    for state in states:
        if state.live and at < state.live.message_count:
            end = min(query.get("before", state.live.message_count), state.live.message_count)
            first = query["after"] + 1 if "after" in query else end - 1
            if at == first and not all(
                _fits([], [one]) for one in state.log[at].during(state.commit, work.end)
            ):
                return
    require(Rule.TOO_LARGE_IS_TRUE, False, (work, reply))


def _check_joined_is_too_large(work: Work, states: list[State]) -> None:
    """A tool call is refused only if no answer holds the message with it."""
    assert work.request is not None
    said = [entry.newest for state in states if state.live for entry in state.log[-_TURN:]]
    largest = max((payload_size(dumps(one)) for one in said), default=0)
    taken = largest + payload_size(dumps(work.request.body["tool_call"])) + _BESIDE_A_CALL
    require(Rule.TOO_LARGE_IS_TRUE, taken > read_session.__dict__["PAYLOAD_LIMIT"], work)


def check_export(history: History, work: Work, states: list[State], reply: Reply) -> None:
    """The export is that of a window of the log as it was, which begins with a user's message."""
    request = work.request
    assert request is not None
    told = [_unlike_export(request, state, work.end, reply) for state in states if state.live]
    require(Rule.EXPORT_WAS_SO, None in told, (request, told, reply.raw))
    if reply.apart:
        room = min(export_history.__dict__[name] for name in ("PAYLOAD_LIMIT", "_ALONE"))
        held = payload_size(reply.raw) <= room
        require(Rule.APART_IF_TOO_LARGE, not held, (request, reply))
        own = reply.apart.startswith(ANSWER_PREFIX) and reply.apart not in history.apart
        require(Rule.APART_IS_OF_ONE_ANSWER, own, (request, reply))
        history.apart.add(reply.apart)


def _unlike_export(request: Request, state: State, end: int, reply: Reply) -> str | None:
    """In what an export cannot be one of this state; None if it can."""
    assert state.live is not None
    count = state.live.message_count
    stop = min(request.query.get("before", count), count)
    versions = [entry.during(state.commit, end) for entry in state.log[:stop]]
    reasons = [
        _unlike_window(request, list(messages), reply) for messages in islice(product(*versions), _MIXTURES)
    ]
    return None if None in reasons else reasons[0]


def _unlike_window(request: Request, messages: list[Message], reply: Reply) -> str | None:
    form = request.query.get("format", "openai-messages")
    text = form in {"markdown", "jsonl"}
    told = reply.headers.get("x-turnlog-next-before") if text else reply.body.get("next_before")
    first = int(told or 0)
    begins = [at for at, one in enumerate(messages) if one["role"] == "user" and not one.get("removed")]
    asked = max(0, len(messages) - request.query.get("limit", len(messages)))
    whole = max((at for at in begins if at <= asked), default=0)
    cut = export_history.__dict__["PAYLOAD_LIMIT"] < PAYLOAD_LIMIT
    if first < whole or (first > whole and not cut):
        return f"it begins at {first}, not at {whole}"
    shown = messages[first:]
    if form == "jsonl":
        lines = [json.loads(line) for line in reply.raw.decode().splitlines()]
        return None if lines == shown else f"lines of {shown}"
    if form == "markdown":
        return None if reply.raw.decode() == formats.to_markdown(shown) else f"a text of {shown}"
    lead = max((at for at in begins if at <= first), default=first)
    ways = [[messages[lead], _note(lead + 1, first), *shown] if lead < first - 1 else messages[lead:]]
    beside = payload_size(dumps(messages[lead])) + payload_size(dumps(shown[-1])) if shown else 0
    too_large = beside > export_history.__dict__["PAYLOAD_LIMIT"]
    if cut and lead < first and (len(shown) == 1 or too_large):
        # Even the lead does not fit beside the newest message: one in the bucket is then not read.
        ways.append([_note(lead, first), *shown])
    written = [_WRITERS[form](way).body for way in ways]
    if not any(all(reply.body.get(name) == one for name, one in body.items()) for body in written):
        return f"not {written}"
    return None if reply.body["has_more"] == (first > 0) else "has_more"


def _note(start: int, end: int) -> Message:
    """What stands in the place of the messages start..end-1."""
    what = f"[Left out: messages {start} to {end - 1}, which do not fit into the answer]"
    return {"sequence": start, "role": "user", "content": what}


_WRITERS = {
    "openai-messages": formats.to_chat,
    "openai-responses": formats.to_responses,
    "anthropic": formats.to_anthropic,
    "ai-sdk": formats.to_ai_sdk,
}


def check_list(history: History, work: Work, states: list[State], reply: Reply) -> None:  # noqa: ARG001
    """G3, G5: the total is exact; the page is one of the index, which may lag, and is in order."""
    request, body = work.request, reply.body
    assert request is not None
    totals = history.totals_during(user_partition(request.user), work.begin, work.end)
    require(Rule.TOTAL_WAS_SO, body["total"] in totals, (body["total"], totals))
    shown = body["sessions"]
    order = [(one["updated_at"], one["session_id"]) for one in shown]
    require(Rule.LIST_IN_ORDER, order == sorted(set(order), reverse=True), order)
    keys = [key for key in history.sessions if key.user_id == request.user]
    if work.calls["Query"] == 1 and not work.faults & {LATE_READ, "torn page"}:
        pages = [_page_at(history, keys, commit, request) for commit in range(work.begin, work.end + 1)]
        more = bool(body["next_cursor"])
        # A page ends where the Query ended: then others follow.
        cut = more and shown and any(shown == page[: len(shown)] for page, _ in pages)
        require(Rule.LIST_WAS_SO, cut or (shown, more) in pages, (body, pages[-1]))
        return
    for one in shown:
        stood = [
            _listed(s.live) for key in keys for s in history.sessions[key] if s.live and s.commit <= work.end
        ]
        require(Rule.LISTED_WAS_SO, one in stood, one)


def _listed(head: Head) -> dict[str, Any]:
    """A session as the list shows it: without the details of its usage."""
    return head._replace(details="{}").session()


def _page_at(
    history: History, keys: list[SessionKey], commit: int, request: Request
) -> tuple[list[Message], bool]:
    live = [state.live for key in keys for state in history.during(key, commit, commit) if state.live]
    ordered = sorted(live, key=lambda head: head.sort_key, reverse=True)
    cursor = request.query.get("cursor")  # of a program; other clients say below what they ask
    below = list_sessions._parse_cursor(request.user, cursor) if cursor else request.below
    ordered = [head for head in ordered if not below or head.sort_key < below]
    ordered = ordered[request.query.get("offset", 0) :]
    limit = request.query.get("limit", 50)
    return [_listed(head) for head in ordered[:limit]], len(ordered) > limit
