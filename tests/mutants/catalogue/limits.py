"""Sabotage of limits, at their very edges."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

LIMITS = (
    Mutant(
        "the tokens of tool calls are not counted in the first item",
        "PART_SIZE - len(self.attached) - ",
        "PART_SIZE - ",
        "a long message with many tool calls can be written no more",
        test="tests/unit/test_messages.py::test_no_item_is_larger_than_dynamodb_takes",
    ),
    Mutant(
        "an import's steps are as large as an answer",
        "        if at and size > PART_SIZE - _SLACK:",
        "        if at and size > PAYLOAD_LIMIT:",
        "without a bucket an import stores a part, and is refused",
        test="tests/functional/test_transcripts_large.py"
        "::test_an_import_of_which_an_item_holds_an_entry_at_a_time",
    ),
    Mutant(
        "a create has no room for the retention's marker",
        "MAX_FIRST_BATCH = TRANSACTION_ITEMS - 3",
        "MAX_FIRST_BATCH = TRANSACTION_ITEMS - 2",
        "where sessions expire, a create of 98 messages is a defect",
        test="tests/functional/test_retention.py::test_as_many_messages_as_a_create_takes",
    ),
    Mutant(
        "PUT's steps are of any size",
        "size > REQUEST_LIMIT or parts > room",
        "parts > room",
        "a PUT of 4 MB is refused",
        test="tests/functional/test_large.py::test_put_makes_steps_of_what_is_too_many_bytes_for_one",
    ),
    Mutant(
        "a transcript's name may not be as long as is said",
        "or len(name) > TRANSCRIPT_NAME_LIMIT",
        "or len(name) >= TRANSCRIPT_NAME_LIMIT",
        "a name of 255 characters is refused",
        test="tests/unit/test_keys.py::test_a_transcripts_name_as_long_as_it_may_be",
    ),
    Mutant(
        "a request deletes more than one may",
        "DELETE_BATCH = 25",
        "DELETE_BATCH = 26",
        "of 26 items on nothing is purged, and the record is given up",
        test="tests/functional/test_purge_failures.py::test_a_purge_of_more_than_one_request_takes",
    ),
    Mutant(
        "a tombstone ends in milliseconds",
        "timedelta(days=TOMBSTONE_DAYS)).timestamp())",
        "timedelta(days=TOMBSTONE_DAYS)).timestamp() * 1000)",
        "an id is never given again",
        test="tests/functional/test_purge_failures.py::test_a_purge_of_more_than_one_request_takes",
    ),
    Mutant(
        "a draft is measured as it lies",
        "if (size := payload_size(encoded)) > DRAFT_LIMIT",
        "if (size := len(encoded)) > DRAFT_LIMIT",
        "the session beside it is an answer that Lambda does not let out",
        test="tests/functional/test_drafts.py::test_one_that_an_answer_has_no_room_for",
    ),
    Mutant(
        "a message takes one tool call less than is said",
        ">= MAX_ATTACHED * TOKEN_SIZE",
        ">= (MAX_ATTACHED - 1) * TOKEN_SIZE",
        "the 10,000th is refused",
        test="tests/functional/test_limits_that_result.py::test_more_tool_calls_than_a_message_takes",
    ),
)
