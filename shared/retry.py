"""G7: how an operation waits before it tries again, and when it gives up.

A writer that lost holds the newer head (the failed condition brought it back), so a new try costs one
request; what it waits for is that the others get theirs through. Full jitter, after
aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.limits import REQUEST_SECONDS

if TYPE_CHECKING:
    from shared.backend import Clock
    from shared.errors import Unavailable

_FIRST_WAIT = 0.01
_LONGEST_WAIT = 0.4
# What one more try and the answer need; seconds.
_RESERVE = REQUEST_SECONDS + 0.5


async def pause(clock: Clock, attempt: int, error: Unavailable) -> None:
    """Wait before the next try.

    Args:
        clock: what waits.
        attempt: how many tries have failed before this one, from 0.
        error: what is raised when the time that is left does not allow another.
    """
    wait = clock.random() * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(attempt, 16))
    if clock.remaining() < wait + _RESERVE:
        raise error
    await clock.sleep(wait)
