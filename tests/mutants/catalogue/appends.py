"""Sabotage of what changes the log: appends, PUT, tool calls."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

APPENDS = (
    Mutant(
        "a ring hit believed unverified",
        "log.py",
        'if stored[sequence].fields()["message_id"] == message_id',
        "if sequence in stored",
        "another message is taken for the repeat, and the new one lost",
    ),
    Mutant(
        "own write not known after a lost reply",
        "operations/append_messages.py",
        "        _remember(tried, missing, stored)\n",
        "",
        "the first answer says that it was a replay",
    ),
    Mutant(
        "a batch that was partly there is a replay",
        "operations/append_messages.py",
        "                for one, message in present.items()\n",
        "                for one, message in list(present.items())[:1]\n",
        "what was stored after a lost reply is answered as a replay (found by the simulation)",
    ),
    Mutant(
        "own write not known once a tool call joined it",
        "operations/append_messages.py",
        "message.as_first_stored() == sent.fields()",
        "message.fields() == sent.fields()",
        "the first answer says that it was a replay (found by the simulation)",
    ),
    Mutant(
        "acknowledged before it is written",
        "operations/append_messages.py",
        "            doubt, head = Doubt(error, head.rewinds), None\n"
        "            await store.again(attempt, error)\n",
        "            written = {one.fields()['message_id']: one for one in stored}\n"
        "            return _answer(ids, present | written, after, replayed=False)\n",
        "an acknowledged message is lost",
    ),
    Mutant(
        "append without the head's count condition",
        "log.py",
        'condition="#message_count = :expected AND',
        'condition="attribute_exists(#message_count) AND :expected = :expected AND',
        "two writers take one sequence, or leave a gap",
    ),
    Mutant(
        "append if the count is at most what it was",
        "log.py",
        'condition="#message_count = :expected AND',
        'condition="#message_count >= :expected AND',
        "a writer that is behind sets the count back",
    ),
    Mutant(
        "usage set, not added",
        "log.py",
        'plus={"version": 1} | {field: more for field, more in added.items() if field not in replaced}',
        'plus={"version": 1, "log_size": added["log_size"]}',
        "usage is not the sum",
    ),
    Mutant(
        "ring without the new ids",
        "log.py",
        'ring=ring.extended(head.ring, (fields["message_id"] for fields in new)),',
        "ring=head.ring,",
        "a repeat is not seen",
    ),
    Mutant(
        "no look at the ring",
        "operations/append_messages.py",
        "hits = ring.places(head.ring, head.message_count, ids, places if doubt else {})",
        "hits: dict[str, list[int]] = {}",
        "a repeat is stored twice",
    ),
    Mutant(
        "only the newest of two ring hits looked at",
        "log.py",
        "        for sequence in sequences\n",
        "        for sequence in sequences[-1:]\n",
        "of two ids with one fingerprint, the older one's repeat is stored twice",
    ),
    Mutant(
        "a replay answered from the cached head",
        "operations/append_messages.py",
        "if not fresh and (hits or head.leftover or expected_sequence",
        "if not fresh and (head.leftover or expected_sequence",
        "the answer says what was, not what is",
    ),
    Mutant(
        "a cached guess not checked for its version",
        "operations/append_messages.py",
        "same_version=not fresh",
        "same_version=False",
        "a stale head's other fields are answered, and cached again",
    ),
    Mutant(
        "expected_sequence not heeded",
        "operations/append_messages.py",
        "        check_sequence(expected_sequence, head)\n",
        "",
        "a message goes where it was not to go",
    ),
    Mutant(
        "tool call without the edits' condition",
        "operations/add_tool_call.py",
        'condition="#message_count = :expected AND #edits = :seen"',
        'condition="#message_count = :expected AND :seen = :seen"',
        "of two tool calls at once one is lost",
    ),
    Mutant(
        "tool call without the count's condition",
        "operations/add_tool_call.py",
        'condition="#message_count = :expected AND #edits = :seen"',
        'condition="#edits = :seen AND :expected = :expected"',
        "a tool call joins a turn that is over",
    ),
    Mutant(
        "tool call's tokens forgotten",
        "operations/add_tool_call.py",
        "before.attached + token",
        "token",
        "a replayed append is not answered as first stored",
    ),
    Mutant(
        "tool call not known after a lost reply",
        "operations/add_tool_call.py",
        "stored if token in tokens or",
        "stored if",
        "it is added twice",
    ),
    Mutant(
        "a new message for a tool call not known after a lost reply",
        "operations/add_tool_call.py",
        ' or stored.fields()["message_id"] == token.hex() else None',
        " else None",
        "it is added twice (found by the simulation)",
    ),
    Mutant(
        "a replay shows tool calls that came later",
        "operations/append_messages.py",
        "dumps(message.as_first_stored()) if message.attached else message.json",
        "message.json",
        "a repeat does not get the first answer",
    ),
    Mutant(
        "PUT does not compare what is there",
        "operations/put_session.py",
        (
            '        if named not in {None, there["message_id"]} or messages.content(there) != '
            "messages.content(fields):"
        ),
        "        if not there:",
        "success is answered, and nothing stored",
    ),
    Mutant(
        "PUT does not ask whether an id is taken",
        "operations/put_session.py",
        "            await _check_unused(store, head, new[len(confirmed) :])\n",
        "",
        "a message id is stored twice",
    ),
    Mutant(
        "PUT's If-Match checked beforehand only",
        "operations/put_session.py",
        "same_version = if_match is not None and not ours",
        "same_version = False",
        "a version that was never seen is written over",
    ),
    Mutant(
        "an append looks the head up first",
        "operations/append_messages.py",
        "head, fresh = await store.cache.head(key), False",
        "head, fresh = None, False",
        "an append costs two requests with a warm cache",
        test="tests/functional/test_budgets.py",
    ),
    Mutant(
        "PUT writes what is there once more",
        "operations/put_session.py",
        "left = new[len(confirmed) :]",
        "left = new",
        "a PUT of a long history writes all of it",
        test="tests/functional/test_put.py",
    ),
)
