"""What a sabotage is."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One sabotage.

    Attributes:
        name: what it does.
        old: the text that it replaces, which is there exactly once in `functions/` and `shared/`. A row names
            no file, so it still fits when a file gets another name or place.
        new: the text that it puts there.
        why: what should break.
        case: the case that the simulation tries first, where it sees it soonest; `programs` for its programs.
        test: a test, as pytest names it, where the simulation cannot see it.
    """

    name: str
    old: str
    new: str
    why: str
    case: str = ""
    test: str = ""
