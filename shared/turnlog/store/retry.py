"""G7: how an operation waits before it tries again, what it remembers of its tries, and when it gives up.

An operation that may have to try again is a loop without an end:

    tries = store.tries()
    while True:
        try:
            return await ...
        except (Contended, Unanswered) as error:
            await tries.again(error)  # waits, or raises the error

| a try that | was applied | the next one |
|---|---|---|
| fails its condition | no | starts from the head that the refusal brought back, so it costs no read |
| is `Contended` | no | is the same again |
| is `Unanswered` | maybe | first looks in the table whether the last one was applied |
| finds something `Torn` | it wrote nothing | reads again; after `READ_TRIES` it counts as lost |

Where a rewind may have taken an unanswered write away, the table cannot tell whether it was applied: trying
again could put back what was just taken. That is left to the client, see `check_rewinds`.

The waits have full jitter, after aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import Torn, Unanswered
from turnlog.limits import REQUEST_SECONDS

if TYPE_CHECKING:
    from collections import Counter

    from turnlog.errors import Unavailable
    from turnlog.records.head import Head
    from turnlog.store.protocols import Clock

READ_TRIES = 4
"""How often what is torn, or a batch that is missing, is read."""

RESERVE = REQUEST_SECONDS + 0.5
"""Seconds that one more try and the answer need."""

_FIRST_WAIT = 0.01
_LONGEST_WAIT = 0.4


class Tries:
    """The tries of one request.

    Args:
        clock: waits, and says how much time is left.
        counts: where `retries` are counted.

    Attributes:
        unanswered: the error of the last try that may have been applied; None if there was no such try.
    """

    def __init__(self, clock: Clock, counts: Counter[str]) -> None:
        self.unanswered: Unanswered | None = None
        self._rewinds = 0
        self._clock = clock
        self._counts = counts
        self._failed = 0
        self._torn = 0

    async def again(self, error: Unavailable, *, over: Head | None = None) -> None:
        """Wait before the next try.

        Args:
            error: why the last try failed.
            over: the head that the last try meant to change, if `check_rewinds` will be asked.

        Raises:
            Unavailable: the error, if there is no time for another try, or it is the last `Torn` of several.
        """
        if isinstance(error, Torn):
            self._torn += 1
            if self._torn == READ_TRIES:
                raise error
        elif isinstance(error, Unanswered):
            self.unanswered = error
            self._rewinds = over.rewinds if over else 0
        self._counts["retries"] += 1
        wait = self._clock.random() * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(self._failed, 16))
        self._failed += 1
        if self._clock.remaining() < wait + RESERVE:
            raise error
        await self._clock.sleep(wait)

    def check_rewinds(self, head: Head) -> None:
        """Refuse another try where the log lacks what an unanswered one wrote, and a rewind may be why.

        Raises:
            Unanswered: the session was rewound since that try.
        """
        if self.unanswered and self._rewinds != head.rewinds:
            raise self.unanswered


def check_time(clock: Clock, error: Unavailable) -> None:
    """Give up if there is no time for one more try.

    Raises:
        Unavailable: the error.
    """
    if clock.remaining() < RESERVE:
        raise error
