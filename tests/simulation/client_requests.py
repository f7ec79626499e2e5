"""What all of a client's requests are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.requests import Request
    from tests.simulation.texts import Texts


@dataclass
class ClientRequests:
    """One client's requests.

    Attributes:
        user: as whom.
        rng: decides.
        texts: what it says; shared with the other clients.
        sent: appends of all clients, which one of them may send again as its own.
    """

    user: str
    rng: Random
    texts: Texts
    sent: list[Request]

    def _sent_to(self, session: str, kind: str) -> list[Request]:
        """What was appended to the session, or sent at least, by anybody of this user."""
        mine = [one for one in self.sent if (one.user, one.session) == (self.user, session)]
        return [one for one in mine if one.kind == kind]
