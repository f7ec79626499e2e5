"""Sabotage of rewinds, and of what has to know that there was one."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

REWINDS = (
    Mutant(
        "append whatever was rewound",
        'condition = "#message_count = :expected AND #rewinds = :rewinds"',
        'condition = "#message_count = :expected AND :rewinds = :rewinds"',
        "an append that comes late goes behind another log than it was meant for",
        # Where clocks agree, the time of the session refuses it as well.
        test="tests/functional/test_rewind_races.py"
        "::test_an_append_that_comes_behind_by_a_clock_that_is_ahead",
    ),
    Mutant(
        "rewind from where the log does not end",
        "        check_sequence(expected, head)\n",
        "",
        "messages go that the client has not seen",
    ),
    Mutant(
        "rewind of another version",
        'condition = "#message_count = :expected AND #version = :seen"',
        'condition = "#message_count = :expected AND :seen = :seen"',
        "what was reckoned before a change is written over it",
    ),
    Mutant(
        "rewinds not counted",
        'plus={"rewinds": 1, "edits": 1, "version": 1,',
        'plus={"rewinds": 0, "edits": 1, "version": 1,',
        "nobody knows that the log was cut",
    ),
    Mutant(
        "rewind does not count as an edit",
        'plus={"rewinds": 1, "edits": 1, "version": 1,',
        'plus={"rewinds": 1, "edits": 0, "version": 1,',
        "what a slow reader or writer puts into the cache is read in the place of another message",
    ),
    Mutant(
        "ring only cut",
        "ring=ring.rewound(head.ring, head.message_count - to, older),",
        'ring=ring.rewound(head.ring, head.message_count - to, b""),',
        "ids of the newest 128 messages are not known again",
    ),
    Mutant(
        "ring as it was",
        "ring=ring.rewound(head.ring, head.message_count - to, older),",
        "ring=head.ring,",
        "a repeat is looked for in the wrong place",
    ),
    Mutant(
        "usage not lowered",
        "counts[field] -= int(digits)",
        "counts[field] -= 0 * int(digits)",
        "the sum is of messages that are gone, too",
    ),
    Mutant(
        "usage told at every message of an append",
        "        stored[-1] = stored[-1]._replace(usage=spent)",
        "        stored = [message._replace(usage=spent) for message in stored]",
        "tokens are taken off more often than they were added",
    ),
    Mutant(
        "a tool call forgets what a rewind has to know",
        "before.sequence, fields, attached, epoch=before.epoch, usage=before.usage, edits=edits",
        "before.sequence, fields, attached, epoch=before.epoch, edits=edits",
        "the tokens of a message that a tool call joined are never taken off",
    ),
    Mutant(
        "a tool call forgets the epoch",
        "before.sequence, fields, attached, epoch=before.epoch, usage=before.usage, edits=edits",
        "before.sequence, fields, attached, usage=before.usage, edits=edits",
        "a message that was put after a rewind is taken for the one before",
    ),
    Mutant(
        "messages without their epoch",
        "            epoch=head.rewinds,\n",
        "",
        "a reader takes a message that was put after a rewind for the one before",
    ),
    Mutant(
        "epoch not looked at",
        " and all(one.epoch <= head.rewinds for one in found.values()):",
        ":",
        "an answer is put together of two logs",
    ),
    Mutant(
        "a moved log is read again under the old head",
        "            if now.rewinds != head.rewinds:\n                raise LogMoved(now)\n",
        "",
        "a read during a rewind fails",
        test="tests/functional/test_rewind_races.py",
    ),
    Mutant(
        "PUT believes what it compared before a rewind",
        "        if head.rewinds != self._rewinds:\n"
        "            self.confirmed, self._rewinds = 0, head.rewinds\n",
        "",
        "success is answered for messages that are gone",
    ),
    Mutant(
        "leftover not cleared before an append",
        " or the answer would carry on its error.\n"
        "        try:\n"
        "            await clear_leftover(store, head)\n",
        " or the answer would carry on its error.\n        try:\n",
        "a rewind that was interrupted keeps everybody from appending",
    ),
    Mutant(
        "leftover oldest first",
        "    last = items[-MAX_DELETES:]\n",
        "    last = items[:MAX_DELETES]\n",
        "messages lie in the way that nobody knows of",
    ),
    Mutant(
        "leftover lowered whoever else did",
        'condition="#rewinds = :rewinds AND #leftover = :seen"',
        'condition=":rewinds = :rewinds AND #version > :seen"',
        "who clears up late deletes messages that were put since",
    ),
    Mutant(
        "messages deleted in part",
        "[1] == 0)",
        "[1] >= 0)",
        "of a message in parts the first ones stay behind, and nobody knows",
    ),
    Mutant(
        "rewind does not know its own write",
        "        if cut and head.token == token:\n            return await _made(store, cut)\n",
        "",
        "a rewind is made, and answered as refused or as a repeat",
        case="append & rewind",
    ),
    Mutant(
        "a repeat taken for another rewind",
        "        made = head.rewound == name and (rewind_id or head.message_count == to)\n",
        "        made = False\n",
        "a repeat after a lost reply is refused",
    ),
    Mutant(
        "any rewind to there taken for a repeat",
        "made = head.rewound == name and (rewind_id or head.message_count == to)",
        "made = head.message_count == to",
        "200 for a rewind of a log that was never so long",
    ),
    Mutant(
        "a name of the client's own not looked at",
        'name = f"{to}:{expected}" + (f":{rewind_id}" if rewind_id else "")',
        'name = f"{to}:{expected}"',
        "of two who take the last message away at once, both are told that they did",
    ),
    Mutant(
        "tried again though a rewind came after",
        "        if self.unanswered and self._rewinds != head.rewinds:\n            raise self.unanswered\n",
        "",
        "what a rewind took away is put back",
        case="append & rewind, silence",
    ),
    Mutant(
        "cached messages that go carried over",
        '            ("HDEL", _log_key(after), *gone),\n',
        "",
        "a message that is gone is read in the place of another",
    ),
    Mutant(
        "cached messages of a rewind carried over in two steps",
        "            self._head(after),\n            atomic=True,\n        )\n\n    async def changed",
        "            self._head(after),\n        )\n\n    async def changed",
        "a message that goes is read under the new key",
    ),
    Mutant(
        "tombstone with what was left over",
        '    "rewinds",\n    "rewound",\n    "leftover",\n',
        "",
        "a tombstone says what the session was",
    ),
)
