"""Sabotage of transcripts: appends, imports, deletions, and what is put into the bucket."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

TRANSCRIPTS = (
    Mutant(
        "ring without the new entries",
        "ring=ring.extended(self.ring, ids, TRANSCRIPT_RING),",
        "ring=self.ring,",
        "a repeat is not seen",
    ),
    Mutant(
        "entries without the generation's condition",
        'condition = "#generation = :generation AND "',
        'condition = ":generation = :generation AND "',
        "a deletion takes what began anew",
        case="delete & delete the transcript",
    ),
    Mutant(
        "a new life goes on with the generation",
        "return there if there.live else Transcript(key, there.generation + 1)",
        "return there if there.live else Transcript(key, there.generation)",
        "the entries of two lives are taken for each other's",
    ),
    Mutant(
        "entries do not ask for the session",
        'plus={"version": 1}, condition=LIVE)}',
        'plus={"version": 1})}',
        "something is appended to a deleted session",
    ),
    Mutant(
        "a uuid believed unverified",
        "            at = at_uuid.get(entry.identity)",
        "            at = min(entries.index(entry), len(lines) - 1)",
        "another entry is taken for the repeat",
        case="first entries & first entries",
    ),
    Mutant(
        "no look at the transcript's ring",
        "hits = ring.candidates(head.ring, head.length, ids, seen, tried if writer.tries.unanswered else {})",
        'hits = ring.candidates(b"", 0, ids, seen, tried if writer.tries.unanswered else {})',
        "a repeat is stored twice",
    ),
    Mutant(
        "own entries not known after a lost reply",
        "(bool(here) and batch.writer == writer.own)",
        "False",
        "the first answer says that it was a replay",
        case="first entries & first entries",
    ),
    Mutant(
        "a repeat of a batch taken for the first",
        "(bool(here) and batch.writer == writer.own)",
        "(bool(here) and batch.token == writer.token)",
        "a repeat says that it stored the batch (found by the simulation)",
        case="a batch & the same batch",
    ),
    Mutant(
        "another's batch of one's own batch_id believed",
        "if not same(lines[at], entry.fields):",
        "if entry.named and not same(lines[at], entry.fields):",
        "an entry without a uuid is acknowledged and not stored (found by the simulation)",
        case="a batch & another of its batch_id",
    ),
    Mutant(
        "another's entry without a uuid taken for one's own",
        "at = next(unnamed, None) if batch.token == token else None",
        "at = next(unnamed, None)",
        "an entry without a uuid is acknowledged and not stored",
        test="tests/functional/test_transcripts_exactly_once.py"
        "::test_another_says_the_same_where_a_try_was_lost",
    ),
    Mutant(
        "an append goes on where it may have been deleted",
        "        if writer.begun_anew() and writer.tries.unanswered:\n",
        "        if writer.begun_anew() and False:\n",
        "what was appended, and deleted, is appended again",
        case="entries & delete the transcript",
    ),
    Mutant(
        "what is stored told of a session that is gone",
        "        if (hits or unexpected) and not await writer.known():\n",
        "        if False:\n",
        "a replay is answered of a deleted session",
        case="entries & delete the session & the entries again",
    ),
    Mutant(
        "expected_position not heeded",
        "        if unexpected:\n            raise",
        "        if unexpected and False:\n            raise",
        "an entry goes where it was not to go",
        case="expected position",
    ),
    Mutant(
        "an object after its item",
        "        await self._store.repeated(lambda: bucket.put(name, data, gzip=gzip))\n",
        "",
        "an item names what is not there",
    ),
    Mutant(
        "an object taken back that may be named",
        "        self._deposits.send(named)\n        try:",
        "        try:",
        "an acknowledged batch is gone",
    ),
    Mutant(
        "an object of a session that went not taken back",
        "                self._deposits.judge(named=False)  # an item that names one is purged too\n",
        "",
        "it stays until the tombstone ends",
    ),
    Mutant(
        "objects not purged with their session",
        "    await _remove_objects(store, end.session.objects, before=end.objects)\n",
        "",
        "a deleted session's entries stay in the bucket",
    ),
    Mutant(
        "no second look for objects when the tombstone ends",
        "        await _remove_settled(store, key)\n        return\n    if head.forking:\n        return\n",
        "        return\n    if head.forking:\n        return\n",
        "what a slow writer put stays for ever",
        test="tests/simulation/test_objects.py",
    ),
    Mutant(
        "a second look that takes what is new",
        "lambda _, since: since < settled",
        "lambda _, since: bool(since)",
        "of a session that was made again an object is gone",
        test="tests/simulation/test_objects.py",
    ),
    Mutant(
        "purge of a transcript takes its present life",
        "    current = transcripts.begun(key, head).generation\n",
        "    current = transcripts.begun(key, head).generation + 1\n",
        "a late record empties a transcript that began anew",
    ),
    Mutant(
        "transcripts not purged with their session",
        '                ":end": attribute(end.first),\n',
        '                ":end": attribute(f"{end.first.rpartition(chr(126))[0]}TRANSCRIPT#"),\n',
        "entries lie under a tombstone that ends",
    ),
    Mutant(
        "a page skips what is gone",
        "        if batch.first != at:\n            break\n",
        "",
        "a reader mixes what was purged with what was not",
        case="read & delete the transcript & the purge",
    ),
    Mutant(
        "a page in the middle of a batch begins with the next one",
        "        yield (batch := await containing(store, head, first, oversized=oversized))\n"
        "        at = batch.end\n",
        "        at = (await containing(store, head, first)).end\n",
        "entries are skipped",
    ),
    Mutant(
        "what cannot be taken back is the request's",
        "            with suppress(Unavailable):\n",
        "            if True:\n",
        "503, also where all was stored",
        test="tests/functional/test_transcripts_large.py::test_what_cannot_be_taken_back_changes_no_answer",
    ),
    Mutant(
        "a page by reference names another place",
        "return EntryPage([], first, head, await reference",
        "return EntryPage([], first + 1, head, await reference",
        "a reader passes over an entry",
        case="read & entries, by reference",
    ),
)
