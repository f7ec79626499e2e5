"""What can happen to a request on its way to a function, and to the answer on its way back, by name.

What is done of it and what its sender learns are two things. The table says for each trouble whether the
function gets the request, and what the sender sees: an error of httpx, or an answer of the gateway's own.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random


UNAUTHORIZED = (401, 403)  # what the gateway's authorizer answers


class Served(Enum):
    """Whether the function gets the request."""

    NEVER = "never"
    NOW = "now"
    LATER = "later"  # at any time, also when nobody waits for it any more


class Trouble(NamedTuple):
    """What happens.

    Attributes:
        served: whether the function gets the request.
        seen: what its sender sees: an error, a status, or None for an answer that ends in the middle.
    """

    served: Served
    seen: type[httpx.TransportError] | int | None


TROUBLES: Mapping[str, Trouble] = {
    "http: connection refused": Trouble(Served.NEVER, httpx.ConnectError),
    "http: connect time-out": Trouble(Served.NEVER, httpx.ConnectTimeout),
    "http: no connection free": Trouble(Served.NEVER, httpx.PoolTimeout),
    "http: 429": Trouble(Served.NEVER, 429),
    # By the gateway's authorizer: it speaks of this request, not of those before it.
    "http: 401": Trouble(Served.NEVER, 401),
    "http: 403": Trouble(Served.NEVER, 403),
    # From here on the sender cannot know whether it was done.
    "http: cut while it was sent": Trouble(Served.NEVER, httpx.WriteError),
    "http: read time-out, not done": Trouble(Served.NEVER, httpx.ReadTimeout),
    "http: 502, not done": Trouble(Served.NEVER, 502),
    "http: 503, not done": Trouble(Served.NEVER, 503),
    "http: 504, not done": Trouble(Served.NEVER, 504),
    "http: read time-out, done": Trouble(Served.NOW, httpx.ReadTimeout),
    "http: connection lost, done": Trouble(Served.NOW, httpx.ReadError),
    "http: disconnected, done": Trouble(Served.NOW, httpx.RemoteProtocolError),
    "http: answer cut": Trouble(Served.NOW, None),
    "http: 500, done": Trouble(Served.NOW, 500),
    "http: 502, done": Trouble(Served.NOW, 502),
    "http: 503, done": Trouble(Served.NOW, 503),
    "http: 504, done": Trouble(Served.NOW, 504),
    "http: connection lost, done later": Trouble(Served.LATER, httpx.ReadError),
    "http: 504, done later": Trouble(Served.LATER, 504),
}

BUCKET_TROUBLES = (
    "bucket: no answer",
    "bucket: answer cut",
    "bucket: answer short",
    "bucket: 403",
    "bucket: 503",
)
"""What a program meets that reads from the bucket: 403 is an address that ran out."""

# What becomes of an answer that never left the function: it crashed, or its time was over.
CRASHED = tuple(Trouble(Served.NOW, seen) for seen in (500, 502, 503, 504, httpx.ReadError))


class Weather:
    """Chooses troubles at random: rarely or often, of few kinds or many, alone or several in a row.

    Args:
        rng: decides.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._first = rng.choice((0.0, 0.05, 0.15, 0.3))
        self._next = rng.choice((0.1, 0.5, 0.8))
        share = rng.choice((0.2, 0.5, 1.0))
        self._kinds = [kind for kind in TROUBLES if rng.random() < share] or list(TROUBLES)

    def trouble(self, *, again: bool) -> str | None:
        """The trouble of a request, if it has one.

        Args:
            again: the request before it, of the same call, had one.
        """
        chance = self._next if again else self._first
        return self._rng.choice(self._kinds) if self._rng.random() < chance else None
