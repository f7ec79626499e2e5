"""The types of events that Turnlog itself heeds; all others pass through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

RESET_STEP = "reset-step"
"""What the running step has said so far was lost with its producer."""

_ENDS = {"finish-step", "finish", "error", "abort"}


def ends_step(event: Mapping[str, Any]) -> bool:
    """Whether what came before it must not be lost any more: a step has ended, or a tool has answered."""
    kind = event["type"]
    return kind in _ENDS or kind.startswith("tool-output-")
