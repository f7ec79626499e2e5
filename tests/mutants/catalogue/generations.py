"""Sabotages of sessions that are begun anew under their id: what is meant for one reaches the other."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_KEYS = "tests/unit/test_keys.py"
_RECREATE = "tests/functional/test_recreate.py"

GENERATIONS = (
    Mutant(
        "a write names no generation",
        '    condition = f"{condition} AND {of(key)}"\n    if',
        '    condition = f"{condition} AND {of(key) if key.generation else LIVE}"\n    if',
        "a slow writer reaches the session that came after",
        case="begin anew & append",
    ),
    Mutant(
        "a new session's version begins again",
        "key=buried.key.next, version=buried.version,",
        "key=buried.key.next, version=0,",
        "an old ETag fits the new session",
        case="begin anew & an old ETag",
    ),
    Mutant(
        "a new session is of the old generation",
        "key=buried.key.next, version=buried.version,",
        "key=buried.key, version=buried.version,",
        "old messages are in the new session",
        case="begin anew & append",
    ),
    Mutant(
        "a new session's time is before the deletion",
        'now = max(blank.started_at, buried.deleted_at or "")',
        "now = blank.started_at",
        "times run backwards",
        case="begin anew by a slow clock",
    ),
    Mutant(
        "who looks again takes another session",
        "        if isinstance(key, GenerationKey) and key != head.key:\n",
        "        if False:\n",
        "what was meant for the old session is written to the new one",
        case="begin anew & append",
    ),
    Mutant(
        "an append forgets over which session it got no answer",
        "            meant, head = head.key, None\n",
        "            head = None\n",
        "an append is made to the old session and to the new one",
        case="begin anew & append, silence",
    ),
    Mutant(
        "an append forgets which session refused it",
        "await _next_head(store, meant, tries, refused)\n            meant = head.key\n",
        "await _next_head(store, meant, tries, refused)\n",
        "an append that saw the old session goes to the new one",
        case="begin anew & append & append",
    ),
    Mutant(
        "an append forgets which session it read",
        "            head, guessed = await store.head(meant), False\n            meant = head.key\n",
        "            head, guessed = await store.head(meant), False\n",
        "an append that saw the old session goes to the new one",
        case="begin anew & append",
    ),
    Mutant(
        "a PUT goes on with another session",
        "        if self._meant not in {None, head.key}:\n",
        "        if False:\n",
        "a PUT that saw the old session goes to the new one",
        case="begin anew & put",
    ),
    Mutant(
        "a rewind goes on with another session",
        "            head = await store.refusing_head(meant, refused)\n            if head.token != token:\n"
        '                await tries.again(Contended("Others keep changing this session. Try again."))\n'
        "        except (Contended, Unanswered) as error:\n            await tries.again(error, over=head)\n",
        "            head = await store.refusing_head(key, refused)\n            if head.token != token:\n"
        '                await tries.again(Contended("Others keep changing this session. Try again."))\n'
        "        except (Contended, Unanswered) as error:\n            await tries.again(error, over=head)\n",
        "a rewind that saw the old session cuts the new one",
        case="begin anew & rewind",
    ),
    Mutant(
        "a tool call goes on with another session",
        "        head = await store.head(meant)\n        meant = head.key\n        try:\n",
        "        head = await store.head(meant)\n        try:\n",
        "a tool call that saw the old session goes to the new one",
        case="begin anew & tool call",
    ),
    Mutant(
        "a title forgets over which session it got no answer",
        "            meant = tried\n            await tries.again(error)\n",
        "            await tries.again(error)\n",
        "a title is given to the old session and to the new one",
        case="begin anew & title if unset, silence",
    ),
    Mutant(
        "a deletion forgets over which session it got no answer",
        "            known = known or isinstance(error, Unanswered)\n",
        "",
        "a deletion takes the new session, too",
        case="begin anew & delete, silence",
    ),
    Mutant(
        "a deletion takes whichever session is there",
        "            if there and there.live and not known:\n",
        "            if there and there.live:\n",
        "a deletion takes the new session, too",
        case="begun anew, deleted & begun anew",
    ),
    Mutant(
        "entries go on with another session",
        "        if self._known and not right:\n            raise not_found()\n",
        "",
        "entries that were meant for the old session are in the new one",
        case="begin anew & import",
    ),
    Mutant(
        "transcripts of all generations are listed",
        'attribute(f"{session.key.first}{TRANSCRIPT_PREFIX}")',
        "attribute(TRANSCRIPT_PREFIX)",
        "a deleted session's transcripts are shown",
        case="begin anew & list transcripts",
    ),
    Mutant(
        "a purge of the whole partition",
        '                ":end": attribute(end.first),\n',
        '                ":end": attribute(chr(127)),\n',
        "a slow purge empties the session that came after",
        case="begin anew & the purge",
    ),
    Mutant(
        "a purge of all objects",
        "    await _remove_objects(store, end.session.objects, before=end.objects)\n",
        "    await _remove_objects(store, end.session.objects)\n",
        "a slow purge takes the objects of the session that came after",
        case="begin anew & the purge of transcripts",
    ),
    Mutant(
        "a slow purge takes the marker along",
        '        if item["SK"]["S"] in {HEAD, EXPIRY}:\n',
        '        if item["SK"]["S"] == HEAD:\n',
        "the session that came after has no marker for a while",
        case="begin anew & retention",
    ),
    Mutant(
        "no purge under a live session",
        "            await _remove_before(store, head.key)\n        return\n",
        "            pass\n        return\n",
        "a deleted session's messages stay as long as the one that came after",
        case="begin anew & the purge",
    ),
    Mutant(
        "no second look for the objects of a former session",
        "    if head.key.generation:\n        await _remove_before(store, head.key)\n    await expire",
        "    await expire",
        "an object that a slow writer left stays as long as the session that came after",
        test=_RECREATE,
    ),
    Mutant(
        "no marker for a second look",
        "        if store.objects is not None:",
        "        if False:",
        "an object that a slow writer left stays as long as the session that came after",
        test=_RECREATE,
    ),
    Mutant(
        "one key for the drafts of all generations",
        ':draft{_generation(key)}"',
        ':draft"',
        "a draft of the old session is shown in the new one",
        case="begin anew & drafts",
    ),
    Mutant(
        "one key for the cached logs of all generations",
        ":log{_generation(head.key)}:",
        ":log:",
        "a message of the old session is read in the new one",
        test="tests/unit/test_session_cache.py",
    ),
    Mutant(
        "begun anew without being asked",
        "                if there and not recreate:\n                    raise gone(there) from None\n",
        "",
        "a deleted session comes back",
        case="delete & create",
    ),
    Mutant(
        "begun anew again after no answer",
        "                if tries.unanswered:  # it may have been applied, and deleted again\n"
        "                    raise tries.unanswered from None\n",
        "",
        "one request begins two sessions",
        case="begin anew, silence, & delete",
    ),
    Mutant(
        "a client sends a recreate again",
        "repeatable=not recreate)",
        "repeatable=True)",
        "one call begins two sessions",
        test=_RECREATE,
    ),
    Mutant(
        "a refused look denies the recreate before it",
        "            except TurnlogError as blind:",
        "            except Unavailable as blind:",
        "a program believes that no session was begun",
        test=f"{_RECREATE}::test_the_client_may_not_look",
    ),
    Mutant(
        "a transcript's head is of all generations",
        '        return self.session.item(f"{TRANSCRIPT_PREFIX}{self.name}")\n',
        '        return self.session.session.at(0).item(f"{TRANSCRIPT_PREFIX}{self.name}")\n',
        "a transcript of the old session goes on in the new one",
        case="begin anew & entries of before",
    ),
    Mutant(
        "objects of a generation lie among those of all",
        "{f'{self.generation:010d}' if self.generation else ''}/\"",
        '/"',
        "the purge of the old session takes or leaves the objects of the wrong one",
        test=_KEYS,
    ),
    Mutant(
        "a transcript has the number of a former session's",
        "        return self.key.session.generation * _IN_ONE_SESSION + self.generation\n",
        "        return self.generation\n",
        "pages of two sessions' transcripts look like pages of one",
        test=_RECREATE,
    ),
)
