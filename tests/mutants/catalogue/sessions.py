"""Sabotage of what changes a head: create, title, patch, delete, purge, retention."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

SESSIONS = (
    Mutant(
        "an append revives a tombstone",
        '    "message_count",\n    "log_size",\n',
        '    "log_size",\n',
        "a tombstone that keeps its count takes messages",
    ),
    Mutant(
        "deleted session still listed",
        '    "GSI1PK",\n    "GSI1SK",\n',
        "",
        "a tombstone says that the session was there",
    ),
    Mutant(
        "create over a tombstone",
        'store.retention_days, "attribute_not_exists(#PK)"',
        'store.retention_days, "attribute_not_exists(#message_count)"',
        "a deleted session comes back",
    ),
    Mutant(
        "create does not know its own write",
        "if there.token != token:",
        "if there.token:",
        "a session is made, and answered as somebody else's",
        case="title & create",
    ),
    Mutant(
        "count of sessions outside of the transaction",
        (
            "            await store.transact(\n"
            "                _burial(store, tried, token, unchanged_since, running),\n"
            "                sessions_counted(key.user_id, -1),\n"
            "                *_end(store, running),\n            )"
        ),
        (
            "            await store.transact(\n"
            "                _burial(store, tried, token, unchanged_since, running), *_end(store, running)\n"
            "            )\n"
            "            await store.transact(sessions_counted(key.user_id, -1))"
        ),
        "the total is wrong for an instant, and after a crash for ever",
    ),
    Mutant(
        "delete does not know its own write",
        "if there is None or there.token != token:",
        "if there is None or there.token:",
        "a session is deleted, and answered as not there",
        case="append & delete",
    ),
    Mutant(
        "purge of a live session",
        (
            "            await _remove_before(store, head.key)\n"
            "        return\n"
            "    await store.cache.drop(head.key, head)\n"
        ),
        ("            await _remove_before(store, head.key)\n    await store.cache.drop(head.key, head)\n"),
        "a late record of the stream empties a session that was made again",
    ),
    Mutant(
        "tombstone ends before the purge is done",
        "    await store.cache.drop(head.key, head)\n    marked",
        "    await store.cache.drop(head.key, head)\n    await _let_end(store, head, marked=False)\n"
        "    marked",
        "an id is given again while old messages lie under it",
    ),
    Mutant(
        "purge forgets what a batch left undone",
        'requests = answer.get("UnprocessedItems", {}).get(store.table.name, [])',
        "requests = []",
        "messages stay under a tombstone",
        case="the purge",
    ),
    Mutant(
        "an expired session deleted though it was changed",
        "await delete_session(store, head.key, unchanged_since=head.updated_at)",
        "await delete_session(store, head.key)",
        "retention takes a session that is in use",
    ),
    Mutant(
        "retention forgets a session that was changed meanwhile",
        'raise Contended("The session was changed meanwhile, and stays.") from None',
        "return",
        "its marker is gone, and it is never looked at again (found by the simulation)",
    ),
    Mutant(
        "retention not marked again",
        "            await store.transact(still_there, *expiry_put(head.key.session, changed, days))",
        "            return",
        "a session that was in use once is kept for ever",
    ),
    Mutant(
        "title without a token",
        '_NOT_YET = LIVE + " AND #token <> :token"',
        '_NOT_YET = LIVE + " AND (#token <> :token OR #token = :token)"',
        "a change that is sent twice is made twice",
        case="title & append",
    ),
    Mutant(
        "only_if_unset not heeded",
        'condition += " AND attribute_not_exists(#title)"',
        'condition += ""',
        "a generated title writes over the user's",
    ),
    Mutant(
        "patch without the objects' condition",
        'condition = f"{_NOT_YET} AND {were}"',
        'condition = _NOT_YET + "".join(f" AND :{name} = :{name}" for name in values)',
        "of two patches at once one is lost",
        test="tests/functional/test_change.py",
    ),
    Mutant(
        "If-Match checked beforehand only",
        '        condition += " AND #version = :was_version"',
        '        condition += " AND :was_version = :was_version"',
        "a version that was never seen is written over",
        test="tests/functional/test_change.py",
    ),
)
