"""What must hold of every commit to a transcript: G1, G2, G4, G5 as rules about two states of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.simulation.violations import Rule, require
from turnlog.limits import TRANSCRIPT_RING
from turnlog.records import ring
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from tests.simulation.requests import Request
    from tests.simulation.transcript_history import TranscriptChange
    from turnlog.records.transcripts import Transcript

Fields = dict[str, Any]

# The client library repeats a request unseen: what comes in between is not told from what came before.
RESENT = {"re-sent", "re-sent bare"}


def check_change(change: TranscriptChange, log: list[Fields], commits: list[int]) -> None:
    """Check one commit's change of one transcript.

    Args:
        change: what it did.
        log: the entries that the generation held before it.
        commits: that put each of these.
    """
    before, after = change.before.head, change.head
    if (request := change.work.request) is not None:
        require(Rule.OWNERSHIP, change.key.session.user_id == request.user, (change.key, request))
        require(Rule.TRANSCRIPT_MEANT, change.key.name == request.name, (change.key, request))
    if change.removed:
        over = after.generation + (not after.live) if after else 0
        dead = not change.session_live
        require(Rule.PURGED_BY_THE_STREAM, change.work.kind == "stream", change.work)
        require(Rule.LIVE_ENTRIES_KEPT, dead or max(change.removed) < over, change)
    require(Rule.ENTRIES_MOVE_WITH_HEAD, change.head_changed or not change.added, change)
    if not change.head_changed:
        return
    if after is None:
        require(Rule.HEAD_GOES_WITH_ITS_SESSION, not change.session_live and not change.added, change)
        return
    # G4: the session is there, and is told.
    session = change.session
    require(Rule.SESSION_LIVE, change.session_live and session and session.live, change)
    require(Rule.WRITTEN_TO_WHAT_IS_THERE, session and session.key == change.key.session, change)
    if not after.live:
        require(Rule.WHO_DELETES, change.work.kind == "delete_transcript", change.work)
        require(Rule.DELETES_WHAT_IS_THERE, before and before.live, change)
        require(Rule.GENERATION_KEPT, before and after.generation == before.generation, change)
        require(Rule.TOMBSTONE_BARE, not change.added and not after.ring and not after.size, change)
        return
    require(Rule.WHO_APPENDS, change.work.kind in {"append_entries", "import_transcript"}, change.work)
    if before is None:
        require(Rule.FIRST_GENERATION, after.generation == 0, change)
    else:
        expected = before.generation + (not before.live)
        require(Rule.NEXT_GENERATION, after.generation == expected, change)
        later = not before.live or after.updated_at >= before.updated_at
        require(Rule.TIME_GOES_ON, later, change)
    _check_log(change, after, log)
    _check_known(change, log, commits)


def _check_log(change: TranscriptChange, after: Transcript, log: list[Fields]) -> None:
    """G1, G2: gapless, counted, each uuid once, each request's entries once and all of them."""
    ((place, batch),) = change.added.items()
    require(Rule.POSITIONS_GAPLESS, place == (after.generation, len(log)), (place, len(log)))
    whole = log + batch
    require(Rule.ENTRY_COUNT_EXACT, after.entry_count == len(whole), (after.entry_count, len(whole)))
    texts = [entry["text"] for entry in whole]
    size = sum(payload_size(dumps(entry)) + 2 for entry in whole)
    require(Rule.SIZE_EXACT, after.size == size, (after.size, size))
    _check_ring(after, whole)
    work, request = change.work, change.work.request
    assert request is not None
    made = [entry for key, _, entry in work.entries if key == change.key]
    imported = work.kind == "import_transcript"  # in steps; what was deleted meanwhile it stores anew
    require(Rule.STORED_ONCE_BY_A_REQUEST, imported or not made or work.faults & RESENT, (work, made, batch))
    if imported:
        _check_import(request, after, log, batch)
        return
    require(
        Rule.APPEND_WHOLE, all(entry["text"] in texts for entry in request.body["entries"]), (request, texts)
    )
    expected = request.body.get("expected_position")
    require(Rule.EXPECTED_POSITION_HEEDED, expected in {None, len(log)}, (request, len(log)))


def lines_of(request: Request) -> list[Fields]:
    """The lines of an import, those of one uuid once."""
    found: dict[str, Fields] = {}
    for line in request.body["text"].splitlines():
        entry = json.loads(line)
        found.setdefault(entry.get("uuid", entry["text"]), entry)
    return list(found.values())


def _check_import(request: Request, after: Transcript, log: list[Fields], batch: list[Fields]) -> None:
    """G1, G2: lines are added in their order, and none that the transcript holds where the import looks.

    One without a uuid is looked for behind those that come before it in the text.
    """
    file, start = lines_of(request), request.query.get("start_position", 0)
    meant = request.query.get("generation", after.shown_generation) == after.shown_generation
    require(Rule.IMPORT_GOES_ON_IN_ITS_GENERATION, meant and start <= len(log), (request, after))
    places = [file.index(entry) if entry in file else -1 for entry in batch]
    require(Rule.IMPORT_ADDS_ITS_LINES, places == sorted(set(places)) and -1 not in places, (file, batch))
    for place in places:
        at = [position for position, entry in enumerate(log) if entry == file[place] and position >= start]
        if "uuid" in file[place]:
            require(Rule.IMPORT_FINDS_ITS_LINES, not at, (file[place], log))
        for position in at:
            before = all(entry in log[:position] for entry in file[:place])
            require(Rule.IMPORT_FINDS_ITS_LINES, not before, (file[place], log))


def _check_known(change: TranscriptChange, log: list[Fields], commits: list[int]) -> None:
    """G2: no entry is stored again that the ring knows, nor one that was stored together with such a one."""
    ((_, batch),) = change.added.items()
    request = change.work.request
    assert request is not None
    uuids = [entry["uuid"] for entry in batch if entry.get("uuid")]
    texts = [entry["text"] for entry in batch]
    require(Rule.UUID_ONCE, len(set(uuids)) == len(uuids), uuids)
    require(Rule.ENTRY_ONCE, len(set(texts)) == len(texts), texts)
    imported = change.work.kind == "import_transcript"  # see `_check_import`
    edge = max(0, len(log) - TRANSCRIPT_RING)
    sent = request.body.get("entries", ())
    together = {commit for commit, entry in zip(commits[edge:], log[edge:], strict=True) if entry in sent}
    for at, entry in enumerate(log):
        require(Rule.UUID_ONCE, at < edge or entry.get("uuid") not in uuids, (at, edge, change))
        once = at < edge or entry["text"] not in texts
        require(Rule.ENTRY_ONCE, once or (imported and "uuid" not in entry), (at, edge, change))
        again = entry["text"] in texts and commits[at] in together
        require(Rule.BATCH_KNOWN_AS_A_WHOLE, not again, (at, edge, change))


def _check_ring(after: Transcript, whole: list[Fields]) -> None:
    width = ring._WIDTH
    newest = whole[-TRANSCRIPT_RING:]
    require(Rule.RING_AS_LONG, len(after.ring) == len(newest) * width, after)
    for at, entry in enumerate(newest):
        mark = after.ring[at * width : (at + 1) * width]
        exact = not entry.get("uuid") or mark == ring.fingerprint(entry["uuid"])
        require(Rule.RING_EXACT, exact, (after, entry))
