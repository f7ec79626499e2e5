"""What must hold of every commit to a transcript: G1, G2, G4, G5 as rules about two states of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.simulation.violations import require
from turnlog.limits import TRANSCRIPT_RING
from turnlog.records import ring
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
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
        require("ownership", change.key.session.user_id == request.user, (change.key, request))
        require("transcript meant", change.key.name == request.name, (change.key, request))
    if change.removed:
        over = after.generation + (not after.live) if after else 0
        dead = not change.session_live
        require("purged by the stream", change.work.kind == "stream", change.work)
        require("live entries kept", dead or max(change.removed) < over, change)
    require("entries move with head", change.head_changed or not change.added, change)
    if not change.head_changed:
        return
    if after is None:
        require("head goes with its session", not change.session_live and not change.added, change)
        return
    # G4: the session is there, and is told.
    require("session live", change.session_live and change.session and change.session.live, change)
    if not after.live:
        require("who deletes", change.work.kind == "delete_transcript", change.work)
        require("deletes what is there", before and before.live, change)
        require("generation kept", before and after.generation == before.generation, change)
        require("tombstone bare", not change.added and not after.ring and not after.size, change)
        return
    require("who appends", change.work.kind in {"append_entries", "import_transcript"}, change.work)
    if before is None:
        require("first generation", after.generation == 0, change)
    else:
        expected = before.generation + (not before.live)
        require("next generation", after.generation == expected, change)
        later = not before.live or after.updated_at >= before.updated_at
        require("time goes on", later, change)
    _check_log(change, after, log)
    _check_known(change, log, commits)


def _check_log(change: TranscriptChange, after: Transcript, log: list[Fields]) -> None:
    """G1, G2: gapless, counted, each uuid once, each request's entries once and all of them."""
    ((place, batch),) = change.added.items()
    require("positions gapless", place == (after.generation, len(log)), (place, len(log)))
    whole = log + batch
    require("entry_count exact", after.entry_count == len(whole), (after.entry_count, len(whole)))
    texts = [entry["text"] for entry in whole]
    size = sum(payload_size(dumps(entry)) + 2 for entry in whole)
    require("size exact", after.size == size, (after.size, size))
    _check_ring(after, whole)
    work, request = change.work, change.work.request
    assert request is not None
    made = [entry for key, _, entry in work.entries if key == change.key]
    imported = work.kind == "import_transcript"  # in steps; what was deleted meanwhile it stores anew
    require("stored once by a request", imported or not made or work.faults & RESENT, (work, made, batch))
    if imported:
        file = [json.loads(line) for line in request.body["text"].splitlines()]
        require("import in place", whole[: len(file)] == file[: len(whole)], (whole, file))
        return
    require(
        "append whole", all(entry["text"] in texts for entry in request.body["entries"]), (request, texts)
    )
    expected = request.body.get("expected_position")
    require("expected_position heeded", expected in {None, len(log)}, (request, len(log)))


def _check_known(change: TranscriptChange, log: list[Fields], commits: list[int]) -> None:
    """G2: no entry is stored again that the ring knows, nor one that was stored together with such a one."""
    ((_, batch),) = change.added.items()
    request = change.work.request
    assert request is not None
    uuids = [entry["uuid"] for entry in batch if entry.get("uuid")]
    texts = [entry["text"] for entry in batch]
    require("uuid once", len(set(uuids)) == len(uuids), uuids)
    require("entry once", len(set(texts)) == len(texts), texts)
    edge = max(0, len(log) - TRANSCRIPT_RING)
    sent = request.body.get("entries", ())
    together = {commit for commit, entry in zip(commits[edge:], log[edge:], strict=True) if entry in sent}
    for at, entry in enumerate(log):
        require("uuid once", at < edge or entry.get("uuid") not in uuids, (at, edge, change))
        require("entry once", at < edge or entry["text"] not in texts, (at, edge, change))
        again = entry["text"] in texts and commits[at] in together
        require("batch known as a whole", not again, (at, edge, change))


def _check_ring(after: Transcript, whole: list[Fields]) -> None:
    width = ring._WIDTH
    newest = whole[-TRANSCRIPT_RING:]
    require("ring as long", len(after.ring) == len(newest) * width, after)
    for at, entry in enumerate(newest):
        mark = after.ring[at * width : (at + 1) * width]
        exact = not entry.get("uuid") or mark == ring.fingerprint(entry["uuid"])
        require("ring exact", exact, (after, entry))
