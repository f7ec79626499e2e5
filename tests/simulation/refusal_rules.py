"""What must hold of a request that fails: if its error says that nothing was written, nothing is.

The error is the operation's own. A client over HTTP cannot tell `Contended` from `Unanswered`: both are 503.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.violations import Rule, require
from turnlog.errors import Contended, TurnlogError, Unavailable

if TYPE_CHECKING:
    from tests.simulation.history import Work

# The client library repeats a request, and does not say that it did.
_HIDDEN = {"re-sent", "re-sent bare"}
# What these stored before another writer came between two of their steps stays: they were told that it is.
_IN_STEPS = {"put", "import_transcript"}


def check_denial(work: Work, error: TurnlogError | None) -> None:
    """Check the error with which a request ends."""
    if isinstance(error, Contended):
        work.denied = not work.faults & _HIDDEN
        require(Rule.SURELY_NOT_APPLIED, not (work.denied and work.done), (work, error))
    elif error and not isinstance(error, Unavailable) and error.status < TurnlogError.status:
        told = work.kind in _IN_STEPS and not work.unanswered
        work.denied = not work.faults & _HIDDEN and not told
        require(Rule.A_REFUSAL_DENIES_NOTHING, not (work.denied and work.done), (work, error))


def check_late(work: Work) -> None:
    """Check what a request wrote after it had ended."""
    require(Rule.NOTHING_DONE_AFTER_A_DENIAL, not (work.denied and work.done), work)
