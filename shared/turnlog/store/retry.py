"""G7: how an operation waits before it tries again, and when it gives up.

A writer that lost holds the newer head (the failed condition brought it back), so a new try costs one
request; what it waits for is that the others get theirs through. Full jitter, after
aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.

A write without an answer is looked for in the log before it is tried again. Where a rewind may have taken it
away, that says nothing: trying again could put back what was just taken, so it is left to the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from turnlog.limits import REQUEST_SECONDS

if TYPE_CHECKING:
    from turnlog.errors import Unanswered, Unavailable
    from turnlog.records.head import Head
    from turnlog.store.protocols import Clock

_FIRST_WAIT = 0.01
_LONGEST_WAIT = 0.4
# What one more try and the answer need; seconds.
RESERVE = REQUEST_SECONDS + 0.5


class Doubt(NamedTuple):
    """A write that was not answered, and at which count of rewinds it was tried."""

    error: Unanswered
    rewinds: int


def check_doubt(doubt: Doubt | None, head: Head) -> None:
    """Let pass who may try again.

    Args:
        doubt: about the last try, if there is one; its write is not in the log.
        head: of the log.

    Raises:
        Unanswered: the session was rewound since the try.
    """
    if doubt and doubt.rewinds != head.rewinds:
        raise doubt.error


def check_time(clock: Clock, error: Unavailable) -> None:
    """Let pass who has the time for one more try.

    Raises:
        Unavailable: the error, if it is too late.
    """
    if clock.remaining() < RESERVE:
        raise error


async def pause(clock: Clock, attempt: int, error: Unavailable) -> None:
    """Wait before the next try.

    Args:
        clock: what waits.
        attempt: how many tries have failed before this one, from 0.
        error: what is raised when the time that is left does not allow another.
    """
    wait = clock.random() * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempt, 16))
    if clock.remaining() < wait + RESERVE:
        raise error
    await clock.sleep(wait)
