"""Sabotage of imports, of large entries, and of what adapters hand over."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_MERGING = "tests/unit/test_merging.py"
_IMPORT = "tests/functional/test_transcripts_import.py"
_PROGRAMS = "tests/functional/test_program_imports.py"
_AGENTS = "tests/integrations/test_large_agents.py"

IMPORTS = (
    Mutant(
        "an import does not look at what is stored",
        "self._writer.store, self._writer.head, self._done.end, self._writer.head.length",
        "self._writer.store, self._writer.head, 0, 0",
        "a repeat stores all once more",
        case="import & the same import",
    ),
    Mutant(
        "an import takes another content for its own",
        "if at in self._missing and not same(fields, self._entries[at].fields):",
        "if False:",
        "a line is acknowledged, and another stands in its place",
        test=_MERGING,
    ),
    Mutant(
        "what the pass went by is forgotten",
        "self._gone_by.setdefault(digest(self._entries[passed].fields), deque()).append(passed)",
        "continue",
        "a repeat stores it once more",
        test=_MERGING,
    ),
    Mutant(
        "a later step takes what stands before it",
        "before = position < self._start",
        "before = False",
        "a line without a uuid is not stored",
        test=f"{_IMPORT}::test_in_steps",
    ),
    Mutant(
        "a later step asks nothing of what stands before it",
        "self._done = Imported(head, min(known, self._start))",
        "self._done = Imported(head, self._start)",
        "a uuid is stored twice",
        test=f"{_IMPORT}::test_in_steps",
    ),
    Mutant(
        "a later step goes on in another life",
        "generation not in {None, head.shown_generation}",
        "generation is False",
        "success is answered, and the first lines are gone",
        case="a later step & delete it & begin anew",
    ),
    Mutant(
        "two batches of an import in one object",
        "            self._count += 1\n",
        "",
        "an item names the bytes of another batch",
        case="import & import, in objects",
    ),
    Mutant(
        "a byte order mark is no white space",
        "(line.removeprefix(_MARK) if number == 1 else line)",
        "line",
        "a file of Windows is refused",
        test=_IMPORT,
    ),
    Mutant(
        "a uuid with two contents in one text",
        "elif not same(before.fields, line.fields):",
        "elif False:",
        "of two contents one is lost without a word",
        test=_IMPORT,
    ),
    Mutant(
        "a uuid with two contents in one append",
        "if before and not same(before.fields, fields):",
        "if False:",
        "of two contents one is lost without a word",
        test="tests/functional/test_transcripts_bad_input.py",
    ),
    Mutant(
        "a digest tells 0 from -0",
        "repr(_double(one) or 0)",
        "repr(_double(one))",
        "the same content is refused",
        test=_MERGING,
    ),
    Mutant(
        "each step of a program's import begins at the first entry",
        'begin = {"start_position": imported.next_position, "generation": imported.generation}',
        "begin = {}",
        "lines without a uuid are not stored",
        test=_PROGRAMS,
    ),
    Mutant(
        "what others put in between a program does not learn",
        "                            known.add(entry)\n",
        "                            continue\n",
        "one uuid with two contents is stored",
        test=_PROGRAMS,
    ),
    Mutant(
        "a line has the number that it has in its step",
        "number = self.lines[at - 1].number",
        "number = at",
        "the error points to another line",
        test=_PROGRAMS,
    ),
    Mutant(
        "a large entry is stored and cannot be read",
        "limit = ENTRY_LIMIT + 1 if",
        "limit = ENTRIES_LIMIT if",
        "an acknowledged entry is damaged",
        test=_PROGRAMS,
    ),
    Mutant(
        "what no answer holds ends a page without a word",
        "        if lines:\n            return EntryPage",
        "        if lines or not oversized:\n            return EntryPage",
        "a reader goes round for ever",
        test=_PROGRAMS,
    ),
    Mutant(
        "an entry that no answer holds lies in an item",
        "if len(data) <= PART_SIZE and not apart:",
        "if len(data) <= PART_SIZE:",
        "it is stored, and no client can read it",
        test=_PROGRAMS,
    ),
    Mutant(
        "an entry that no answer holds is put as a batch is",
        "zipped(text, PART_SIZE) if answer_size(lines) > PAYLOAD_LIMIT else zlib.compress(text)",
        "zlib.compress(text)",
        "what is at the address is not what it says",
        test=_PROGRAMS,
    ),
    Mutant(
        "what no answer holds is fetched all the same",
        "if (size := oversize(item)) and not oversized:",
        "if (size := oversize(item)) and not oversized and await store.bucket().get(item['object']['S']):",
        "a small request takes 64 MB of memory",
        test=_PROGRAMS,
    ),
    Mutant(
        "an entry that is refused ends the append",
        "                refused = refused or error\n",
        "                raise\n",
        "what comes behind it is lost",
        test=_AGENTS,
    ),
)
