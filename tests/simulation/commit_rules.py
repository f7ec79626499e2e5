"""What must hold of every commit, whoever made it: G1 to G5 as rules about two states of a session."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from tests.simulation import edit_rules, job_rules, rewind_rules, stream_rules
from tests.simulation.job_history import ENDERS
from tests.simulation.rewind_rules import shown, summed, tokens
from tests.simulation.violations import Rule, require
from turnlog.http.etag import parse as parse_tags
from turnlog.records import ring
from turnlog.records.head import JSON_FIELDS
from turnlog.records.keys import user_partition
from turnlog.wire import dumps, merged, parse_timestamp, payload_size

if TYPE_CHECKING:
    from tests.simulation.history import History
    from tests.simulation.states import Change, Fields
    from turnlog.records.head import Head

# Which of the head's fields a kind of work may change, beside the version, the time and the token.
_LOG = {"message_count", "log_size", "ring"}
_MAY_CHANGE = {
    "append": {*_LOG, *rewind_rules.USAGE, "title", *JSON_FIELDS},
    "put": {*_LOG, *rewind_rules.USAGE, "title", *JSON_FIELDS},
    "rewind": rewind_rules.CHANGES,
    "tool_call": {*_LOG, "edits"},
    "edit": {"log_size", "edits"},
    "append_entries": set(),
    "import_transcript": set(),
    "delete_transcript": set(),
    "finish_stream": {*_LOG, *rewind_rules.USAGE, "title", *JSON_FIELDS, *stream_rules.RUNS},
    "title": {"title"},
    "patch": set(JSON_FIELDS),
    **dict.fromkeys(ENDERS, job_rules.CHANGES),
}
_OF_A_TOMBSTONE = {
    "PK",
    "SK",
    "version",
    "edits",
    "started_at",
    "updated_at",
    "deleted_at",
    "token",
    "expires_at",
    "generation",
}


def check_totals(history: History, users: set[str]) -> None:
    """G3: the counter is how many live sessions the user has."""
    for user in users:
        live = sum(bool(states[-1].live) for key, states in history.sessions.items() if key.user_id == user)
        count = history.totals[user_partition(user)][-1][1]
        require(Rule.TOTAL_EXACT, count == live, f"{user} has {live} sessions, counted are {count}")


def check_change(change: Change, now: float, retention_days: int | None) -> None:
    """Check one commit's change of one session."""
    before, after = change.before.head, change.head
    if (request := change.work.request) is not None:
        require(Rule.OWNERSHIP, change.key.user_id == request.user, (change.key, request))
    check_generation(change)
    if change.forks or change.unfinished:
        _check_fork(change)
    elif not change.head_changed:
        _check_beside(change)
    elif before is None:
        _check_beginning(change)
    elif not before.live and after and after.live:
        _check_begun_anew(change, before, after)
    elif before.live:
        require(Rule.LIVE_HEAD_STAYS, after is not None, change.key)
        assert after is not None
        if after.live:
            rewind_rules.check_items(change, after)
        if change.runs or change.same_version:
            of_edits = edit_rules.check_mark if change.marks else rewind_rules.check_clearing
            check = stream_rules.check_runs if change.runs else of_edits
            check(change, before, after)
            return
        require(Rule.VERSION_PLUS_1, after.version == before.version + 1, (before.version, after.version))
        require(
            Rule.TIME_GOES_ON, after.updated_at >= before.updated_at, (before.updated_at, after.updated_at)
        )
        if after.live:
            _check_live(change, before, after)
        else:
            _check_burial(change, now, retention_days)
    else:
        _check_tombstone(change, now)


def check_generation(change: Change) -> None:
    """G4: what is meant for one session reaches no other that has its id."""
    work, current = change.work, change.generation
    # A lease that is kept reaches no session, whichever is there.
    kept = work.kind == "heartbeat_job"
    require(Rule.WRITTEN_TO_WHAT_IS_THERE, change.put <= {current} or kept, (work, change.put, current))
    if change.purged - {current}:
        # A file's marker ends by itself, as a stream or a job does that is forgotten.
        ended = work.kind == "ttl" and change.apart
        require(Rule.PURGED_BY_THE_STREAM, work.kind == "stream" or ended, work)
    if change.unmarked:
        require(Rule.MARKER_STAYS, work.kind == "ttl" or not (change.head and change.head.live), work)
    if not (change.head_changed and change.before.live and change.head):
        return
    require(Rule.GENERATION_STAYS, change.head.key == change.before.live.key, change)
    # The sweep comes by several sessions.
    seen = next((one.generation for one in work.seen if one.session == change.key), current)
    require(Rule.WRITTEN_TO_WHAT_WAS_SEEN, seen == current, (work, work.seen, change))
    # Where the client library repeats a request unseen, and nobody heeds its token, there are two requests.
    others = {one.generation for one in work.changes if one.key == change.key} - {current}
    require(Rule.WRITTEN_TO_ONE_SESSION, not others or "re-sent bare" in work.faults, (work, change))


def _check_begun_anew(change: Change, before: Head, after: Head) -> None:
    """G4: who asks for it begins another session where one was deleted; nothing of that one is in it."""
    work, request = change.work, change.work.request
    asked = request.body if request else {}
    require(Rule.RECREATED_WHERE_ASKED, work.kind == "create" and asked.get("recreate"), work)
    require(Rule.GENERATION_GOES_ON, after.key == before.key.next, (before, after))
    require(Rule.VERSION_PLUS_1, after.version == before.version + 1, (before, after))
    require(Rule.BEGINS_LIVE, not after.edits and not after.rewinds and after.leftover is None, after)
    require(Rule.TIME_GOES_ON, after.started_at >= (before.deleted_at or ""), (before, after))
    again = [one for one in work.changes if one.head and one.head.live]
    require(Rule.RECREATED_ONCE, not again or "re-sent bare" in work.faults, (work, change))
    rewind_rules.check_items(change, after)
    _check_log(change, after)
    usage = summed(asked.get("usage"))
    require(Rule.USAGE_EXACT, tokens(after) == usage, after)
    given = {"title": asked.get("title"), **{name: asked.get(name, {}) for name in JSON_FIELDS}}
    shown = after.session()
    require(Rule.BEGINS_LIVE, all(shown[name] == value for name, value in given.items()), (given, shown))


def _check_fork(change: Change) -> None:
    """What holds of every log holds of a fork from the moment at which it is one; see `fork_rules`."""
    if (head := change.head) and head.live:
        rewind_rules.check_items(change, head)
        _check_log(change, head)
    if head and head.deleted_at:
        assert change.head_item is not None
        require(Rule.TOMBSTONE_BARE, change.head_item.keys() <= _OF_A_TOMBSTONE, change.head_item.keys())


def _check_beside(change: Change) -> None:
    """Nothing but the purge and the retention write without the head."""
    require(Rule.LOG_MOVES_WITH_HEAD, not change.added and not change.edited, change)
    if change.removed:
        require(Rule.LIVE_LOG_KEPT, change.before.head and not change.before.head.live, change.key)
    if change.marked:
        # That of a create with objects comes before the session; that of the purge is for objects alone.
        coming = change.announces and change.work.kind in {"create", "put", "stream"}
        require(Rule.MARKER_ON_A_LIVE_SESSION, change.before.live or coming, change.key)


def _check_beginning(change: Change) -> None:
    head = change.head
    assert head is not None
    require(Rule.CREATED_BY_CREATE, change.work.kind in {"create", "put"}, change.work)
    require(Rule.BEGINS_LIVE, head.live and head.version == 1 and head.edits == 0, head)
    _check_log(change, head)
    asked = change.work.request.body if change.work.request else {}
    usage = summed(asked.get("usage"))
    require(Rule.USAGE_EXACT, tokens(head) == usage, (head, usage))


def _check_live(change: Change, before: Head, after: Head) -> None:
    allowed = _MAY_CHANGE.get(change.work.kind)
    require(Rule.WHO_CHANGES_A_HEAD, allowed is not None, change.work)
    assert allowed is not None
    changed = {name for name in after._fields if getattr(before, name) != getattr(after, name)}
    other = changed - allowed - {"version", "updated_at", "token"}
    require(Rule.OTHER_FIELDS_STAY, not other, (change.work, other))
    if change.work.kind in ENDERS:
        job_rules.check_ending(change, before, after)
    else:
        _check_asked(change, before)
        stream_rules.check_quiet(change, before)
    _check_log(change, after)
    if change.rewinds:
        rewind_rules.check_rewind(change, before, after)
    else:
        require(Rule.REMOVED_BY_PURGE, not change.removed, change.key)
    edits = len(change.edited) + change.rewinds
    require(Rule.EDITS_COUNTED, after.edits - before.edits == edits, (before.edits, after.edits))
    if change.work.kind == "edit":
        edit_rules.check_edit(change, after)
    else:
        for sequence, fields in change.edited.items():
            _check_call_added(change.before.log[sequence].newest, fields)
    if change.work.kind == "finish_stream":
        stream_rules.check_finish(change, before, after)
        _check_set(change, before, after)
    if change.work.kind == "append":
        request = change.work.request
        assert request is not None
        usage, were = summed(request.body.get("usage")), tokens(before)
        usage |= {name: 0 for name in were if name not in usage}
        added = {name: count - were.get(name, 0) for name, count in tokens(after).items()}
        require(Rule.APPEND_APPENDS, change.added, change.work)
        texts = {_said(entry.newest) for entry in change.before.log}
        texts |= {_said(fields) for fields in change.added.values()}
        gone = {entry.newest["message_id"] for entry in change.before.log if edit_rules.erased(entry.newest)}
        whole = all(_said(one) in texts or one.get("message_id") in gone for one in request.body["messages"])
        require(Rule.APPEND_WHOLE, whole, change)
        _check_once(change)
        require(Rule.USAGE_EXACT, added == usage, (added, usage))
        _check_set(change, before, after)
    if change.work.kind == "tool_call":
        _check_tool_call(change)
        _check_once(change)


def _check_once(change: Change) -> None:
    """G7: one try of a request is made once, also where a rewind took away what it had made."""
    require(Rule.MADE_ONCE, rewind_rules.made_once(change.work), (change.work, change))


def _check_asked(change: Change, before: Head) -> None:
    """G7: a change is made once, and only to what the request meant."""
    work, request = change.work, change.work.request
    assert request is not None
    if work.kind in {"title", "patch"} and work.changes:
        made = work.changes[-1].head
        require(Rule.CHANGE_MADE_ONCE, made is None or made.token != before.token, work)
    if work.kind == "patch":
        assert change.head is not None
        touched = change.head.updated_at != before.updated_at
        require(Rule.UNTOUCHED_STAYS, not touched or request.body.get("touch", True), work)
        for name in request.body.keys() - {"touch"}:
            expected = merged(json.loads(getattr(before, name)), request.body[name]) or {}
            require(Rule.PATCH_ON_WHAT_WAS_THERE, json.loads(getattr(change.head, name)) == expected, work)
    if request.body.get("only_if_unset"):
        require(Rule.ONLY_IF_UNSET, before.title is None, (request, before))
    tags = None if work.changes else parse_tags(request.headers.get("if-match"))
    require(Rule.IF_MATCH_HEEDED, tags is None or tags.admits(before.version), (request, before))
    if work.kind == "put" and "re-sent bare" not in work.faults:
        _check_put_fields(change, before)


def _check_set(change: Change, before: Head, after: Head) -> None:
    """An append gives the session the fields that it sets, and leaves the others alone."""
    request = change.work.request
    assert request is not None
    there, now = before.session(), after.session()
    wanted = {name: there[name] for name in ("title", *JSON_FIELDS)} | request.body.get("set", {})
    require(Rule.FIELDS_SET_WITH_APPEND, all(now[name] == value for name, value in wanted.items()), change)
    if "set" in request.body:
        require(Rule.FIELDS_SET_WITH_APPEND, before.token != after.token, change)


def _check_put_fields(change: Change, before: Head) -> None:
    """The first step of a PUT gives the session the fields that the request has; the others give it none."""
    request = change.work.request
    assert request is not None
    assert change.head is not None
    there = before.session()
    asked = {name: request.body[name] for name in ("title", *JSON_FIELDS) if name in request.body}
    asked |= {"usage": shown(summed(request.body["usage"]))} if "usage" in request.body else {}
    wanted = {name: there[name] for name in ("title", "usage", *JSON_FIELDS)}
    if not change.work.changes:
        wanted |= asked
    now = change.head.session()
    require(Rule.FIELDS_PUT_ONCE, all(now[name] == value for name, value in wanted.items()), (wanted, now))


def _said(fields: Fields) -> str:
    """A message's content as a text; an agent's item has parts."""
    content = fields["content"]
    return content if isinstance(content, str) else json.dumps(content)


def _check_log(change: Change, head: Head) -> None:
    """G1, G2, G3: gapless, counted, each id and each text once."""
    log = [entry.newest for entry in change.before.log]
    log = log[: head.message_count] if change.rewinds else log
    length = len(log)
    require(
        Rule.SEQUENCES_GAPLESS, list(change.added) == list(range(length, length + len(change.added))), change
    )
    require(Rule.MESSAGE_COUNT_EXACT, head.message_count == length + len(change.added), (head, length))
    for sequence, fields in change.edited.items():
        log[sequence] = fields
    log += change.added.values()
    for sequence, fields in change.added.items():
        require(Rule.SEQUENCE_IN_MESSAGE, fields["sequence"] == sequence, fields)
        later = change.before.live is None or fields["created_at"] >= change.before.live.updated_at
        require(Rule.TIME_GOES_ON, later, (change.before.live, fields))
    if change.work.kind != "fork":  # it has what its source has, also what that took twice
        _check_known(change)
    ids = [fields["message_id"] for fields in log]
    size = sum(payload_size(dumps(fields)) for fields in log)
    # What the ring has forgotten may be there twice, under its id.
    log = list({fields["message_id"]: fields for fields in log}.values())
    # What was rewound may be put again by a client that kept no ids, and appended again by one that did.
    texts = [_said(fields) for fields in log if fields["content"]]
    said = [
        (_said(fields), fields["message_id"].startswith("id-"))
        for fields in log
        if fields["content"] and "job_id" not in (fields.get("metadata") or {})  # two may be cancelled alike
    ]
    require(Rule.MESSAGE_ONCE, len(set(said)) == len(said), said)
    calls = [call["function"]["arguments"] for fields in log for call in fields.get("tool_calls", ())]
    require(Rule.TOOL_CALL_ONCE, len(set(calls)) == len(calls), calls)
    require(Rule.DRAFT_NEVER_STORED, not any("draft" in text for text in texts), texts)
    require(Rule.LOG_SIZE_EXACT, head.log_size == size, head)
    marks = b"".join(blake2b(id_.encode(), digest_size=ring._WIDTH).digest() for id_ in ids[-ring.CAPACITY :])
    require(Rule.RING_EXACT, head.ring == marks, head)
    require(Rule.INDEX_PLACE, change.head_item and _in_index(change.head_item, head), change.head_item)


def _check_known(change: Change) -> None:
    """G2: no message is stored again that the ring knows, nor one that was stored together with such a one.

    So of a batch that a client sends again, all is known or nothing is.
    """
    added = [fields["message_id"] for fields in change.added.values()]
    require(Rule.MESSAGE_ID_ONCE, len(set(added)) == len(added), added)
    log, request = change.before.log, change.work.request
    edge = max(0, len(log) - ring.CAPACITY)
    whole = change.work.kind in {"append", "finish_stream"}
    sent = request.body.get("messages", ()) if request and whole else ()
    ids = {message.get("message_id") for message in sent}
    together = {entry.versions[0].commit for entry in log[edge:] if entry.newest["message_id"] in ids}
    for at, entry in enumerate(log):
        if entry.newest["message_id"] in added:
            require(Rule.MESSAGE_ID_ONCE, at < edge, (at, edge, change))
            require(Rule.BATCH_KNOWN_AS_A_WHOLE, entry.versions[0].commit not in together, (at, edge, change))


def _in_index(item: dict[str, Any], head: Head) -> bool:
    place = {"S": f"{head.updated_at}#{head.key.session_id}"}
    return bool(item["GSI1PK"] == {"S": user_partition(head.key.user_id)} and item["GSI1SK"] == place)


def _check_call_added(before: Fields, after: Fields) -> None:
    calls = before.get("tool_calls") or []
    grown = {**before, "tool_calls": after.get("tool_calls")}
    require(Rule.STORED_MESSAGE_KEPT, after == grown and after["tool_calls"][:-1] == calls, (before, after))


def _check_tool_call(change: Change) -> None:
    """A call joins the last assistant message of the turn, or a new one where the turn has none."""
    require(Rule.ONE_TOOL_CALL, len(change.added) + len(change.edited) == 1, change)
    expected: int | None = None
    for sequence, entry in enumerate(change.before.log):
        match entry.newest["role"]:
            case "user":
                expected = None
            case "assistant" if "removed" not in entry.newest:
                expected = sequence
    require(
        Rule.TOOL_CALL_IN_ITS_TURN, list(change.edited) == ([] if expected is None else [expected]), change
    )
    added = [fields for fields in change.added.values() if fields["role"] != "assistant"]
    require(Rule.TOOL_CALL_IN_ITS_TURN, not added, change)


def _check_burial(change: Change, now: float, retention_days: int | None) -> None:
    """G4: a deleted session's head becomes a tombstone, which says nothing of what it was."""
    assert change.head_item is not None
    require(Rule.WHO_DELETES, change.work.kind in {"delete", "stream"}, change.work)
    require(Rule.TOMBSTONE_BARE, change.head_item.keys() <= _OF_A_TOMBSTONE, change.head_item.keys())
    require(Rule.TOMBSTONE_WITHOUT_END, "expires_at" not in change.head_item, change.head_item)
    require(Rule.LOG_MOVES_WITH_HEAD, not change.added and not change.edited, change)
    if change.work.kind == "stream":
        assert change.before.head is not None
        assert retention_days is not None
        age = now - parse_timestamp(change.before.head.updated_at).timestamp()
        # No clock of this world is wrong by an hour.
        require(Rule.EXPIRED_BY_AGE, age > retention_days * 86_400 - 3_600, f"deleted {age} s after a change")


def _check_tombstone(change: Change, now: float) -> None:
    require(
        Rule.NOTHING_UNDER_A_TOMBSTONE, not change.added and not change.edited and not change.marked, change
    )
    if change.head is None:
        require(Rule.TOMBSTONE_ENDS_BY_TTL, change.work.kind == "ttl", change.work)
        require(Rule.PURGED_BEFORE_ITS_END, not change.beside, change)
        return
    require(Rule.TOMBSTONE_STAYS, not change.head.live, change)
    assert change.head_item is not None
    require(Rule.PURGED_BEFORE_ITS_END, not change.beside, change)
    require(Rule.TOMBSTONE_LASTS, int(change.head_item["expires_at"]["N"]) > now + 29 * 86_400, change)
