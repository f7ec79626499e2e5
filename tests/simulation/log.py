"""A message of a log, through its versions."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple

Fields = dict[str, Any]


class Version(NamedTuple):
    """A message as it was from this commit on."""

    commit: int
    fields: Fields


class Entry:
    """A message of a log, and how tool calls changed it."""

    def __init__(self, version: Version) -> None:
        self.versions = [version]

    @property
    def newest(self) -> Fields:
        """The message as it is."""
        return self.versions[-1].fields

    def during(self, first: int, last: int) -> list[Fields]:
        """The message as it was at any time from the first commit to the last."""
        start = max(0, bisect_right(self.versions, first, key=lambda version: version.commit) - 1)
        return [version.fields for version in self.versions[start:] if version.commit <= last]
