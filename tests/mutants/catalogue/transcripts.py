"""Sabotage of transcripts: appends, imports, deletions, and what is put into the bucket."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

TRANSCRIPTS = (
    Mutant(
        "ring without the new entries",
        "transcripts.py",
        "ring=ring.extended(self.ring, ids, TRANSCRIPT_RING),",
        "ring=self.ring,",
        "a repeat is not seen",
    ),
    Mutant(
        "entries without the generation's condition",
        "transcripts.py",
        'condition = "#generation = :generation AND "',
        'condition = ":generation = :generation AND "',
        "a deletion takes what began anew",
    ),
    Mutant(
        "a new life goes on with the generation",
        "transcripts.py",
        "return there if there.live else Transcript(key, there.generation + 1)",
        "return there if there.live else Transcript(key, there.generation)",
        "the entries of two lives are taken for each other's",
    ),
    Mutant(
        "entries do not ask for the session",
        "transcripts.py",
        'plus={"version": 1}, condition=LIVE)}',
        'plus={"version": 1})}',
        "something is appended to a deleted session",
    ),
    Mutant(
        "a uuid believed unverified",
        "operations/append_entries.py",
        'return json.loads(line).get("uuid") == entry.identity and _repeats(line, entry, position)',
        "return _repeats(line, entry, position)",
        "another entry is taken for the repeat",
    ),
    Mutant(
        "no look at the transcript's ring",
        "operations/append_entries.py",
        "hits = ring.places(head.ring, head.length, ids, tried if writer.unsure else {})",
        'hits = ring.places(b"", 0, ids, tried if writer.unsure else {})',
        "a repeat is stored twice",
    ),
    Mutant(
        "own entries not known after a lost reply",
        "operations/append_entries.py",
        "        batch.token == writer.token and position in tried.get(identity, ())\n",
        "        False\n",
        "the first answer says that it was a replay",
    ),
    Mutant(
        "another's entry without a uuid taken for one's own",
        "operations/append_entries.py",
        "known = batch.token == writer.token and (",
        "known = bool(batch.token) and (",
        "an entry without a uuid is acknowledged and not stored",
    ),
    Mutant(
        "an append goes on where it may have been deleted",
        "operations/append_entries.py",
        "        if writer.begun_anew() and writer.unsure:\n            raise writer.unsure",
        "        if writer.begun_anew() and False:\n            raise writer.unsure",
        "what was appended, and deleted, is appended again",
    ),
    Mutant(
        "what is stored told of a session that is gone",
        "operations/append_entries.py",
        "            await store.head(writer.key.session)",
        "            pass",
        "a replay is answered of a deleted session",
    ),
    Mutant(
        "expected_position not heeded",
        "operations/append_entries.py",
        "        if unexpected:\n            raise",
        "        if unexpected and False:\n            raise",
        "an entry goes where it was not to go",
    ),
    Mutant(
        "import does not compare",
        "operations/import_transcript.py",
        "if line != entry.line and not same(json.loads(line), entry.fields):",
        "if not line:",
        "success is answered, and another's entries are there",
    ),
    Mutant(
        "an object after its item",
        "deposits.py",
        "            await self._store.repeated(lambda: objects.put(name, data))\n",
        "",
        "an item names what is not there",
    ),
    Mutant(
        "an object taken back that may be named",
        "entry_writer.py",
        "        self._deposits.keep(named)\n        try:",
        "        try:",
        "an acknowledged batch is gone",
    ),
    Mutant(
        "an object of a session that went not taken back",
        "entry_writer.py",
        "            if 0 in refused.failed:\n"
        "                self._deposits.judge(named=False)  # or by an item under a tombstone\n",
        "",
        "it stays until the tombstone ends",
    ),
    Mutant(
        "objects not purged with their session",
        "operations/purge.py",
        "    await _remove_objects(store, key.objects)\n",
        "",
        "a deleted session's entries stay in the bucket",
    ),
    Mutant(
        "no second look for objects when the tombstone ends",
        "operations/purge.py",
        "        await _remove_objects(store, key.objects, lambda _, since: since < settled)\n",
        "",
        "what a slow writer put stays for ever",
        test="tests/simulation/test_objects.py",
    ),
    Mutant(
        "a second look that takes what is new",
        "operations/purge.py",
        "lambda _, since: since < settled",
        "lambda _, since: bool(since)",
        "of a session that was made again an object is gone",
        test="tests/simulation/test_objects.py",
    ),
    Mutant(
        "purge of a transcript takes its present life",
        "operations/purge.py",
        "    current = transcripts.begun(key, head).generation\n",
        "    current = transcripts.begun(key, head).generation + 1\n",
        "a late record empties a transcript that began anew",
    ),
    Mutant(
        "transcripts not purged with their session",
        "operations/purge.py",
        '"KeyConditionExpression": "PK = :session",\n            "ExpressionAttributeValues": '
        '{":session": attribute(key.partition)},',
        '"KeyConditionExpression": "PK = :session AND begins_with(SK, :m)",\n            '
        '"ExpressionAttributeValues": {":session": attribute(key.partition), ":m": attribute("MSG#")},',
        "entries lie under a tombstone that ends",
    ),
    Mutant(
        "a page skips what is gone",
        "batches.py",
        "        if batch.first != at:\n            break\n",
        "",
        "a reader mixes what was purged with what was not",
    ),
    Mutant(
        "a page in the middle of a batch begins with the next one",
        "batches.py",
        "        yield (batch := await containing(store, head, first))\n        at = batch.end\n",
        "        at = (await containing(store, head, first)).end\n",
        "entries are skipped",
    ),
)
