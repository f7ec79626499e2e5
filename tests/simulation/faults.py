"""Everything that can go wrong, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CRASH = "crash"

READ_FAULTS = (
    "request lost",  # no answer, nothing done
    "throttled",
    CRASH,
)
REMEMBERED = "cache remembered"  # no fault yet: a copy is made, to be restored
LATE_READ = "stale read"  # an eventually consistent read, or one of an index, answers with what was before
QUERY_FAULTS = (
    "short page",  # a page may end anywhere
    "torn page",  # a Query is not isolated: a transaction may come between two of its items
)
WRITE_FAULTS = (
    "request lost",
    "reply lost",  # done, and no answer, whatever it would have been
    "re-sent",  # the client library repeats it, with the token where it is a transaction
    "throttled",
    CRASH,
)
TRANSACTION_FAULTS = (
    "re-sent bare",  # the same where nobody heeds the token
    "applied late",  # no answer, and done at some later time
    "conflict",
)
BATCH_FAULTS = ("unprocessed items",)

CACHE_FAULTS = (
    "cache down",  # nothing done, and no answer
    "cache reply lost",  # done, and no answer
    "cache refuses",  # nothing done, and an error in answer
    "cache late",  # no answer; this and what was sent with it is done at some later time
    "cache empty",  # it has forgotten this key
    "cache corrupt",  # a value was damaged or put at another's place
    "cache flushed",
    REMEMBERED,
    "cache restored",  # it is as it was when it was copied
    CRASH,
)
STREAM_FAULTS = ("delivered again",)
CLIENT_FAULTS = ("answer lost",)

ALL = tuple(
    dict.fromkeys(
        (
            *READ_FAULTS,
            LATE_READ,
            *QUERY_FAULTS,
            *WRITE_FAULTS,
            *TRANSACTION_FAULTS,
            *BATCH_FAULTS,
            *CACHE_FAULTS,
            *STREAM_FAULTS,
            *CLIENT_FAULTS,
        )
    )
)

_WRITES: Mapping[str, tuple[str, ...]] = {
    "TransactWriteItems": WRITE_FAULTS + TRANSACTION_FAULTS,
    "UpdateItem": WRITE_FAULTS,
    "BatchWriteItem": WRITE_FAULTS + BATCH_FAULTS,
}


def of_request(operation: str, *, consistent: bool) -> tuple[str, ...]:
    """The faults that a request to the table can meet."""
    if operation in _WRITES:
        return _WRITES[operation]
    kinds = READ_FAULTS if operation == "GetItem" else READ_FAULTS + QUERY_FAULTS
    return kinds if consistent else (*kinds, LATE_READ)
