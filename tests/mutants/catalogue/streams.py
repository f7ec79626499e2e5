"""Streams: what keeps their order, their one producer, and their end together with their messages."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_STREAMS = "tests/functional/test_streams.py"
_WRITER = "tests/functional/test_stream_writer.py"

STREAMS = (
    Mutant(
        "events of any epoch",
        'condition = "#state = :open AND #epoch = :epoch AND #durable_seq = :before AND #size <= :room"',
        'condition = "#state = :open AND #size <> :epoch AND #durable_seq = :before AND #size <= :room"',
        "a producer that was taken over goes on",
        case="stream: take over & append",
    ),
    Mutant(
        "events anywhere",
        '":epoch AND #durable_seq = :before AND #size <= :room"'[1:],
        '":epoch AND #epoch <> :before AND #size <= :room"'[1:],
        "events stand twice, or not at all",
        case="stream: append & append again",
    ),
    Mutant(
        "events behind the end",
        'condition = "#state = :open AND #epoch = :epoch AND',
        'condition = "#state <= :open AND #epoch = :epoch AND',
        "a stream that has ended goes on",
        case="stream: append & finish",
    ),
    Mutant(
        "an append does not tell of a cancel",
        '        condition += " AND attribute_not_exists(#cancel)"\n    change',
        "        pass\n    change",
        "a producer is not told to stop",
        case="stream: step & cancel",
    ),
    Mutant(
        "a part of a batch is appended at another place",
        "            segment = segment.behind(stream.durable_seq)\n            cancelled",
        "            segment = segment.behind(stream.durable_seq + 1)\n            cancelled",
        "an event of a batch that overlaps is missing",
        test=f"{_STREAMS}::test_a_turn_from_its_first_event_to_its_message",
    ),
    Mutant(
        "two streams at once",
        'condition, values = "attribute_not_exists(#active_stream)", dict',
        'condition, values = "attribute_exists(#message_count)", dict',
        "two producers, of which neither knows",
        case="stream: open & open",
    ),
    Mutant(
        "an interrupted stream goes on",
        "    if over is None or not over.open:\n        return []\n    whole",
        "    if over or not over:\n        return []\n    whole",
        "two streams run on one session",
        case="stream: open & interrupt",
    ),
    Mutant(
        "a deleted session's stream goes on",
        "    if running is None:\n        return []\n    from turnlog.store.streams import ended",
        "    if running or not running:\n        return []\n    from turnlog.store.streams import ended",
        "events are appended to what is deleted",
        case="stream: delete & append",
    ),
    Mutant(
        "a take-over leaves the session's epoch",
        'head.key, to={"stream_epoch": after.epoch}, condition',
        'head.key, to={"stream_epoch": stream.epoch}, condition',
        "the producer before writes messages yet",
        case="stream: step & take over",
    ),
    Mutant(
        "a take-over at any time",
        "        if now < stream.free_from:",
        "        if now > now:",
        "a producer that is at work is fenced off",
        test=f"{_STREAMS}::test_events_of_an_older_epoch_and_with_a_gap_are_refused",
    ),
    Mutant(
        "a take-over drops nothing",
        "(put for segment in segments for put in segment.puts(stream.key))",
        "(put for segment in segments[:1] for put in segment.puts(stream.key))",
        "readers wait for an event that is nowhere",
        case="stream: take over & append",
    ),
    Mutant(
        "an epoch begins at an old event",
        "        if same or after.epoch != self.epoch:  # an epoch begins behind all events",
        "        if same:",
        "events that are in the table are not found",
        case="stream: open & interrupt",
    ),
    Mutant(
        "a dead producer's heartbeat is not heeded",
        "        if same_lease or same:\n",
        "        if same:\n",
        "a producer that is alive after all is ended",
        case="stream: dead & alive",
    ),
    Mutant(
        "a heartbeat of any epoch",
        '            condition="#state = :open AND #epoch = :epoch",',
        '            condition="#state = :open AND #durable_seq <> :epoch",',
        "who lost a stream keeps others from it",
        case="stream: take over & heartbeat",
    ),
    Mutant(
        "messages of any epoch",
        "        runs, was = running(fence)\n"
        '        condition, values = f"{condition} AND {runs}", values | was\n    details',
        "        pass\n    details",
        "a producer that was taken over writes messages",
        case="stream: step & take over",
    ),
    Mutant(
        "a finish leaves its stream on the session",
        'without=("active_stream", "stream_epoch") if fence and after.active_stream is None else (),',
        "without=(),",
        "a session has a stream that has ended",
        case="stream: append & finish",
    ),
    Mutant(
        "a finish whose events have a gap",
        "    if first > tail.last + 1:\n        raise gap(tail.last + 1)\n",
        "",
        "a stream ends without events that were acknowledged",
        test=f"{_STREAMS}::test_events_of_an_older_epoch_and_with_a_gap_are_refused",
    ),
    Mutant(
        "any end is a repeat of the first",
        '    if result.pop("said", None) != said:\n        raise',
        '    if result.pop("said", None) is None:\n        raise',
        "two ends, and both are told that theirs stands",
        case="stream: finish & finish",
    ),
    Mutant(
        "the log is cut under a stream",
        (
            "        if other := await unquiet(store, head, fence):\n"
            "            head = other\n            continue\n"
        ),
        "",
        "what a stream answers to is gone",
        case="stream: rewind & finish",
    ),
    Mutant(
        "messages are edited under a stream",
        'return running(fence) if fence else ("attribute_not_exists(#active_stream)", {})',
        'return running(fence) if fence else ("attribute_exists(#message_count)", {})',
        "a deletion leaves a stream that runs",
        case="stream: delete & append",
    ),
    Mutant(
        "a lost step is not dropped",
        "    return (at, False) if at.seq < cut else (Cursor(at.epoch, cut - 1), True)",
        "    return at, False",
        "a reader waits for an event that was cut away",
        case="stream: take over & follow what was lost",
    ),
    Mutant(
        "a cursor of a former stream is taken",
        "    if at.epoch < stream.first_epoch or cut is None:",
        "    if cut is None:",
        "events of another stream follow on those that were seen",
        test=f"{_STREAMS}::test_an_ended_stream_is_forgotten_after_a_while",
    ),
    Mutant(
        "an old stream's events go with a new one's",
        "    gone = [one for one in found if not there or _epoch(one) < there.first_epoch]",
        "    gone = found",
        "the events of a stream that runs are deleted",
        test=f"{_STREAMS}::test_the_purge_of_a_forgotten_stream_spares_the_next_one",
    ),
    Mutant(
        "the cache takes events of any epoch",
        "or m[3] or epoch ~= tonumber(ARGV[1]) then",
        "or m[3] then",
        "a producer that was taken over is read",
        test="tests/conformance/test_caches.py",
    ),
    Mutant(
        "the cache's base is believed unchecked",
        'return held if total == self._sum(epoch, held.base, held.generation) else Held("LOST")',
        "return held",
        "a producer drops events that are nowhere",
        test="tests/unit/test_stream_cache.py",
    ),
    Mutant(
        "an event of the cache is believed unchecked",
        "return event if sealed[:_CRC_SIZE] == self._checksum(epoch, seq, event) else None",
        "return event",
        "a reader gets what nobody sent",
        test="tests/unit/test_stream_cache.py",
    ),
    Mutant(
        "the cache's last events end with it",
        "    segment = joined(tail, last) if first >= tail.first else last.behind(stream.durable_seq)",
        "    segment = last.behind(stream.durable_seq)",
        "a stream ends without events that were acknowledged",
        case="stream: finish what is in the cache",
    ),
    Mutant(
        "a step's end lies in the cache alone",
        "flush=body.flush or any(ends_step(event) for event in body.events),",
        "flush=body.flush,",
        "a step that was over is lost with the cache",
        test=f"{_STREAMS}::test_a_step_that_has_ended_is_in_the_table",
    ),
    Mutant(
        "the cache is never written through",
        "(held.bytes >= SEGMENT_BYTES or now - held.at >= SEGMENT_SECONDS)",
        "(held.bytes >= 99 * SEGMENT_BYTES)",
        "a long step is lost with the cache",
        test=f"{_STREAMS}::test_what_is_in_the_cache_alone_is_little_and_new",
    ),
    Mutant(
        "a writer forgets what was sent",
        "        while self._kept and self.durable < min(durable, self.seq):",
        "        while self._kept and self.durable < min(seq, self.seq):",
        "what a cache loses cannot be sent again",
        test=f"{_WRITER}::test_what_the_cache_loses_is_sent_again",
    ),
    Mutant(
        "a snapshot has steps that were dropped",
        "            self._drop()\n            return\n",
        "            return\n",
        "a text begins twice",
        test=f"{_STREAMS}::test_a_snapshot_says_what_was_said_in_few_events",
    ),
)
