"""A stream's events as those of AG-UI 1.0.

    before ──any event──▶ running ──finish, error──▶ over, by RUN_FINISHED or RUN_ERROR
                                  ──reset-step─────▶ over, without either: the client has to come again

Each text, each reasoning and each tool's answer is a message there. The calls of a step belong to its last
text, or to a message of their own. Every group is closed before RUN_FINISHED, and nothing comes behind it.
Optional fields are left out, never null. A sub-agent's events bear its id (`subagentRunId`). What AG-UI has
no word for, such as `turnlog-usage` and `data-*`, is CUSTOM, with its type as the name.

Who comes late gets a snapshot: RUN_STARTED, MESSAGES_SNAPSHOT with what was said, then a START again for
each step, reasoning, text, call and sub-agent that is open. AG-UI's client goes on with the messages that
it has under their ids.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeAlias

from turnlog.streams.adapters.ui_messages import DENIED
from turnlog.streams.adapters.wellformed import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from turnlog.streams.adapters.wellformed import Event

_Group: TypeAlias = tuple[str, str, str]  # sub-agent (or ""), kind, id

PROTOCOL_VERSION = "1.0"

_COUNTERS = {
    "inputTokens": ("input_tokens", "prompt_tokens"),
    "outputTokens": ("output_tokens", "completion_tokens"),
    "totalTokens": ("total_tokens",),
    "cachedInputTokens": ("cache_read_input_tokens",),
    "cacheWriteInputTokens": ("cache_creation_input_tokens",),
}
_LARGEST = 2**53 - 1


class AgUi(Told):
    """The events of one run.

    Args:
        thread_id: the session.
        run_id: the stream.
        message_id: of the message that the stream says. The first of AG-UI's messages has it; the ids of the
            others are made of it, in their order.
    """

    def __init__(self, thread_id: str, run_id: str, message_id: str) -> None:
        super().__init__(message_id)
        self._run = {"threadId": thread_id, "runId": run_id}
        self._message_id = message_id
        self._messages = 0  # so many ids were given
        self._steps = 0
        self._parents: dict[str, str] = {}  # by sub-agent (or ""): the message that its calls belong to
        self._groups: dict[_Group, str] = {}  # open texts and reasonings: the id of the message
        self._inputs: dict[str, list[str]] = {}  # of calls whose input comes
        self._waiting: set[str] = set()  # calls that are not answered
        self._approvals: dict[str, str] = {}  # by call: the id of what is asked
        self._usage: Event = {}
        self._cancelled = False
        self._open: dict[_Group, list[Event]] = {}  # what says that each open thing has begun
        self._tells: dict[str, Callable[[Event], list[Event]]] = {
            "start": self._start,
            "start-step": self._start_step,
            "finish-step": self._finish_step,
            "text-start": self._start_text,
            "text-delta": self._say,
            "text-end": self._end_text,
            "reasoning-start": self._start_reasoning,
            "reasoning-delta": self._think,
            "reasoning-end": self._end_reasoning,
            "tool-input-start": self._call,
            "tool-input-delta": self._arguments,
            "tool-input-available": self._called,
            "tool-input-error": self._miscalled,
            "tool-output-available": self._answer,
            "tool-output-error": self._answer,
            "tool-output-denied": self._answer,
            "tool-approval-request": self._ask,
            "turnlog-usage": self._count,
            "turnlog-subagent-start": self._start_subagent,
            "turnlog-subagent-end": self._end_subagent,
            "abort": self._abort,
            "finish": self._finish,
            "error": self._fail,
        }

    def snapshot(self, events: Iterable[Event], before: Iterable[Event] = ()) -> list[Event]:
        """What a stream says so far; what comes behind it goes to `take`.

        Args:
            events: of the stream, from its first one, without steps that were dropped.
            before: the thread's messages before those of the stream, as AG-UI has them.
        """
        said = self.take_all(events) or self._told(self._wellformed.take({"type": "start"}))
        snapshot = {"type": "MESSAGES_SNAPSHOT", "messages": [*before, *messages_of(said)]}
        ends = [event for event in said if event["type"] in {"RUN_FINISHED", "RUN_ERROR"}]
        return [self._started(), snapshot, *(one for begun in self._open.values() for one in begun), *ends]

    def _tell(self, event: Event) -> list[Event]:
        tell = self._tells.get(event["type"])
        told = tell(event) if tell else [_custom(event)]
        whose = _whose(event)
        return [{"subagentRunId": whose, **one} for one in told] if whose else told

    def _begin(self, group: _Group, *begun: Event) -> list[Event]:
        whose = group[0]
        self._open[group] = [{**one, "subagentRunId": whose} for one in begun] if whose else list(begun)
        return list(begun)

    def _started(self) -> Event:
        return {"type": "RUN_STARTED", **self._run, "protocolVersion": PROTOCOL_VERSION}

    def _start(self, event: Event) -> list[Event]:
        about = {"type": "message-metadata", "messageMetadata": event.get("messageMetadata")}
        return [self._started(), *([_custom(about)] if about["messageMetadata"] is not None else [])]

    def _start_step(self, _: Event) -> list[Event]:
        self._steps += 1
        self._parents.pop("", None)
        return self._begin(("", "step", ""), {"type": "STEP_STARTED", "stepName": f"step-{self._steps}"})

    def _finish_step(self, _: Event) -> list[Event]:
        self._parents.pop("", None)
        if self._open.pop(("", "step", ""), None) is None:  # its beginning was lost
            return []
        return [{"type": "STEP_FINISHED", "stepName": f"step-{self._steps}"}]

    def _new_id(self) -> str:
        self._messages += 1
        return self._message_id if self._messages == 1 else f"{self._message_id}-{self._messages}"

    def _start_text(self, event: Event) -> list[Event]:
        group = (_whose(event), "text", event["id"])
        known = self._groups[group] = self._parents[group[0]] = self._new_id()
        return self._begin(group, {"type": "TEXT_MESSAGE_START", "messageId": known, "role": "assistant"})

    def _say(self, event: Event) -> list[Event]:
        known = self._groups[_whose(event), "text", event["id"]]
        content = {"type": "TEXT_MESSAGE_CONTENT", "messageId": known, "delta": event["delta"]}
        return [content] if event["delta"] else []

    def _end_text(self, event: Event) -> list[Event]:
        group = (_whose(event), "text", event["id"])
        del self._open[group]
        return [{"type": "TEXT_MESSAGE_END", "messageId": self._groups.pop(group)}]

    def _start_reasoning(self, event: Event) -> list[Event]:
        group = (_whose(event), "reasoning", event["id"])
        known = self._groups[group] = self._new_id()
        return self._begin(
            group,
            {"type": "REASONING_START", "messageId": known},
            {"type": "REASONING_MESSAGE_START", "messageId": known, "role": "reasoning"},
        )

    def _think(self, event: Event) -> list[Event]:
        known = self._groups[_whose(event), "reasoning", event["id"]]
        content = {"type": "REASONING_MESSAGE_CONTENT", "messageId": known, "delta": event["delta"]}
        return [content] if event["delta"] else []

    def _end_reasoning(self, event: Event) -> list[Event]:
        group = (_whose(event), "reasoning", event["id"])
        del self._open[group]
        known = self._groups.pop(group)
        sealed = _sealed(event.get("providerMetadata"))
        value = {
            "type": "REASONING_ENCRYPTED_VALUE",
            "subtype": "message",
            "entityId": known,
            "encryptedValue": sealed,
        }
        return [
            {"type": "REASONING_MESSAGE_END", "messageId": known},
            *([value] if sealed else []),
            {"type": "REASONING_END", "messageId": known},
        ]

    def _call(self, event: Event) -> list[Event]:
        known, whose = event["toolCallId"], _whose(event)
        if whose not in self._parents:
            self._parents[whose] = self._new_id()
        self._inputs[known] = []
        call = {"type": "TOOL_CALL_START", "toolCallId": known, "toolCallName": event["toolName"]}
        return self._begin((whose, "call", known), {**call, "parentMessageId": self._parents[whose]})

    def _arguments(self, event: Event) -> list[Event]:
        known, text = event["toolCallId"], event["inputTextDelta"]
        self._inputs[known].append(text)
        return [{"type": "TOOL_CALL_ARGS", "toolCallId": known, "delta": text}] if text else []

    def _called(self, event: Event) -> list[Event]:
        self._waiting.add(event["toolCallId"])
        return self._end_call(event)

    def _miscalled(self, event: Event) -> list[Event]:
        return [*self._end_call(event), self._result(event, str(event.get("errorText", "")))]

    def _end_call(self, event: Event) -> list[Event]:
        known = event["toolCallId"]
        made = [] if known in self._inputs else self._call(event)
        if not "".join(self._inputs.pop(known)):
            given = event.get("input")
            text = given if isinstance(given, str) else _json({} if given is None else given)
            made += [{"type": "TOOL_CALL_ARGS", "toolCallId": known, "delta": text}] if text else []
        del self._open[_whose(event), "call", known]
        return [*made, {"type": "TOOL_CALL_END", "toolCallId": known}]

    def _answer(self, event: Event) -> list[Event]:
        if event.get("preliminary") is True:
            return [_custom(event)]
        self._waiting.discard(event["toolCallId"])
        self._approvals.pop(event["toolCallId"], None)
        if event["type"] == "tool-output-available":
            output = event.get("output")
            return [self._result(event, output if isinstance(output, str) else _json(output))]
        return [self._result(event, str(event.get("errorText", DENIED)))]

    def _result(self, event: Event, content: str) -> Event:
        known = event["toolCallId"]
        result = {"type": "TOOL_CALL_RESULT", "messageId": self._new_id(), "toolCallId": known}
        return {**result, "content": content, "role": "tool"}

    def _ask(self, event: Event) -> list[Event]:
        if isinstance(event.get("approvalId"), str):
            self._approvals[event["toolCallId"]] = event["approvalId"]
        return []

    def _count(self, event: Event) -> list[Event]:
        usage = event.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        for name, given in _COUNTERS.items():
            value = next((counts[one] for one in given if _is_count(counts.get(one))), None)
            if value is not None:
                self._usage[name] = min(self._usage.get(name, 0) + value, _LARGEST)
        return [_custom(event)]

    def _start_subagent(self, event: Event) -> list[Event]:
        known = event["id"]
        told = {
            "name": event.get("name") or "agent",
            "description": event.get("description"),
            "parentToolCallId": event.get("toolCallId"),
            "parentSubagentRunId": event.get("subagent"),
        }
        fields = {name: value for name, value in told.items() if isinstance(value, str)}
        start = {"type": "SUBAGENT_STARTED", "subagentRunId": known, **fields}
        self._open["", "subagent", known] = [start]
        return [start]

    def _end_subagent(self, event: Event) -> list[Event]:
        del self._open["", "subagent", event["id"]]
        told = {"subagentRunId": event["id"]}
        if event.get("state", "completed") == "completed":
            return [{"type": "SUBAGENT_FINISHED", **told, "outcome": {"type": "success"}}]
        message = event.get("error") or f"It ended as {event['state']}."
        return [{"type": "SUBAGENT_ERROR", **told, "message": str(message)}]

    def _abort(self, _: Event) -> list[Event]:
        self._cancelled = True
        return []

    def _finish(self, event: Event) -> list[Event]:
        told = event.get("messageMetadata")
        about = [_custom({"type": "message-metadata", "messageMetadata": told})] if told is not None else []
        outcome: Event = {"type": "success"}
        if self._cancelled:
            outcome = {"type": "cancelled"}
        elif self._approvals:
            asked = [
                {"id": known, "reason": "tool_call", "toolCallId": call}
                for call, known in self._approvals.items()
            ]
            outcome = {"type": "interrupt", "interrupts": asked}
        elif self._waiting:
            outcome = {"type": "success", "pendingToolCallIds": sorted(self._waiting)}
        usage = {"usage": [self._usage]} if self._usage else {}
        return [*about, {"type": "RUN_FINISHED", **self._run, "outcome": outcome, **usage}]

    def _fail(self, event: Event) -> list[Event]:
        usage = {"usage": [self._usage]} if self._usage else {}
        return [{"type": "RUN_ERROR", "message": str(event.get("errorText") or "The turn failed."), **usage}]


def messages_of(events: Iterable[Event], before: Iterable[Event] = ()) -> list[Event]:  # noqa: C901 (a case each)
    """The messages that events of AG-UI say, as its client makes them: a START of one that is there keeps it.

    Args:
        before: the messages that there are; they are not changed.
    """
    messages = deepcopy(list(before))
    by_id = {message["id"]: message for message in messages}
    # By id: the call, and the message that it is in.
    calls = {call["id"]: (call, one) for one in messages for call in one.get("toolCalls", ())}

    def put(message: Event, event: Event, at: int | None = None) -> Event:
        if message["id"] in by_id:
            return by_id[message["id"]]
        whose = {"subagentRunId": event["subagentRunId"]} if "subagentRunId" in event else {}
        by_id[message["id"]] = made = {**message, **whose}
        messages.insert(len(messages) if at is None else at, made)
        return made

    for event in events:
        match event:
            case {"type": "TEXT_MESSAGE_START", "messageId": known}:
                put({"id": known, "role": "assistant", "content": ""}, event)
            case {"type": "REASONING_MESSAGE_START", "messageId": known}:
                put({"id": known, "role": "reasoning", "content": ""}, event)
            case {
                "type": "TEXT_MESSAGE_CONTENT" | "REASONING_MESSAGE_CONTENT",
                "messageId": known,
                "delta": delta,
            }:
                by_id[known]["content"] += delta
            case {"type": "REASONING_ENCRYPTED_VALUE", "entityId": known, "encryptedValue": sealed}:
                by_id[known]["encryptedValue"] = sealed
            case {"type": "TOOL_CALL_START", "toolCallId": known, "parentMessageId": parent} if (
                known not in calls
            ):
                message = by_id.get(parent) or put({"id": parent, "role": "assistant"}, event)
                function = {"name": event["toolCallName"], "arguments": ""}
                call = {"id": known, "type": "function", "function": function}
                message.setdefault("toolCalls", []).append(call)
                calls[known] = (call, message)
            case {"type": "TOOL_CALL_ARGS", "toolCallId": known, "delta": delta}:
                calls[known][0]["function"]["arguments"] += delta
            case {"type": "TOOL_CALL_RESULT", "toolCallId": known, "messageId": message_id}:
                at = messages.index(calls[known][1]) + 1
                while at < len(messages) and messages[at]["role"] == "tool":
                    at += 1
                answer = {"id": message_id, "role": "tool", "toolCallId": known, "content": event["content"]}
                put(answer, event, at)
    return messages


def _custom(event: Event) -> Event:
    value = {name: one for name, one in event.items() if name not in {"type", "subagent"}}
    return {"type": "CUSTOM", "name": event["type"], "value": value}


def _whose(event: Event) -> str:
    whose = event.get("subagent")
    return whose if isinstance(whose, str) else ""


def _sealed(told: Any) -> str:
    """What a provider needs back of a reasoning: its signature, or its encrypted text."""
    fields = ("signature", "redactedData", "reasoningEncryptedContent", "thoughtSignature")
    by_provider = [one for one in told.values() if isinstance(one, dict)] if isinstance(told, dict) else []
    found = [one[name] for one in by_provider for name in fields if isinstance(one.get(name), str)]
    return found[0] if found else ""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
