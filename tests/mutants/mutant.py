"""What a sabotage is."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One sabotage.

    Attributes:
        name: what it does.
        file: in which file of `folder`.
        old: the text that it replaces, which must be there exactly once.
        new: the text that it puts there.
        why: what should break.
        case: the case that the simulation tries first, where it sees it soonest; `programs` for its programs.
        test: a test, as pytest names it, where the simulation cannot see it.
        folder: where the file is.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    case: str = ""
    test: str = ""
    folder: str = "shared/turnlog"
