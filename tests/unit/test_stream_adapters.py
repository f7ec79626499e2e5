"""A stream's events in the words of others: what a client is shown, and what the log gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import stream_events
from turnlog import formats
from turnlog.streams.adapters.ag_ui import AgUi, messages_of
from turnlog.streams.adapters.log import Log, messages
from turnlog.streams.adapters.ui_messages import UiMessageStream
from turnlog.streams.adapters.wellformed import CUT_OFF, UNANSWERED, Wellformed
from turnlog.streams.joining import joined

if TYPE_CHECKING:
    from random import Random

    from turnlog.streams.adapters.ui_messages import Version
    from turnlog.streams.adapters.wellformed import State

Event = dict[str, Any]
STATES: tuple[State, ...] = ("completed", "failed", "cancelled")
RANDOM = st.randoms(use_true_random=False)


def said(events: list[Event]) -> list[Event]:  # noqa: C901, PLR0912 (a case for each chunk)
    """The parts of the UIMessage that these chunks make, as the AI SDK makes them; throws as that does."""
    parts: list[Event] = []
    active: dict[tuple[str, str], Event] = {}
    tools: dict[str, Event] = {}
    for event in events:
        match event["type"].split("-"):
            case ["text" | "reasoning" as kind, "start"]:
                active[kind, event["id"]] = {"type": kind, "text": ""}
                parts.append(active[kind, event["id"]])
            case ["text" | "reasoning" as kind, "delta"]:
                active[kind, event["id"]]["text"] += event["delta"]
            case ["text" | "reasoning" as kind, "end"]:
                part = active.pop((kind, event["id"]))
                part |= {name: event[name] for name in ("providerMetadata",) if name in event}
            case ["finish", "step"]:
                assert not active, "the AI SDK forgets these"
            case ["tool", "input", "start"]:
                tools[event["toolCallId"]] = _tool(event, parts)
            case ["tool", "input", "delta"]:
                assert tools[event["toolCallId"]]["state"] == "input-streaming"
            case ["tool", "input", "available"]:
                part = tools.get(event["toolCallId"]) or _tool(event, parts)
                tools[event["toolCallId"]] = part
                part |= {"state": "input-available", "input": event["input"]}
            case ["tool", "input", "error"]:
                part = tools.get(event["toolCallId"]) or _tool(event, parts)
                tools[event["toolCallId"]] = part
                part |= {"state": "output-error", "input": event["input"], "errorText": event["errorText"]}
            case ["tool", "output", "available"]:
                part = tools[event["toolCallId"]]
                part |= {"state": "output-available", "output": event["output"]}
            case ["tool", "output", "error"]:
                part = tools[event["toolCallId"]]
                part |= {"state": "output-error", "errorText": event["errorText"]}
            case ["data", *_] if not event.get("transient"):
                parts.append(event)
            case ["source", *_] | ["file"]:
                parts.append(event)
    return parts


def _tool(event: Event, parts: list[Event]) -> Event:
    named = {"type": f"tool-{event['toolName']}"}
    if event.get("dynamic"):
        named = {"type": "dynamic-tool", "toolName": event["toolName"]}
    parts.append({**named, "toolCallId": event["toolCallId"], "state": "input-streaming"})
    return parts[-1]


def kept(parts: list[Event]) -> list[Event]:
    """Of what was shown, what a log keeps: no empty texts; a call that nothing answered is answered so."""
    made = []
    for part in parts:
        empty = part["type"] in {"text", "reasoning"} and not part["text"]
        if part["type"] == "step-start" or (empty and (part["type"] == "text" or len(part) < 3)):
            continue
        if part.get("output") == "soon":  # of a tool that had not ended
            soon = part["state"] == "output-available"
            part = {name: value for name, value in part.items() if name != "output"}  # noqa: PLW2901
            part["state"] = "input-available" if soon else part["state"]
        if isinstance(part.get("input"), str):  # cut off: providers take no text there
            part = {**part, "input": {"arguments": part["input"]}}  # noqa: PLW2901
        if part.get("state") == "input-available":
            missing = {"state": "output-error", "errorText": "No result of this tool call is stored."}
            part = {**part, **missing}  # noqa: PLW2901
        made.append(part)
    return made


def exported(logged: list[Event]) -> list[Event]:
    """The parts of the one UIMessage that the history has of them."""
    shown = formats.to_ai_sdk(logged).body["messages"]
    assert len(shown) <= 1
    return shown[0]["parts"] if shown else []


@given(RANDOM)
def test_the_log_gets_what_the_stream_showed(random: Random) -> None:
    for events in (stream_events.stream(random), stream_events.broken(random)):
        whole = joined(events)
        state = random.choice(STATES)
        ui = UiMessageStream("m-1")
        shown = said([*ui.take_all(whole), *ui.end(state)])
        assert kept(exported(messages(whole, "m-1", state))) == kept(shown)


def pieces(random: Random) -> tuple[list[Event], list[Event]]:
    """A stream that was cut off: what came before, and the rest, in which no step is dropped."""
    events = stream_events.broken(random)
    at = random.randint(0, len(events))
    return events[:at], [event for event in events[at:] if event["type"] != "reset-step"]


@given(RANDOM)
def test_a_resume_shows_what_one_saw_who_was_there_all_the_time(random: Random) -> None:
    before, after = pieces(random)
    resumed, present = UiMessageStream("m-1"), UiMessageStream("m-1")
    state = random.choice(STATES)
    tail = [*resumed.take_all(joined(before)), *resumed.take_all(after), *resumed.end(state)]
    assert said(tail) == said([*present.take_all(joined([*before, *after])), *present.end(state)])


@given(RANDOM)
def test_what_an_agents_adapter_hands_on_says_what_it_took(random: Random) -> None:
    """Also where steps are dropped: those events go into the stream."""
    taken: list[Event] = []
    for event in stream_events.broken(random):
        if taken and taken[-1]["type"] in {"finish", "error", "abort"}:
            break
        if event["type"] == "start-step":  # whoever begins a step knows how the one before it ended
            taken.append({"type": "finish-step"})
        taken.append(event)
    handed = Wellformed().take_all(taken)
    assert said(shown(joined(handed))) == said(shown(joined(taken)))


@given(RANDOM)
def test_chunks_begin_and_end_once(random: Random) -> None:
    events = [one for one in stream_events.broken(random) if one["type"] != "reset-step"]
    ui = UiMessageStream("m-1", random.choice([5, 6, 7]))
    chunks = [*ui.take_all(events), *ui.end(random.choice(STATES))]
    assert [chunk["type"] for chunk in chunks].count("start") == 1
    assert chunks[0]["type"] == "start"
    assert chunks[0]["messageId"] == "m-1"
    assert [chunk["type"] for chunk in chunks if chunk["type"] in {"finish", "error"}] == [chunks[-1]["type"]]
    assert ui.over
    assert not [*ui.take_all(events), *ui.end("failed")]
    assert not [one for one in chunks if one["type"].startswith("turnlog-") or "subagent" in one]
    assert None not in [value for chunk in chunks for value in chunk.values()]


class Rules:
    """What AG-UI's client refuses: each group is opened once, said in while it is open, and closed."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, str], object] = {}
        self.ended = False
        self.begun = False

    def take(self, event: Event) -> None:
        assert not self.ended, event
        assert None not in event.values()
        kind: str = event["type"]
        assert self.begun == (kind != "RUN_STARTED")
        self.begun = True
        whose = event.get("subagentRunId")
        names = ("messageId", "toolCallId", "stepName", "subagentRunId")
        known = next((event[name] for name in names if name in event and name != "subagentRunId"), whose)
        group, _, what = kind.rpartition("_")
        if group.startswith("SUBAGENT"):
            group, known = "SUBAGENT", whose
        elif whose is not None:
            assert ("SUBAGENT", whose) in self.open, event
        if what in {"START", "STARTED"} and group != "RUN":
            assert (group, str(known)) not in self.open, event
            self.open[group, str(known)] = whose
        elif what in {"CONTENT", "ARGS"}:
            assert self.open[group, str(known)] == whose
            assert event["delta"]
        elif kind in {"RUN_FINISHED", "RUN_ERROR"}:
            assert not self.open, event
            self.ended = True
        elif what in {"END", "FINISHED", "ERROR"}:
            self.open.pop((group, str(known)))


@given(RANDOM)
def test_ag_ui_is_shown_groups_that_open_and_close(random: Random) -> None:
    events = [one for one in stream_events.broken(random) if one["type"] != "reset-step"]
    ag_ui, rules = AgUi("s", "r", "m-1"), Rules()
    for event in [*ag_ui.take_all(events), *ag_ui.end(random.choice(STATES))]:
        rules.take(event)
    assert rules.ended
    assert not [*ag_ui.take_all(events), *ag_ui.end("failed")]


@given(RANDOM)
def test_a_snapshot_of_ag_ui_and_what_follows_is_the_same_as_all_of_it(random: Random) -> None:
    before, after = pieces(random)
    state = random.choice(STATES)
    present = AgUi("s", "r", "m-1")
    whole = joined([*before, *after])
    everything = [*present.take_all(whole), *present.end(state)]

    resumed, rules = AgUi("s", "r", "m-1"), Rules()
    snapshot = resumed.snapshot(joined(before))
    tail = [*resumed.take_all(after), *resumed.end(state)]
    messages_then = snapshot[1]["messages"]
    for event in [*snapshot, *tail]:
        rules.take(event)
    assert rules.ended
    assert messages_of(tail, messages_then) == messages_of(everything)
    assert all(message.get("content", "") is not None for message in messages_then)


def shown(events: list[Event], state: State = "completed", version: Version = 5) -> list[Event]:
    """The chunks of a stream that ended in this state."""
    ui = UiMessageStream("m-1", version)
    return [*ui.take_all(events), *ui.end(state)]


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


STEP: Event = {"type": "start-step"}
TEXT: list[Event] = [{"type": "text-start", "id": "t"}, {"type": "text-delta", "id": "t", "delta": "Hel"}]
CALL: Event = {"type": "tool-input-available", "toolCallId": "c", "toolName": "look", "input": {"at": 1}}
ANSWER: Event = {"type": "tool-output-available", "toolCallId": "c", "output": {"is": "a cat"}}


def test_texts_are_closed_before_their_step_ends() -> None:
    """Fault of others: `finish-step` clears open parts (vercel/ai #19321)."""
    thought = {"type": "reasoning-delta", "id": "r", "delta": "Hm."}
    chunks = shown([STEP, *TEXT, thought, {"type": "finish-step"}])
    assert kinds(chunks)[-4:] == ["text-end", "reasoning-end", "finish-step", "finish"]


def test_a_resume_begins_at_start() -> None:
    """Fault of others: a resume that starts at a delta throws (vercel/ai #13160)."""
    chunks = shown([{"type": "text-delta", "id": "t", "delta": "lo"}])
    assert chunks[:3] == [{"type": "start", "messageId": "m-1"}, TEXT[0], {**TEXT[1], "delta": "lo"}]


def test_a_repeat_of_the_beginning_adds_no_part() -> None:
    """Fault of others: a replay duplicates parts (vercel/ai #14688)."""
    once = [{"type": "start"}, STEP, CALL, ANSWER, {"type": "finish-step"}]
    for again in ([CALL], [CALL, ANSWER], [ANSWER]):
        assert said(shown([*once, {"type": "start"}, *again])) == said(shown(once))


def test_the_message_id_is_the_streams() -> None:
    """Fault of others: an orphan merged into the previous message (cloudflare/agents #1691)."""
    events = [{"type": "start", "messageId": "msg_of_the_model"}, STEP, *TEXT]
    assert shown(events)[0] == {"type": "start", "messageId": "m-1"}
    assert messages(events, "m-1")[0]["message_id"] == "m-1"
    assert AgUi("s", "r", "m-1").take_all(events)[2]["messageId"] == "m-1"


def test_groups_of_ag_ui_are_closed_before_run_finished() -> None:
    """Fault of others: compaction put open groups behind RUN_FINISHED (ag-ui #2813)."""
    compaction = {"type": "turnlog-compaction", "trigger": "auto"}
    start = {"type": "tool-input-start", "toolCallId": "c", "toolName": "look"}
    ag_ui = AgUi("s", "r", "m-1")
    events = ag_ui.take_all([STEP, *TEXT, start, compaction, {"type": "finish"}, compaction, *TEXT])
    ends = ["CUSTOM", "TEXT_MESSAGE_END", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT"]
    assert kinds(events)[-7:] == [*ends, "STEP_FINISHED", "RUN_FINISHED"]


def test_a_cancelled_stream_closes_what_is_open_then_aborts_and_finishes() -> None:
    """Fault of others: a cancel shown as an error (#14689)."""
    chunks = shown([STEP, *TEXT, CALL], "cancelled")
    ends = ["text-end", "tool-output-error", "abort", "finish-step", "finish"]
    assert kinds(chunks)[-5:] == ends
    assert chunks[-4]["errorText"] == UNANSWERED
    assert chunks[-1] == {"type": "finish", "finishReason": "other"}
    ag_ui = AgUi("s", "r", "m-1")
    assert [*ag_ui.take_all([STEP]), *ag_ui.end("cancelled")][-1]["outcome"] == {"type": "cancelled"}


def test_a_failed_stream_ends_with_its_error() -> None:
    ui, ag_ui = UiMessageStream("m-1"), AgUi("s", "r", "m-1")
    chunks = [*ui.take_all([STEP, *TEXT]), *ui.end("failed", "The model is overloaded.")]
    assert chunks[-3:] == [
        {"type": "text-end", "id": "t"},
        {"type": "finish-step"},
        {"type": "error", "errorText": "The model is overloaded."},
    ]
    events = [*ag_ui.take_all([STEP, *TEXT]), *ag_ui.end("failed", "The model is overloaded.")]
    assert events[-1] == {"type": "RUN_ERROR", "message": "The model is overloaded."}


@pytest.mark.parametrize("adapter", [UiMessageStream("m-1"), AgUi("s", "r", "m-1")])
def test_a_dropped_step_ends_a_front_ends_stream_without_an_end(adapter: UiMessageStream | AgUi) -> None:
    """The client cannot drop a step: it has to come again."""
    adapter.take_all([STEP, *TEXT])
    assert adapter.take({"type": "reset-step"}) == []
    assert adapter.over
    assert [*adapter.take_all([STEP, *TEXT]), *adapter.end("completed")] == []


@pytest.mark.parametrize(
    "between",
    [
        [{"type": "text-end", "id": "t"}],
        [{"type": "finish-step"}, {"type": "start-step"}],
        [{"type": "turnlog-subagent-end", "id": "a"}],
    ],
)
def test_an_id_that_is_used_again_is_another_text(between: list[Event]) -> None:
    again = {"type": "text-delta", "id": "t", "delta": "lo"}
    deltas = [event for event in joined([STEP, *TEXT, *between, again]) if event["type"] == "text-delta"]
    assert [event["delta"] for event in deltas] == ["Hel", "lo"]


def test_a_dropped_step_leaves_nothing_in_the_log() -> None:
    first = [STEP, CALL, ANSWER, {"type": "finish-step"}]
    again = [{"type": "text-start", "id": "t"}, {"type": "text-delta", "id": "t", "delta": "A cat."}]
    logged = messages([*first, STEP, *TEXT, {"type": "reset-step"}, STEP, *again], "m-1")
    assert [message["role"] for message in logged] == ["assistant", "tool", "assistant"]
    assert logged[-1]["content"] == "A cat."


def test_version_5_is_sent_what_its_strict_builds_take() -> None:
    events: list[Event] = [
        {**STEP, "at": 1},
        {"type": "tool-input-start", "toolCallId": "c", "toolName": "look", "title": "Look", "dynamic": True},
        {**CALL, "toolMetadata": {}, "providerMetadata": None},
        {"type": "tool-approval-request", "approvalId": "p", "toolCallId": "c"},
        {"type": "tool-output-denied", "toolCallId": "c"},
        {"type": "custom", "kind": "a.b"},
        {"type": "finish", "finishReason": "interrupted"},
    ]
    assert shown(events)[1:] == [
        STEP,
        {"type": "tool-input-start", "toolCallId": "c", "toolName": "look", "dynamic": True},
        {**CALL, "dynamic": True},
        {
            "type": "tool-output-error",
            "toolCallId": "c",
            "errorText": "The user did not allow this tool call.",
            "dynamic": True,
        },
        {"type": "finish-step"},
        {"type": "finish", "finishReason": "other"},
    ]
    assert kinds(shown(events, version=6))[4:6] == ["tool-approval-request", "tool-output-denied"]
    newest = shown(events, version=7)
    assert kinds(newest)[6] == "custom"
    assert newest[-1]["finishReason"] == "interrupted"


def test_turnlogs_own_events_and_sub_agents_are_not_chunks() -> None:
    inner = {"type": "text-delta", "id": "t", "delta": "I look.", "subagent": "a"}
    own: list[Event] = [
        {"type": "turnlog-usage", "usage": {"input_tokens": 3, "output_tokens": 4}},
        {"type": "turnlog-subagent-start", "id": "a", "name": "helper", "toolCallId": "c"},
        inner,
        {"type": "turnlog-subagent-end", "id": "a", "state": "completed"},
        {"type": "unknown"},
    ]
    assert kinds(shown(own)) == ["start", "finish"]
    ag_ui = AgUi("s", "r", "m-1")
    assert [*ag_ui.take_all(own), *ag_ui.end("completed")] == [
        {"type": "RUN_STARTED", "threadId": "s", "runId": "r", "protocolVersion": "1.0"},
        {"type": "CUSTOM", "name": "turnlog-usage", "value": {"usage": own[0]["usage"]}},
        {"type": "SUBAGENT_STARTED", "subagentRunId": "a", "name": "helper", "parentToolCallId": "c"},
        {"type": "TEXT_MESSAGE_START", "messageId": "m-1", "role": "assistant", "subagentRunId": "a"},
        {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m-1", "delta": "I look.", "subagentRunId": "a"},
        {"type": "TEXT_MESSAGE_END", "messageId": "m-1", "subagentRunId": "a"},
        {"type": "SUBAGENT_FINISHED", "subagentRunId": "a", "outcome": {"type": "success"}},
        {"type": "CUSTOM", "name": "unknown", "value": {}},
        {
            "type": "RUN_FINISHED",
            "threadId": "s",
            "runId": "r",
            "outcome": {"type": "success"},
            "usage": [{"inputTokens": 3, "outputTokens": 4}],
        },
    ]
    log = Log("m-1")
    log.take(own)
    assert log.messages() == []
    assert [message["content"] for message in log.messages(subagent="a")] == ["I look."]
    assert log.usage() == {"input_tokens": 3, "output_tokens": 4}


def test_ag_ui_is_told_what_waits_for_the_user() -> None:
    asked = {"type": "tool-approval-request", "approvalId": "p", "toolCallId": "c"}
    ag_ui, pending = AgUi("s", "r", "m-1"), AgUi("s", "r", "m-1")
    interrupts = [{"id": "p", "reason": "tool_call", "toolCallId": "c"}]
    assert [*ag_ui.take_all([CALL, asked]), *ag_ui.end("completed")][-1]["outcome"] == {
        "type": "interrupt",
        "interrupts": interrupts,
    }
    assert [*pending.take_all([CALL]), *pending.end("completed")][-1]["outcome"] == {
        "type": "success",
        "pendingToolCallIds": ["c"],
    }


def test_a_call_that_is_cut_off_is_not_run_and_the_log_says_so() -> None:
    start = {"type": "tool-input-start", "toolCallId": "c", "toolName": "look"}
    delta = {"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": '{"at'}
    events = [STEP, start, delta, {"type": "finish-step"}, {"type": "finish", "finishReason": "length"}]
    wrong = {"type": "tool-input-error", "toolCallId": "c", "toolName": "look", "input": '{"at'}
    assert shown(events)[4] == {**wrong, "errorText": CUT_OFF}
    (answered,) = [
        one for one in formats.to_chat(messages(events, "m-1")).body["messages"] if one["role"] == "tool"
    ]
    assert answered["content"] == CUT_OFF


def test_messages_of_finished_steps_stay() -> None:
    """What was put into the log at a step's end is the beginning of what the stream says in the end."""
    events = [STEP, *TEXT, CALL, ANSWER, {"type": "finish-step"}, STEP, *TEXT, {"type": "finish-step"}]
    log = Log("m-1")
    log.take(events[:6])
    early = log.messages()
    log.take(events[6:])
    assert log.messages("completed")[: len(early)] == early
    assert len({message["message_id"] for message in log.messages()}) == len(log.messages())


def test_what_is_no_chunk_of_the_model_stands_in_the_log_where_it_was_said() -> None:
    told = {
        "type": "turnlog-message",
        "message": {"role": "user", "content": "Stop looking.", "message_id": "u"},
    }
    logged = messages([STEP, *TEXT, {"type": "finish-step"}, told, STEP, CALL, ANSWER], "m-1")
    assert [message["role"] for message in logged] == ["assistant", "user", "assistant", "tool"]
    assert logged[1] == {"role": "user", "content": "Stop looking.", "message_id": "u"}


def test_images_of_a_tool_are_images_for_the_model() -> None:
    output = {"content": [{"type": "text", "text": "Look:"}, stream_events.IMAGE]}
    exported = formats.to_anthropic(messages([STEP, CALL, {**ANSWER, "output": output}], "m-1")).body
    source = {"type": "base64", "media_type": "image/png", "data": stream_events.IMAGE["data"]}
    assert exported["messages"][-1]["content"][0]["content"][-1] == {"type": "image", "source": source}


def test_what_a_provider_wants_back_comes_back() -> None:
    signed = {"providerMetadata": {"anthropic": {"signature": "c2ln"}}}
    thought: list[Event] = [
        {"type": "reasoning-start", "id": "r"},
        {"type": "reasoning-delta", "id": "r", "delta": "I look."},
        {"type": "reasoning-end", "id": "r", **signed},
    ]
    events = [STEP, *thought, CALL, ANSWER]
    exported = formats.to_anthropic(messages(events, "m-1")).body["messages"]
    assert exported[1]["content"][0] == {"type": "thinking", "thinking": "I look.", "signature": "c2ln"}
    told = AgUi("s", "r", "m-1").take_all(events)
    sealed = [one for one in told if one["type"] == "REASONING_ENCRYPTED_VALUE"]
    assert sealed[0]["encryptedValue"] == "c2ln"


def test_a_sub_agent_ends_with_what_it_is_in() -> None:
    begun = [
        {"type": "turnlog-subagent-start", "id": "a"},
        {"type": "turnlog-subagent-start", "id": "b", "subagent": "a"},
        {"type": "text-delta", "id": "t", "delta": "x", "subagent": "b"},
    ]
    wellformed = Wellformed()
    wellformed.take_all(begun)
    ended = [(event["type"], event.get("id")) for event in wellformed.end("completed")]
    assert ended == [
        ("text-end", "t"),
        ("turnlog-subagent-end", "b"),
        ("turnlog-subagent-end", "a"),
        ("finish", None),
    ]
