"""Sabotage of limits, at their very edges."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

LIMITS = (
    Mutant(
        "the tokens of tool calls are not counted in the first item",
        "messages.py",
        "size = PART_SIZE - len(self.attached)",
        "size = PART_SIZE",
        "a long message with many tool calls can be written no more",
        test="tests/unit/test_messages.py::test_no_item_is_larger_than_dynamodb_takes",
    ),
    Mutant(
        "an import's steps are as large as an answer",
        "operations/import_transcript.py",
        "        if at and size > PART_SIZE - _SLACK:",
        "        if at and size > PAYLOAD_LIMIT:",
        "without a bucket an import stores a part, and is refused",
        test="tests/functional/test_transcripts_large.py"
        "::test_an_import_of_which_an_item_holds_an_entry_at_a_time",
    ),
    Mutant(
        "a create has no room for the retention's marker",
        "limits.py",
        "MAX_FIRST_BATCH = TRANSACTION_ITEMS - 3",
        "MAX_FIRST_BATCH = TRANSACTION_ITEMS - 2",
        "where sessions expire, a create of 98 messages is a defect",
        test="tests/functional/test_retention.py::test_as_many_messages_as_a_create_takes",
    ),
    Mutant(
        "PUT's steps are of any size",
        "operations/put_session.py",
        "size > REQUEST_LIMIT or parts > room",
        "parts > room",
        "a PUT of 4 MB is refused",
        test="tests/functional/test_large.py::test_put_makes_steps_of_what_is_too_many_bytes_for_one",
    ),
    Mutant(
        "a transcript's name may not be as long as is said",
        "keys.py",
        "or len(name) > TRANSCRIPT_NAME_LIMIT",
        "or len(name) >= TRANSCRIPT_NAME_LIMIT",
        "a name of 255 characters is refused",
        test="tests/unit/test_keys.py::test_a_transcripts_name_as_long_as_it_may_be",
    ),
)
