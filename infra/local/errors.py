"""What ends a start."""

from __future__ import annotations


class CannotStart(Exception):
    """The server cannot start; the text is one line that says why, and what to do."""
