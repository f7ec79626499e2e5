"""Which versions of a session a conditional request means."""

from __future__ import annotations

from typing import NamedTuple


class Match(NamedTuple):
    """What an `If-Match` or `If-None-Match` names (RFC 9110, section 13.1).

    Attributes:
        anything: it is `*`: any version of what is there.
        versions: those that are named; a tag that is no version of ours matches none.
    """

    anything: bool
    versions: frozenset[int]

    def admits(self, version: int) -> bool:
        """Whether a session of this version is meant."""
        return self.anything or version in self.versions
