"""How far a fork is that is not whole yet: JSON text in its head, see `turnlog.operations.fork_session`."""

from __future__ import annotations

import json
from typing import NamedTuple

from turnlog.wire import dumps


class Progress(NamedTuple):
    """What an unfinished fork is of, and how far it is.

    The messages are copied in passes, each from the first message on. Only the first pass copies them all;
    a later one, after the source was edited or cut, writes what is not the same any more.

    Attributes:
        source: id of the session that is forked.
        generation: of that session.
        asked: `to_sequence` of the request; None: it named none.
        title: of the request, likewise.
        to: how many messages the fork gets.
        edits: the source's count of edits when the pass began.
        copied: how many messages are as the source had them in this pass, from the first on.
        end: the sequence behind the last message that any pass has copied.
    """

    source: str
    generation: int
    asked: int | None
    title: str | None
    to: int
    edits: int
    copied: int = 0
    end: int = 0

    def dump(self) -> str:
        """JSON text of it."""
        return dumps(list(self)).decode()


def load(dumped: str) -> Progress:
    """What `Progress.dump` wrote."""
    return Progress(*json.loads(dumped))
