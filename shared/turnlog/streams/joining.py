"""What a stream says so far, in as few events as say the same.

The deltas of a group (a text, a reasoning, a tool's input) become one, where the first of them stood. A step
that was dropped (`reset-step`) is left out: a producer was lost in the middle of it, and another has begun
it anew. All other events stay as they are, in their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Event = dict[str, Any]

# Type → the field that names its group, and the one that is joined.
_DELTAS = {
    "text-delta": ("id", "delta"),
    "reasoning-delta": ("id", "delta"),
    "tool-input-delta": ("toolCallId", "inputTextDelta"),
}
# What begins or ends a group: its deltas behind that are others'.
_GROUP_BOUNDS = {
    "text-start": ("text-delta", "id"),
    "text-end": ("text-delta", "id"),
    "reasoning-start": ("reasoning-delta", "id"),
    "reasoning-end": ("reasoning-delta", "id"),
    "tool-input-start": ("tool-input-delta", "toolCallId"),
    "tool-input-available": ("tool-input-delta", "toolCallId"),
    "tool-input-error": ("tool-input-delta", "toolCallId"),
    "tool-output-available": ("tool-input-delta", "toolCallId"),
    "tool-output-error": ("tool-input-delta", "toolCallId"),
    "tool-output-denied": ("tool-input-delta", "toolCallId"),
}
_BOUNDS = {"start", "start-step", "finish-step", "finish", "error", "abort", "turnlog-subagent-end"}


class Joined:
    """Events, joined as they come."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._texts: dict[int, list[str]] = {}  # by place: what is joined there
        self._open: dict[tuple[str, str, str], int] = {}  # by group: the place of its delta
        self._step = 0  # where the running step begins

    def add(self, events: Iterable[Event]) -> None:
        """Take further events."""
        for event in events:
            self._add(event)

    def _add(self, event: Event) -> None:
        kind = event.get("type")
        if kind == "reset-step":
            self._drop()
            return
        if joined := _DELTAS.get(str(kind)):
            group, text = event.get(joined[0]), event.get(joined[1])
            if isinstance(group, str) and isinstance(text, str):
                self._join(str(kind), group, event, text)
                return
        if bounds := _GROUP_BOUNDS.get(str(kind)):  # an id may be used again
            self._open.pop((bounds[0], _whose(event), str(event.get(bounds[1]))), None)
        elif kind in _BOUNDS:
            self._open.clear()
        self._events.append(event)
        if kind == "finish-step" or (kind == "start" and len(self._events) == 1):
            self._step = len(self._events)
        elif kind == "start-step":
            self._step = len(self._events) - 1

    def _join(self, kind: str, group: str, event: Event, text: str) -> None:
        key = (kind, _whose(event), group)
        place = self._open.get(key)
        if place is None:
            place = self._open[key] = len(self._events)
            self._events.append(event)
            self._texts[place] = []
        else:
            self._events[place] = {**self._events[place], **event}
        self._texts[place].append(text)

    def _drop(self) -> None:
        """Leave the running step out."""
        del self._events[self._step :]
        self._texts = {place: texts for place, texts in self._texts.items() if place < self._step}
        self._open.clear()  # a delta of this step is dropped with it, also where its group began before

    def events(self) -> list[Event]:
        """What there is so far."""
        made = list(self._events)
        for place, texts in self._texts.items():
            field = _DELTAS[made[place]["type"]][1]
            made[place] = {**made[place], field: "".join(texts)}
        return made


def _whose(event: Event) -> str:
    return str(event.get("subagent", ""))


def joined(events: Iterable[Event]) -> list[Event]:
    """These events, joined."""
    so_far = Joined()
    so_far.add(events)
    return so_far.events()
