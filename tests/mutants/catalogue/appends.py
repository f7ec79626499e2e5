"""Sabotage of what changes the log: appends, PUT, tool calls."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

APPENDS = (
    Mutant(
        "a ring hit believed unverified",
        'known = message.known()["message_id"]',
        "known = ids[sequence][0]",
        "another message is taken for the repeat, and the new one lost",
    ),
    Mutant(
        "own write not known after a lost reply",
        "        _remember(tried, missing, stored, after)\n",
        "",
        "the first answer says that it was a replay",
    ),
    Mutant(
        "an id that was forgotten and taken again is taken",
        "        if message_id not in present:\n",
        "        if differing:\n",
        "an append that was made is refused (found by the simulation)",
        case="a batch again, with more, & another's id",
    ),
    Mutant(
        "a batch that was partly there is a replay",
        "        for one, message in present.items()\n        for a_try",
        "        for one, message in list(present.items())[:1]\n        for a_try",
        "what was stored after a lost reply is answered as a replay (found by the simulation)",
        case="append of what is partly there",
    ),
    Mutant(
        "another's same message taken for the own one",
        ' and message.known()["created_at"] == a_try.created_at',
        "",
        "the repeat does not say that it is one",
        case="append & the same append",
    ),
    Mutant(
        "acknowledged before it is written",
        "            await tries.again(error, over=head)\n            if isinstance(error, Unanswered):\n",
        "            if not isinstance(error, Unanswered):\n"
        "                await tries.again(error, over=head)\n"
        "            else:\n"
        "                written = {one.fields()['message_id']: one for one in stored}\n"
        "                return _answer(ids, present | written, after, replayed=False)\n",
        "an acknowledged message is lost",
        case="append & append",
    ),
    Mutant(
        "usage set, not added",
        'plus={"version": 1} | {field: one for field, one in more.items() if field not in replaced}',
        'plus={"version": 1, "log_size": more["log_size"]}',
        "usage is not the sum",
    ),
    Mutant(
        "ring without the new ids",
        'ring=ring.extended(head.ring, (fields["message_id"] for fields in new)),',
        "ring=head.ring,",
        "a repeat is not seen",
    ),
    Mutant(
        "no look at the ring",
        "hits = ring.candidates(head.ring, head.message_count, ids, seen, sent if tries.unanswered else {})",
        "hits: dict[str, list[int]] = {}",
        "a repeat is stored twice",
    ),
    Mutant(
        "only the newest of two ring hits looked at",
        "        for sequence in sequences:\n",
        "        for sequence in sequences[-1:]:\n",
        "of two ids with one fingerprint, the older one's repeat is stored twice",
    ),
    Mutant(
        "a replay answered from the cached head",
        "if guessed and (hits or head.leftover or not _fits",
        "if guessed and (head.leftover or not _fits",
        "the answer says what was, not what is",
        case="append, append, append again, the cache failing",
    ),
    Mutant(
        "a cached guess not checked for its version",
        "exact = guessed or bool(replaced)",
        "exact = bool(replaced)",
        "a stale head's other fields are answered, and cached again",
    ),
    Mutant(
        "expected_sequence not heeded",
        "        check_sequence(expected_sequence, head)\n",
        "",
        "a message goes where it was not to go",
    ),
    Mutant(
        "tool call without the edits' condition",
        '#edits = :edits"\n    values: dict[str, Value] = {"edits": head.edits}',
        '#edits <> :edits"\n    values: dict[str, Value] = {"edits": -1}',
        "of two tool calls at once one is lost",
        case="tool call & tool call",
    ),
    Mutant(
        "tool call without the count's condition",
        "same_count=True",
        "same_count=False",
        "a tool call joins a turn that is over",
    ),
    Mutant(
        "tool call's tokens forgotten",
        "before.attached + token",
        "token",
        "a replayed append is not answered as first stored",
        case="append again after tool calls",
    ),
    Mutant(
        "tool call not known after a lost reply",
        "stored if stored.bears(token) or",
        "stored if",
        "it is added twice",
        case="rewind & tool call, warm cache",
    ),
    Mutant(
        "a new message for a tool call not known after a lost reply",
        ' or stored.known()["message_id"] == token.hex() else None',
        " else None",
        "it is added twice (found by the simulation)",
        case="tool call without an id, and silence",
    ),
    Mutant(
        "a replay shows tool calls that came later",
        "dumps(message.as_first_stored()) if message.attached else message.json",
        "message.json",
        "a repeat does not get the first answer",
        case="append & tool call",
    ),
    Mutant(
        "PUT does not compare what is there",
        "if not same_id or not messages.says(there, request.messages[at_request]):",
        "if not there:",
        "success is answered, and nothing stored",
    ),
    Mutant(
        "PUT does not ask whether an id is taken",
        "        await _check_unused(self._store, head, self._request.messages[self.confirmed :])\n",
        "",
        "a message id is stored twice",
    ),
    Mutant(
        "PUT's If-Match checked beforehand only",
        "head_update(head, after, same_version=True, replaced",
        "head_update(head, after, same_version=False, replaced",
        "a version that was never seen is written over",
    ),
    Mutant(
        "an append looks the head up first",
        "head, guessed = await store.cache.head(key), True",
        "head, guessed = None, True",
        "an append costs two requests with a warm cache",
        test="tests/functional/test_budgets.py",
    ),
    Mutant(
        "PUT writes what is there once more",
        "step = self._request.messages[self.confirmed : self.confirmed + length]",
        "step = self._request.messages[:length]",
        "a PUT of a long history writes all of it",
        test="tests/functional/test_put.py",
    ),
)
