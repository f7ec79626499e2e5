"""What EventBridge does: it calls functions again and again."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.template import Schedule

logger = logging.getLogger(__name__)

STOP_SECONDS = 10


class Clockwork:
    """Calls a function in a thread of its own, while its context is entered.

    Args:
        schedule: which function, and how often.
        function: takes an event, and another that is set when the server stops: then it gives up.
    """

    def __init__(self, schedule: Schedule, function: Callable[[dict[str, Any], Event], Any]) -> None:
        self._schedule = schedule
        self._function = function
        self._stopping = Event()
        # As the stream's: what is asked in a thread of this name is upkeep, and no client's.
        self._thread = Thread(target=self._run, name="stream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(self._schedule.seconds):
            try:
                self._function({"source": "aws.events", "detail-type": "Scheduled Event"}, self._stopping)
            except Exception:
                # The function's fault, whatever it is. Lambda does the same: it logs, and comes again.
                logger.exception("%s failed", self._schedule.function.name)
