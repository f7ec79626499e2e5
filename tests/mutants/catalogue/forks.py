"""Sabotage of forks: of the steps, of the last transaction, and of what others make of an unfinished one."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_TEST = "tests/functional/test_fork.py"

FORKS = (
    Mutant(
        "fork of what was edited since",
        'AND #edits = :edits AND #token = :token",\n                    {"edits": source.edits, "token"',
        'AND #token = :token",\n                    {"token"',
        "it is a mixture of the session before and after the edit",
        case="fork & removed",
    ),
    Mutant(
        "fork with fields of before",
        'AND #edits = :edits AND #token = :token",\n'
        '                    {"edits": source.edits, "token": source.token}',
        'AND #edits = :edits",\n                    {"edits": source.edits}',
        "its title is none that the session has at that moment",
        case="fork & title",
    ),
    Mutant(
        "fork's steps are not counted",
        'plus={"version": 1},\n            condition=_UNCHANGED',
        'plus={"version": 0},\n            condition=_UNCHANGED',
        "a step that comes late puts back what was edited",
        case="fork & the same fork",
    ),
    Mutant(
        "fork's step after it is whole",
        '"attribute_exists(#forking) AND #version = :seen AND #token = :fork"',
        '"#version = :seen AND #token = :fork"',
        "a step that comes late makes a session of the user's vanish",
        case="fork & the same fork",
    ),
    Mutant(
        "fork over what is there",
        '{"Put": put(head.item(), condition="attribute_not_exists(#PK)")},',
        '{"Put": put(head.item(), condition="")},',
        "it takes the place of a session",
        case="fork & create under the id",
    ),
    Mutant(
        "fork that never ends",
        "            *expiry_put(self._key, store.clock.now(), FORK_DAYS),\n        )\n"
        "        self.head = head",
        "        )\n        self.head = head",
        "what a crash leaves of it stays for ever, and its id is never free",
        case="fork that goes",
    ),
    Mutant(
        "fork given up at once",
        "    if store.clock.now() - begun < timedelta(days=FORK_DAYS):\n",
        "    if store.clock.now() - begun < timedelta(0):\n",
        "a marker of before gives up a fork that is under way",
        test=f"{_TEST}::test_one_that_nobody_finishes_goes_after_a_day",
    ),
    Mutant(
        "fork that nobody gives up",
        "    if head.forking:\n        await give_up_fork(store, head)\n",
        "",
        "what a crash leaves of it stays for ever, and its id is never free",
        case="fork that goes",
    ),
    Mutant(
        "purge of an unfinished fork",
        "    if head.forking:\n        return\n    if head.live:",
        "    if head.live:",
        "a record of the session that had the id before takes the fork's messages away",
        test=f"{_TEST}::test_a_record_of_before_takes_nothing_away",
    ),
    Mutant(
        "unfinished fork in the list",
        'for name in ("GSI1PK", "GSI1SK", SHORT["message_count"]):',
        'for name in (SHORT["message_count"],):',
        "the list shows what is not there",
        case="fork & append",
    ),
    Mutant(
        "unfinished fork is a session",
        "return self.deleted_at is None and self.forking is None",
        "return self.deleted_at is None",
        "a half of it is read",
        case="fork & create under the id",
    ),
    Mutant(
        "begun anew over an unfinished fork",
        "    if there and there.forking:\n        raise fork_unfinished() from None\n",
        "",
        "it answers that the session was deleted, which was never there",
        case="fork & create under the id",
    ),
    Mutant(
        "put over an unfinished fork",
        "        if head.forking:\n            raise fork_unfinished()\n",
        "",
        "it answers that the session was deleted, which was never there",
        case="fork & put under the id",
    ),
    Mutant(
        "fork with the tokens of its source",
        'epoch=0, usage="", edits=b"", object_key=name)',
        'epoch=0, edits=b"", object_key=name)',
        "a rewind of the fork takes off tokens that it never had",
        test=f"{_TEST}::test_the_fork_goes_its_own_way",
    ),
    Mutant(
        "fork with the rewinds of its source",
        'epoch=0, usage="", edits=b"", object_key=name)',
        'usage="", edits=b"", object_key=name)',
        "what was put after a rewind of the source is never read in the fork",
        case="fork & rewind & append",
    ),
    Mutant(
        "fork with the marks of its source's edits",
        'epoch=0, usage="", edits=b"", object_key=name)',
        'epoch=0, usage="", object_key=name)',
        "an edit of the fork is taken for a repeat of the source's",
        case="fork & the same edit in both",
    ),
    Mutant(
        "fork with its source's objects",
        "            if more and copy.object_key:\n"
        "                await self._copy_object(message.object_key, copy.object_key)\n",
        "",
        "its large messages go with the source",
        case="fork & tool call, in objects",
    ),
    Mutant(
        "fork that knows no ids",
        "ring=ring.joined(head.ring, (copy.mark for copy in copies)),",
        "ring=head.ring,",
        "what is sent again to the fork is stored twice",
        case="fork & append",
    ),
    Mutant(
        "fork that counts a second pass on top",
        'edits=source.edits, copied=0)\n            head = head._replace(log_size=0, ring=b"")',
        "edits=source.edits, copied=0)",
        "its size and its ids are those of two logs",
        case="fork & tool call",
    ),
    Mutant(
        "fork that forgets what it copied too much",
        "leftover=progress.end if progress.end > progress.to else None,",
        "leftover=None,",
        "what was cut from the source lies in the way of the next append",
        case="fork & rewind",
    ),
    Mutant(
        "fork goes on with whichever session is there",
        "await self._store.head(self._of.at(progress.generation))",
        "await self._store.head(self._of)",
        "a fork is of a session that was begun after the one that was meant",
        case="fork & begin anew",
    ),
    Mutant(
        "fork goes on with another request's",
        "        if (progress.source, progress.asked, progress.title) != "
        "(self._of.session_id, self._to, self._title):\n",
        "        if progress.source != self._of.session_id:\n",
        "it has another length, or another title, than was asked for",
        case="fork & another under the id",
    ),
    Mutant(
        "fork takes any session for itself",
        'if origin.get("session_id") != self._of.session_id or self._to not in {None, origin["sequence"]}:',
        "if False:",
        "a session that was there is answered as the fork",
        case="fork & create under the id",
    ),
    Mutant(
        "fork that is not counted",
        "            sessions_counted(whole.key.user_id, 1),\n"
        "            *expiry_put(self._key, store.clock.now(), store.retention_days),",
        "            *expiry_put(self._key, store.clock.now(), store.retention_days),",
        "the total is one short",
        case="fork & append",
    ),
    Mutant(
        "fork's origin counts as the application's",
        "                size -= len(dumps(origin))",
        "                size -= 0",
        "a fork of a session with full metadata takes no change",
        test=f"{_TEST}::test_where_it_is_from_is_outside_the_limit_of_objects",
    ),
    Mutant(
        "fork's answer names no id",
        "            session_id=key.session_id,\n            copied=",
        "            copied=",
        "nobody can go on with a fork to which the server gave the id",
        test=f"{_TEST}::test_nothing_is_seen_of_one_that_is_unfinished",
    ),
    Mutant(
        "client gives up a fork that goes on",
        '                if not error.extra.get("copied"):  # it was no lack of time',
        "                if True:",
        "a long session cannot be forked by one call",
        test="tests/functional/test_client_forks.py",
    ),
)
