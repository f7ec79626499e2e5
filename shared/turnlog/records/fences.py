"""What a write names that is a stream's producer's: so that it is refused when another has taken that over.

Apart from all else of streams, because most writes are no producer's, and load no more than this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from turnlog.records.expressions import Value
    from turnlog.records.head import Head


class Fence(NamedTuple):
    """Which stream a write is of, and in which epoch: it is refused when another has taken that over."""

    stream_id: str
    epoch: int

    def runs_on(self, head: Head) -> bool:
        """Whether the head says that this stream runs, in this epoch."""
        return (head.active_stream, head.stream_epoch) == self


def running(fence: Fence) -> tuple[str, dict[str, Value]]:
    """The condition that this stream runs in a session, in this epoch; and its values."""
    condition = "#active_stream = :stream_id AND #stream_epoch = :stream_epoch_was"
    return condition, {"stream_id": fence.stream_id, "stream_epoch_was": fence.epoch}


def quiet_condition(fence: Fence | None) -> tuple[str, dict[str, Value]]:
    """The condition that no stream runs on a session, or that of the one that asks; and its values."""
    return running(fence) if fence else ("attribute_not_exists(#active_stream)", {})
