"""Events of streams as programs send them, and as they come where programs and networks fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

Event = dict[str, Any]

TEXTS = ["", "a", 'b {"}', "1:,\n", "ü"]
METADATA: list[Event] = [
    {},
    {"providerMetadata": {"anthropic": {"signature": "c2ln"}}},
    {"providerMetadata": {"openai": {"itemId": "rs_1"}}},
]
IMAGE = {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}
OUTPUTS: list[Any] = [
    {"a": 1},
    "text",
    [],
    "",
    {"content": [{"type": "text", "text": "x"}, IMAGE]},
    1.5,
    False,
]
# What stands in a step by itself.
OTHERS: list[Event] = [
    {"type": "data-weather", "data": {"sun": True}},
    {"type": "data-note", "data": 1, "transient": True},
    {"type": "source-url", "sourceId": "s", "url": "https://example.com"},
    {
        "type": "source-document",
        "sourceId": "s",
        "mediaType": "text/plain",
        "title": "A",
        "filename": "a.txt",
    },
    {"type": "file", "url": "https://example.com/a.png", "mediaType": "image/png"},
    {"type": "turnlog-usage", "usage": {"input_tokens": 1, "details": {"cached": 2}}},
    {"type": "turnlog-compaction", "trigger": "auto"},
    {"type": "message-metadata", "messageMetadata": {"model": "m"}},
    {"type": "of-another", "what": [1]},
]
# What no program should send.
ODD: list[Event] = [
    {"type": "text-delta", "id": 1, "delta": "x"},
    {"type": "text-delta", "id": "never-begun", "delta": "x"},
    {"type": "reasoning-end", "id": "never-begun"},
    {"type": "tool-output-available", "toolCallId": "never-called", "output": 1},
    {"type": "tool-input-delta", "toolCallId": "never-called", "inputTextDelta": "x"},
    {"type": "tool-input-start", "toolCallId": "nameless"},
    {"type": "text-start"},
    {"type": "error", "errorText": "The model failed."},
    {"type": "finish", "finishReason": "unknown"},
    {"type": "start-step", "subagent": "a0"},
    {"type": "text-delta", "id": "late", "delta": "x", "subagent": "a0"},
    {"type": "turnlog-subagent-start", "id": "a0", "subagent": "a100"},
    {"type": "turnlog-subagent-end", "id": "a0"},
    {"type": "text-start", "id": "null", "providerMetadata": None},
    {"type": "tool-approval-request", "approvalId": "p", "toolCallId": "never-called"},
]


def stream(random: Random) -> list[Event]:
    """A whole stream, as a program sends it that makes no mistake."""
    made: list[Event] = [{"type": "start", "messageId": "theirs"}]
    for number in range(random.randint(0, 3)):
        made += [{"type": "start-step"}, *_step(random, number * 100), {"type": "finish-step"}]
    return [*made, random.choice([{"type": "finish", "finishReason": "stop"}, {"type": "abort"}])]


def broken(random: Random) -> list[Event]:
    """The same, cut off anywhere; events lost, said twice, out of order; steps that were dropped."""
    events = stream(random)
    for _ in range(random.randint(0, 4)):
        at, other = random.randint(0, len(events)), random.randint(0, len(events))
        match random.randint(0, 5):
            case 0:
                del events[at : at + 1]
            case 1:
                events[at:at] = events[other : other + random.randint(1, 4)]
            case 2:
                moved = events[other : other + 1]
                del events[other : other + 1]
                events[at:at] = moved
            case 3:
                events.insert(at, {"type": "reset-step"})
            case 4:
                del events[at:]
            case _:
                events.insert(at, random.choice(ODD))
    return events


def _step(random: Random, first: int) -> list[Event]:
    """Texts, calls and the like of one step, which go on at once."""
    runs = [
        random.choice([_group, _tool, _other])(random, number, {})
        for number in range(first, first + random.randint(0, 3))
    ]
    if random.randint(0, 3) == 0:
        known = f"a{first}"
        inner = [
            *_group(random, first + 50, {"subagent": known}),
            *_tool(random, first + 51, {"subagent": known}),
        ]
        ended = {"type": "turnlog-subagent-end", "id": known, "state": random.choice(["completed", "failed"])}
        runs.append([{"type": "turnlog-subagent-start", "id": known, "name": "helper"}, *inner, ended])
    woven: list[Event] = []
    while runs := [run for run in runs if run]:
        woven.append(random.choice(runs).pop(0))
    return woven


def _group(random: Random, number: int, whose: Event) -> list[Event]:
    """A text or a reasoning."""
    kind, known = random.choice(["text", "reasoning"]), f"g{number}"
    deltas = [
        {"type": f"{kind}-delta", "id": known, "delta": random.choice(TEXTS)}
        for _ in range(random.randint(0, 3))
    ]
    start = {"type": f"{kind}-start", "id": known}
    end = {"type": f"{kind}-end", "id": known, **random.choice(METADATA)}
    return [{**one, **whose} for one in (start, *deltas, end)]


def _tool(random: Random, number: int, whose: Event) -> list[Event]:
    """A call, and its answer."""
    known = f"c{number}"
    named: Event = {"toolCallId": known, "toolName": random.choice(["look", "search"])}
    named |= random.choice([{}, {}, {"dynamic": True}])
    made: list[Event] = []
    if random.randint(0, 1):
        made.append({"type": "tool-input-start", **named})
        pieces = random.choice([[], ["{", '"at":1}'], ['{"at"']])
        made += [{"type": "tool-input-delta", "toolCallId": known, "inputTextDelta": one} for one in pieces]
    if random.randint(0, 5) == 0:
        wrong = {"type": "tool-input-error", **named, "input": "{", "errorText": "No JSON."}
        return [{**one, **whose} for one in (*made, wrong)]
    made.append({"type": "tool-input-available", **named, "input": {"at": number}})
    output = {"type": "tool-output-available", "toolCallId": known}
    if random.randint(0, 3) == 0:
        made.append({**output, "output": "soon", "preliminary": True})
    answers: list[list[Event]] = [
        [{**output, "output": random.choice(OUTPUTS)}],
        [{"type": "tool-output-error", "toolCallId": known, "errorText": "It broke."}],
        [{"type": "tool-output-denied", "toolCallId": known}],
        [],
    ]
    return [{**one, **whose} for one in (*made, *random.choice(answers))]


def _other(random: Random, number: int, whose: Event) -> list[Event]:  # noqa: ARG001 (as the others)
    return [random.choice(OTHERS)]
