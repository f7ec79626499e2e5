"""Events in which every group opens and closes rightly, whatever the ones taken lack or repeat.

    new ──any event──▶ running ──finish, error, abort──▶ over

- `start` comes first, once. `finish` comes last, or `error`: nothing follows it. Behind `abort` comes
  `finish`.
- A text, a reasoning and a sub-agent is closed before what it is in: a step, the sub-agent, the stream. A
  delta without its start gets one; an end without its start is left out.
- A call of a tool has one input and one answer: the first ones count. An answer to an unknown call is left
  out.
- An input that is not whole when its step ends becomes `tool-input-error`. A call that is not answered when
  the stream ends by `error` or `abort` becomes `tool-output-error`: whether it has run is unknown.
- `reset-step` is handed on; what the running step had opened is forgotten.

What a client needs of this is in the tests: the AI SDK throws upon a delta or an answer of what it does not
know, and forgets a text that is open when its step ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from turnlog.errors import TurnlogError
from turnlog.wire import loads, what_cannot_be_kept

if TYPE_CHECKING:
    from collections.abc import Iterable

Event: TypeAlias = dict[str, Any]
State: TypeAlias = Literal["completed", "failed", "cancelled"]

CUT_OFF = "This call was cut off before its input was whole. The tool was not run."
UNANSWERED = "The turn ended before this tool answered. Whether it has run is unknown."

_GROUPS = {
    f"{kind}-{what}": (kind, what) for kind in ("text", "reasoning") for what in ("start", "delta", "end")
}
_INPUTS = {"tool-input-start", "tool-input-delta", "tool-input-available", "tool-input-error"}
_OUTPUTS = {"tool-output-available", "tool-output-error", "tool-output-denied"}
# What else may be said of a call that is not answered.
_ABOUT_CALLS = {"tool-approval-request"}
_ENDS = {"finish", "error", "abort"}
# Up to the last of these, `reset-step` leaves what was said.
_BOUNDS = {"start-step", "finish-step"}


@dataclass
class _Call:
    """A call of a tool.

    Attributes:
        begun: the event that said it first.
        state: `streaming` while its input comes, then `whole`, then `answered`.
        text: what has come of its input.
    """

    begun: Event
    state: Literal["streaming", "whole", "answered"] = "streaming"
    text: list[str] = field(default_factory=list)


class Wellformed:
    """Takes events as they come, and gives those that are well-formed.

    Args:
        message_id: of the message that the stream says; else the one that `start` names.
    """

    def __init__(self, message_id: str | None = None) -> None:
        self.over = False
        self._message_id = message_id
        self._started = False
        self._step = False
        self._groups: dict[tuple[str, str, str], None] = {}  # open: sub-agent (or ""), kind, id
        self._calls: dict[str, _Call] = {}
        self._subagents: dict[str, Event | None] = {}  # by id: how it began; None, when it has ended
        self._keep()

    def take(self, event: Event) -> list[Event]:
        """What this event comes to; nothing, where it is a repeat or of something unknown."""
        kind = event.get("type")
        if kind == "reset-step":
            self._forget()
            return [event]
        if not isinstance(kind, str):
            return []
        if self.over:
            if kind in _BOUNDS:
                self._keep()
            return []
        if kind == "start":
            return [] if self._started else self._start(event)
        lead = [] if self._started else self._start({"type": "start"})
        return lead + self._taken(kind, event)

    def take_all(self, events: Iterable[Event]) -> list[Event]:
        """What these events come to."""
        return [made for event in events for made in self.take(event)]

    def end(self, state: State, error: str | None = None) -> list[Event]:
        """What is missing of a stream that ended in this state; nothing, if its own events have said so."""
        match state:
            case "completed":
                return self.take({"type": "finish", "finishReason": "stop"})
            case "cancelled":
                return self.take({"type": "abort"})
            case "failed":
                return self.take({"type": "error", "errorText": error or "The turn failed."})

    def _start(self, event: Event) -> list[Event]:
        self._started = True
        self._keep()
        return [event if self._message_id is None else {**event, "messageId": self._message_id}]

    def _taken(self, kind: str, event: Event) -> list[Event]:
        if kind in _ENDS:
            return self._end(kind, event)
        if kind in {"start-step", "finish-step"}:
            return self._bound(kind, event)
        if kind in {"turnlog-subagent-start", "turnlog-subagent-end"}:
            return self._subagent(event, opens=kind.endswith("start"))
        whose = event.get("subagent")
        if not isinstance(whose, str):
            return self._said(kind, event)
        lead = self._subagent({"type": "turnlog-subagent-start", "id": whose}, opens=True)
        return [*lead, *self._said(kind, event)] if self._subagents[whose] else []

    def _said(self, kind: str, event: Event) -> list[Event]:
        if found := _GROUPS.get(kind):
            return self._grouped(*found, event)
        if kind in _INPUTS:
            return self._input(kind, event)
        if kind in _OUTPUTS:
            return self._output(event)
        if kind in _ABOUT_CALLS:
            call = self._calls.get(str(event.get("toolCallId")))
            return [event] if call and call.state != "answered" else []
        return [event]

    def _bound(self, kind: str, event: Event) -> list[Event]:
        """A step begins or ends. Those of sub-agents are not told."""
        made: list[Event] = []
        if "subagent" not in event:
            made = self._end_step(event if kind == "finish-step" else None)
        self._keep()
        if kind == "start-step" and "subagent" not in event:
            self._step = True
            made.append(event)
        return made

    def _end_step(self, event: Event | None = None) -> list[Event]:
        """End the running step, by this event if there is one."""
        if not self._step and event is None:
            return []
        closed = [*self._close(""), *self._cut_off("")]
        self._step = False
        return [*closed, event or {"type": "finish-step"}]

    def _grouped(self, kind: str, what: str, event: Event) -> list[Event]:
        known = event.get("id")
        if not isinstance(known, str) or (what == "delta" and not isinstance(event.get("delta"), str)):
            return []
        group = (str(event.get("subagent", "")), kind, known)
        made: list[Event] = []
        if what == "start" and group in self._groups:
            made.append(_of(group, "end"))
        elif what == "delta" and group not in self._groups:
            made.append(_of(group, "start"))
        elif what == "end" and group not in self._groups:
            return []
        if what == "end":
            del self._groups[group]
        else:
            self._groups[group] = None
        return [*made, event]

    def _input(self, kind: str, event: Event) -> list[Event]:
        known, name = event.get("toolCallId"), event.get("toolName")
        if not isinstance(known, str):
            return []
        call = self._calls.get(known)
        if kind == "tool-input-delta":
            text = event.get("inputTextDelta")
            if call is None or call.state != "streaming" or not isinstance(text, str):
                return []
            call.text.append(text)
            return [event]
        if not isinstance(name, str) or (call and (call.state != "streaming" or kind == "tool-input-start")):
            return []
        if call is None:
            call = self._calls[known] = _Call(event)
        if kind == "tool-input-available":
            call.state = "whole"
        elif kind == "tool-input-error":
            call.state = "answered"
        return [event]

    def _output(self, event: Event) -> list[Event]:
        call = self._calls.get(str(event.get("toolCallId")))
        if call is None or call.state == "answered":
            return []
        made: list[Event] = []
        if call.state == "streaming":  # its end was lost
            made.append({**_named(call), "type": "tool-input-available", "input": _read("".join(call.text))})
            call.state = "whole"
        if event.get("preliminary") is not True:
            call.state = "answered"
        return [*made, event]

    def _subagent(self, event: Event, *, opens: bool) -> list[Event]:
        known = event.get("id")
        if not isinstance(known, str) or (known in self._subagents) == opens:
            return []
        if not opens:
            return self._end_subagent(known, event)
        if not self._subagents.get(str(event.get("subagent"))):  # what began it is unknown
            event = {name: value for name, value in event.items() if name != "subagent"}
        self._subagents[known] = event
        return [event]

    def _end_subagent(self, known: str, event: Event) -> list[Event]:
        if self._subagents[known] is None:
            return []
        self._subagents[known] = None
        inner = self._end_subagents(known)
        return [*inner, *self._close(known), *self._cut_off(known), *self._unanswered(known), event]

    def _end_subagents(self, whose: str) -> list[Event]:
        """End those that this agent began."""
        begun = [known for known, one in self._subagents.items() if one and one.get("subagent", "") == whose]
        return [made for known in begun for made in self._end_subagent(known, _ended(known))]

    def _end(self, kind: str, event: Event) -> list[Event]:
        made = [*self._end_subagents(""), *self._close(""), *self._cut_off("")]
        if kind != "finish":
            made += self._unanswered("")
        step = self._end_step()
        self.over = True
        if kind == "abort":
            return [*made, event, *step, {"type": "finish", "finishReason": "other"}]
        return [*made, *step, event]

    def _close(self, whose: str) -> list[Event]:
        groups = [group for group in self._groups if group[0] == whose]
        for group in groups:
            del self._groups[group]
        return [_of(group, "end") for group in groups]

    def _cut_off(self, whose: str) -> list[Event]:
        """Inputs that will not become whole."""
        made = []
        for call in self._calls.values():
            if call.state == "streaming" and call.begun.get("subagent", "") == whose:
                call.state = "answered"
                given = _read("".join(call.text))
                made.append(
                    {**_named(call), "type": "tool-input-error", "input": given, "errorText": CUT_OFF}
                )
        return made

    def _unanswered(self, whose: str) -> list[Event]:
        made: list[Event] = []
        for known, call in self._calls.items():
            if call.state == "whole" and call.begun.get("subagent", "") == whose:
                call.state = "answered"
                answer = {"type": "tool-output-error", "toolCallId": known, "errorText": UNANSWERED}
                made.append(_whose(answer, whose))
        return made

    def _keep(self) -> None:
        """Remember what there is where a step begins or has ended."""
        calls = {
            known: _Call(call.begun, call.state, [*call.text]) if call.state != "answered" else call
            for known, call in self._calls.items()
        }
        self._kept = (self._started, self._step, self.over, dict(self._groups), calls, dict(self._subagents))

    def _forget(self) -> None:
        """Be as one was there."""
        self._started, self._step, self.over, self._groups, self._calls, self._subagents = self._kept
        self._keep()


class Told:
    """What a client that cannot drop a step is told of a stream, in the words of its protocol.

    A protocol says in `_tell` what it makes of well-formed events.

    Attributes:
        over: nothing follows.
    """

    def __init__(self, message_id: str) -> None:
        self.over = False
        self._wellformed = Wellformed(message_id)

    def take(self, event: Event) -> list[Event]:
        """What one event comes to."""
        if self.over:
            return []
        if event.get("type") == "reset-step":  # the client cannot drop a step
            self.over = True
            return []
        return self._told(self._wellformed.take(event))

    def take_all(self, events: Iterable[Event]) -> list[Event]:
        """What these events come to."""
        return [told for event in events for told in self.take(event)]

    def end(self, state: State, error: str | None = None) -> list[Event]:
        """What is missing of a stream that ended in this state."""
        return [] if self.over else self._told(self._wellformed.end(state, error))

    def _told(self, events: list[Event]) -> list[Event]:
        made = [told for event in events for told in self._tell(event)]
        self.over = self._wellformed.over
        return made

    def _tell(self, event: Event) -> list[Event]:
        raise NotImplementedError


def _ended(known: str) -> Event:
    return {"type": "turnlog-subagent-end", "id": known, "state": "cancelled"}


def _of(group: tuple[str, str, str], what: str) -> Event:
    whose, kind, known = group
    return _whose({"type": f"{kind}-{what}", "id": known}, whose)


def _named(call: _Call) -> Event:
    """Which call it is."""
    fields = ("toolCallId", "toolName", "title", "dynamic", "providerExecuted", "subagent")
    return {name: call.begun[name] for name in fields if name in call.begun}


def _whose(event: Event, whose: str) -> Event:
    return {**event, "subagent": whose} if whose else event


def _read(text: str) -> Any:
    """An input; the text itself, where it is no JSON that an answer can carry."""
    try:
        given = loads(text) if text.strip() else {}
    except TurnlogError:
        return text
    return text if what_cannot_be_kept(given) else given
