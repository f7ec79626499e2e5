"""Sabotage of large messages: what is put into the bucket, when it goes, and what is read of it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_LARGE = "tests/functional/test_large.py"

LARGE = (
    Mutant(
        "a large message is parsed for a small request",
        "if stored.size <= PARSED_BYTES or",
        "if stored.size or",
        "a few bytes make a function hold ten times 64 MB",
        test="tests/benchmark/test_memory.py",
    ),
    Mutant(
        "a large message is compared up to where the other one ends",
        "    if left:\n        raise _Differs\n",
        "",
        "what was sent with more fields is taken for a repeat",
        test="tests/unit/test_jsontext.py",
    ),
    Mutant(
        "a message's object after its item",
        "            if message.object_key and not self._deposits.has(message.object_key):",
        "            if False:",
        "an item names what is not there",
        case="append & append, in objects",
    ),
    Mutant(
        "a refused try's objects are all taken back",
        "                        self._deposits.settle(named)\n",
        "                        pass\n",
        "a try that was sent twice on its way is stored, and its content is gone",
        case="append & the same append, in objects",
    ),
    Mutant(
        "what a rewind may have deleted is named again",
        "        if self._edits not in {None, head.edits} and self._last:",
        "        if False:",
        "a message is acknowledged, and its content is gone",
        case="append & rewind, sent twice, in objects",
    ),
    Mutant(
        "an earlier try's objects are taken back unseen",
        "                for at in [*self._earlier, *",
        "                for at in [*",
        "a try that was sent twice on its way is stored, and its content is gone",
        case="append & rate, sent twice and forgotten, in objects",
    ),
    Mutant(
        "an unanswered try's objects are taken back",
        "            self._doubt = True\n",
        "",
        "a try that is applied late names what is gone",
        case="append without the time for another try, in objects",
    ),
    Mutant(
        "a lost race leaves its object",
        "        if self._at and self._deposits.tried and not self._doubt:",
        "        if False:",
        "objects are left that nobody names",
        case="create & create, in objects",
    ),
    Mutant(
        "PUT does not know which of its objects are named",
        "            large.found([message])\n",
        "",
        "the content of a step whose reply was lost is deleted",
        case="put in steps, silence, in objects",
    ),
    Mutant(
        "an edit's object stays when the next edit comes",
        '        await delete_objects(self.store, self._before[now.sequence] - {"", now.object_key})\n',
        "",
        "objects are left that nobody names",
        case="tool call & tool call, in objects",
    ),
    Mutant(
        "an edit deletes the object of another message that it tried to edit",
        "self._before[now.sequence] - {",
        "set().union(*self._before.values()) - {",
        "the content of a message is gone (found by the simulation)",
        case="tool call, append & tool call, in objects",
    ),
    Mutant(
        "each try of an edit has one object",
        '        self._encoded.pop(after.known()["message_id"], None)\n',
        "",
        "an object is written twice, and the second is another",
        case="tool call & tool call, in objects",
    ),
    Mutant(
        "each try of an append has another object",
        '        if known := self._encoded.get(fields["message_id"]):',
        "        if False:",
        "a large message is sent to the bucket each time that others come first",
        test=f"{_LARGE}::test_an_object_is_written_once",
    ),
    Mutant(
        "a rewind leaves the objects",
        "    await delete_objects(store, objects_of(newest_step(cut.gone)))\n",
        "",
        "objects are left that nobody names",
        case="append & rewind, in objects",
    ),
    Mutant(
        "what is left over leaves its objects",
        "            await delete_objects(store, objects_of(step))\n",
        "",
        "objects are left that nobody names",
        test="tests/functional/test_rewind_long.py::test_large_messages_in_the_bucket",
    ),
    Mutant(
        "who clears what is left over deletes the objects of what was put since",
        'if int(item.get("epoch", _FIRST)["N"]) < head.rewinds)',
        "if True)",
        "an acknowledged message is gone (found by the simulation)",
        case="left over & append, in objects",
    ),
    Mutant(
        "a missing object is an error at once",
        "            await tries.again(Torn(\"A message's content",
        "            raise (Torn(\"A message's content",
        "a reader that an edit or a rewind overtakes is refused",
        case="get & tool call, in objects, warm cache",
    ),
    Mutant(
        "a missing object is looked for again under its old name",
        "            message = (await store.messages(head, message.sequence, message.sequence + 1))"
        "[message.sequence]\n",
        "",
        "a reader that an edit overtakes is refused",
        case="get & tool call, in objects, warm cache",
    ),
    Mutant(
        "a message that is moved keeps its size",
        "shell=dumps(after), size=stored.size + grown, epoch",
        "shell=dumps(after), epoch",
        "the head's log_size is wrong",
        test="tests/unit/test_messages.py::test_in_two_pieces_above_390_kb",
    ),
    Mutant(
        "a message that is moved keeps its epoch",
        "size=stored.size + grown, epoch=epoch)",
        "size=stored.size + grown)",
        "a reader takes a message that was put after a rewind for the one before",
        test="tests/unit/test_messages.py::test_in_two_pieces_above_390_kb",
    ),
    Mutant(
        "what passes 3 MB as stored is refused by DynamoDB",
        "if left > 0 else ():",
        "if False else ():",
        "many messages of middling size cannot be appended at once",
        test=f"{_LARGE}::test_what_passes_3_mb_as_stored_goes_to_the_bucket",
    ),
    Mutant(
        "a page reads what it will not answer",
        "            if not size or size <= self.room:",
        "            if True:",
        "a small request reads large objects, and answers none of them",
        test=f"{_LARGE}::test_a_page_reads_the_objects_that_it_answers",
    ),
    Mutant(
        "the cache may name any object",
        "    return stored if stored.object_key.startswith(key.objects) or not stored.object_key else None",
        "    return stored",
        "who may write to the cache reads another's object",
        test="tests/unit/test_session_cache.py::test_what_names_an_object_of_another_session_is_a_miss",
    ),
    Mutant(
        "in two pieces is unpacked without a bound",
        "            rest = self.rest or unpacked(self.blob, self.size or PART_SIZE)",
        "            rest = self.rest or unpacked(self.blob, 1 << 40)",
        "a few bytes unpack to a gigabyte",
        test="tests/unit/test_session_cache.py"
        "::test_what_is_in_two_pieces_is_unpacked_to_its_size_and_no_further",
    ),
    Mutant(
        "metadata takes the room of an item's message",
        " - max(0, len(self.shell) - _SMALL_SHELL)",
        "",
        "a long message with metadata cannot be written",
        test="tests/unit/test_messages.py::test_no_item_is_larger_than_dynamodb_takes",
    ),
)
