"""Sabotages of what keeps a second try, a limit, a clock and a comparison honest."""

from tests.mutants.mutant import Mutant

_KNOWN = "tests/functional/test_known_again.py"
_OVERTAKEN = "tests/functional/test_overtaken.py"
_LIMITS = "tests/functional/test_limits_that_result.py"
_MEMORY = "tests/benchmark/test_memory.py"
_RUN = "tests/unit/test_one_run.py"

OVERTAKEN = (
    Mutant(
        "nobody looks beside a known message",
        "    forgotten = ring.start(head.ring, head.message_count)",
        "    forgotten = 0",
        "a part of a batch is stored twice",
        test=_KNOWN,
    ),
    Mutant(
        "too few are looked at beside a known message",
        "range(max(0, sequence - MAX_BATCH + 1), ",
        "range(max(0, sequence - MAX_BATCH + 2), ",
        "the first of a full batch is stored twice",
        test=_KNOWN,
    ),
    Mutant(
        "what is found beside a known message is not compared",
        "        present |= await _verified(store, head, new, beside)",
        "        present |= {one: (await store.messages(head, at[0], at[0] + 1))[at[0]]"
        " for one, at in beside.items()}",
        "success is answered for content that is not stored",
        test=_KNOWN,
    ),
    Mutant(
        "a clock that is behind writes its own time",
        '    if "updated_at" in (to or {}):',
        "    if False:",
        "times run backwards",
        test=_LIMITS,
    ),
    Mutant(
        "a title is set again over another's",
        "            head = await store.head(meant)\n"
        "            if head.token != token:\n"
        "                raise\n",
        "            continue\n",
        "an acknowledged title is undone",
        test=_OVERTAKEN,
    ),
    Mutant(
        "a patch is made again over another's",
        "        if tries.unanswered and head.token != tried_over:\n            raise tries.unanswered\n",
        "",
        "an acknowledged patch is undone",
        test=_OVERTAKEN,
    ),
    Mutant(
        "a patch is made again over one that put back what was there",
        '        condition += " AND #token = :was_token"',
        '        condition += " AND attribute_exists(#token) AND :was_token = :was_token"',
        "an acknowledged patch is undone",
        test=_OVERTAKEN,
    ),
    Mutant(
        "PUT sets its fields again over another's",
        "        if changed or head.rewinds != tried.rewinds:",
        "        if False:",
        "an acknowledged change is undone",
        test=_OVERTAKEN,
    ),
    Mutant(
        "the client sends a change of fields again",
        "        repeatable = if_match is not None or not undoes",
        "        repeatable = True",
        "an acknowledged change is undone",
        test=_OVERTAKEN,
    ),
    Mutant(
        "the client forgets that it is unsure",
        "                if doubt is None or (absent and appends)",
        "                if True or (absent and appends)",
        "a change is refused that was made",
        test=_OVERTAKEN,
    ),
    Mutant(
        "the client sends a draft again",
        'Request("put_draft", session_id, body=body, repeatable=False)',
        'Request("put_draft", session_id, body=body)',
        "another's draft is undone",
        test=_OVERTAKEN,
    ),
    Mutant(
        "an append speaks for what came after it",
        "        head = head._replace(version=min(head.version, max(ours)))",
        "        pass",
        "a rewind at its version takes what another added",
        test=_OVERTAKEN,
    ),
    Mutant(
        "PUT forgets that its create was not answered",
        "        self.tries.unanswered, self.tried = made.unanswered, Head(request.key.at(0))\n",
        "",
        "an acknowledged change is undone",
        test=_OVERTAKEN,
    ),
    Mutant(
        "PUT stores again what was cut after a later step",
        "        self._check_overtaken(head, changed)",
        "        _ = self.ours or self._check_overtaken(head, changed)  # type: ignore[func-returns-value]",
        "an acknowledged rewind is undone",
        test=_OVERTAKEN,
    ),
    Mutant(
        "two patches measure the same objects",
        "        same_token = bool(tries.unanswered) or after.objects_size > head.objects_size",
        "        same_token = bool(tries.unanswered)",
        "a head of any size",
        test=_LIMITS,
    ),
    Mutant(
        "what is found in one batch is looked for in the next",
        "if entry.identity not in found.positions]",
        "if True]",
        "an entry is stored twice",
        test=_KNOWN,
    ),
    Mutant(
        "PUT measures what it gives alone",
        "        check_objects(head, head._replace(**changed))",
        "        check_objects(None, head._replace(metadata=changed.get('metadata', '{}')))",
        "a head of any size",
        test=_LIMITS,
    ),
    Mutant(
        "a change that makes the objects smaller is refused",
        " and (before is None or size > before.objects_size):",
        ":",
        "there is no way back to the limit",
        test=_LIMITS,
    ),
    Mutant(
        "a message takes tool calls without end",
        "    if len(before.attached) >= MAX_ATTACHED * TOKEN_SIZE:",
        "    if False:",
        "the message can be written no more",
        test=_LIMITS,
    ),
    Mutant(
        "a read is given up early",
        "            except (Contended, Unanswered) as error:\n                await tries.again(error)\n",
        "            except (Contended, Unanswered) as error:\n"
        "                if self.counts['retries'] == 3:\n                    raise\n"
        "                await tries.again(error)\n",
        "a throttle of a second is told to the client",
        test=_LIMITS,
    ),
    Mutant(
        "health goes on as long as there is time",
        "            seconds = min(seconds, HEALTH_SECONDS + RESERVE)",
        "            seconds = RESERVE",
        "health gives up at once",
        test=_LIMITS,
    ),
    Mutant(
        "all that a request names is held at once",
        "    step = end - first if head.log_size <= COMPARED_BYTES else COMPARED_BYTES // PARTS_LIMIT",
        "    step = end - first",
        "memory grows with what a small request names",
        test=f"{_MEMORY}::test_a_small_request_that_names_large_messages",
    ),
    Mutant(
        "time is not looked at between two batches",
        "        if end:  # one is always read",
        "        if False:",
        "Lambda ends the function in the middle",
        test=f"{_MEMORY}::test_what_there_is_no_time_to_compare_is_not_written",
    ),
    Mutant(
        "a batch that is gone is looked for as long as there is time",
        "            if self._torn == READ_TRIES:\n                raise error\n",
        "",
        "an object that was lost costs 29 seconds a request",
        test="tests/functional/test_transcripts_large.py::test_an_object_that_was_lost",
    ),
    Mutant(
        "a replay is taken for one's own",
        "        if answer.replayed or not whole or not follows:",
        "        if not whole or not follows:",
        "what another stored is taken back",
        test=_RUN,
    ),
    Mutant(
        "another's message between one's own is not seen",
        "        whole = last - first + 1 == len(answer.messages) and ",
        "        whole = ",
        "what another stored is taken back",
        test=_RUN,
    ),
    Mutant(
        "a change between two appends is not seen",
        " and version in {None, answer.version}",
        "",
        "what another stored is taken back",
        test=_RUN,
    ),
)
