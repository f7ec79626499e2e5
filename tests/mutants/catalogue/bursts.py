"""Sabotages that the simulation sees by its bursts of faults, its named versions and its small rings."""

from tests.mutants.mutant import Mutant

BURSTS = (
    Mutant(
        "a second try forgets which messages the first one knew",
        "seen = {one: [message.sequence] for one, message in present.items()}",
        "seen: dict[str, list[int]] = {}",
        "a part of a batch is stored twice, and its usage counted twice",
        case="a batch again, with more",
    ),
    Mutant(
        "a second try forgets which entries the first one knew",
        "seen = {identity: [position] for identity, position in positions.items()}",
        "seen: dict[str, list[int]] = {}",
        "a part of a batch is stored twice",
        case="entries again, with more",
    ),
    Mutant(
        "the ring's edge of entries is forgotten in part",
        "        here = _stored_in(batch, writer.token, left)",
        "        here = _stored_in(batch, writer.token, [entry for entry in left if entry.identity in hits])",
        "a part of a batch is stored twice",
        case="entries again",
    ),
    Mutant(
        "PUT of what is so does not look at the version",
        "            check_version(head, self._request.if_match)",
        "            pass",
        "success is answered at a version that was not meant",
        case="put of what is so, of old",
    ),
    Mutant(
        "a patch of what is so does not look at the version",
        "        check_version(head, if_match)\n        changed",
        "        changed",
        "success is answered at a version that was not meant",
        case="patch of what is so, of old",
    ),
    Mutant(
        "a title that stands does not look at the version",
        "        check_version(head, if_match)\n        if only_if_unset",
        "        if only_if_unset",
        "success is answered at a version that was not meant",
        case="a title that stands, of old",
    ),
    Mutant(
        "a title is set at any version",
        "    if if_match and not if_match.anything:",
        "    if False:",
        "a version that was never seen is written over",
        case="title of old",
    ),
    Mutant(
        "a rewind of nothing does not look at the version",
        "            if not made:\n",
        "            if False:\n",
        "success is answered at a version that was not meant",
        case="rewind of nothing, of old",
    ),
    Mutant(
        "a rewind is made at any version",
        "        check_version(head, if_match)\n        if other := await unquiet(",
        "        if other := await unquiet(",
        "what another added goes",
        case="rewind of old",
    ),
    Mutant(
        "PUT answers the head before its own step",
        "        after = after._replace(**replaced)\n        await",
        "        after = after._replace(**{**replaced, 'title': head.title})\n        await",
        "an answer that the table never had",
        case="put & append",
    ),
)
