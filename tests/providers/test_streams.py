"""What front ends are shown of a stream is what their own readers take: of the AI SDK, and of AG-UI."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, get_args

import pytest
from ag_ui.core import Event as AgUiEvent
from pydantic import BaseModel, TypeAdapter

from tests import stream_events
from turnlog import formats
from turnlog.streams.adapters.ag_ui import AgUi, messages_of
from turnlog.streams.adapters.log import messages
from turnlog.streams.adapters.ui_messages import UiMessageStream, Version
from turnlog.streams.joining import joined

if TYPE_CHECKING:
    from turnlog.streams.adapters.wellformed import State

Event = dict[str, Any]
HERE = Path(__file__).parent
AI_SDK = HERE.parent.parent / ".cache" / "ai-sdk"
SEEDS = range(150)
STATES: tuple[State, ...] = ("completed", "failed", "cancelled")


@cache
def streams() -> list[tuple[list[Event], State]]:
    """Streams as programs send them, and broken ones, joined as a snapshot has them; how each has ended."""
    made = []
    for seed in SEEDS:
        random = Random(seed)
        events = stream_events.stream(random) if seed % 3 == 0 else stream_events.broken(random)
        made.append((joined(events), random.choice(STATES)))
    return made


def chunks(version: Version) -> list[list[Event]]:
    made = []
    for events, state in streams():
        ui = UiMessageStream("m-1", version)
        made.append([*ui.take_all(events), *ui.end(state)])
    return made


def ag_ui() -> list[list[Event]]:
    made = []
    for events, state in streams():
        told = AgUi("s", "r", "m-1")
        made.append([*told.take_all(events), *told.end(state)])
    return made


def read(reader: str, given: list[list[Event]]) -> list[Event]:
    """What a reader on Node.js makes of each."""
    lines = [json.dumps({"reader": reader, "events": events}) for events in given]
    node = ["node", str(HERE / "streams.mjs"), str(AI_SDK)]
    told = subprocess.run(node, input="\n".join(lines), capture_output=True, text=True, check=True).stdout
    made = [json.loads(line) for line in told.splitlines()]
    assert len(made) == len(given)
    wrong = [one["error"] for one in made if "error" in one]
    assert not wrong, f"{len(wrong)} of {len(made)}: {wrong[0]}"
    return made


@pytest.mark.parametrize("version", get_args(Version))
def test_the_ai_sdk_reads_them(version: Version) -> None:
    """5.0.201 and 6.0.200 refuse a field that they do not know; all throw where a group is not open."""
    shown = [one["message"] for one in read(f"ai-{version}", chunks(version))]
    assert {message["id"] for message in shown if message} == {"m-1"}
    streaming = [part for one in shown if one for part in one["parts"] if part.get("state") == "streaming"]
    assert not streaming
    assert sum(len(one["parts"]) for one in shown if one) > len(shown)


def test_the_log_has_what_the_ai_sdk_shows() -> None:
    """After the stream, a page is given the history: it says the same."""
    shown = [one["message"] for one in read("ai-7", chunks(7))]
    for (events, state), message in zip(streams(), shown, strict=True):
        exported = formats.to_ai_sdk(messages(events, "m-1", state)).body["messages"]
        parts = exported[0]["parts"] if exported else []
        said = [_plain(part) for part in message["parts"]] if message else []
        assert [_plain(part) for part in parts if _plain(part)] == [part for part in said if part]


def _plain(part: Event) -> Event | None:
    """What a part says, without how far it is and what its provider told; None, if that is nothing."""
    if part["type"] == "step-start" or (part["type"] in {"text", "reasoning"} and not part["text"]):
        return None
    answer: Any = part.get("errorText", part.get("output"))
    if "toolCallId" in part and (
        answer is None or part.get("preliminary") or part["state"] == "output-denied"
    ):
        answer = {"output-denied": "The user did not allow this tool call."}.get(
            part["state"], "No result of this tool call is stored."
        )
    fields = ("type", "text", "toolCallId", "toolName", "data", "url", "mediaType", "sourceId", "title")
    return {name: part[name] for name in fields if name in part} | {"answer": answer}


@cache
def agent_events() -> TypeAdapter[Any]:
    """AG-UI's own models, which then take no field that they do not name."""
    kinds = get_args(get_args(AgUiEvent)[0])
    for kind in kinds:
        assert issubclass(kind, BaseModel)
        kind.model_config["extra"] = "forbid"
        kind.model_rebuild(force=True)
    return TypeAdapter(AgUiEvent)


def test_ag_uis_own_models_take_them() -> None:
    for events in ag_ui():
        for event in events:
            agent_events().validate_python(event)
    seen = {event["type"] for events in ag_ui() for event in events}
    assert len(seen) > 20


def test_ag_uis_client_reads_them() -> None:
    """It refuses what is open at RUN_FINISHED, and anything behind that."""
    told = read("ag-ui", [events for events in ag_ui() if events[-1]["type"] == "RUN_FINISHED"])
    expected = [messages_of(events) for events in ag_ui() if events[-1]["type"] == "RUN_FINISHED"]
    assert [one["messages"] for one in told] == expected


def test_ag_uis_client_goes_on_behind_a_snapshot() -> None:
    resumed = []
    for seed, (events, _) in enumerate(streams()):
        at = Random(seed).randint(0, len(events))
        told = AgUi("s", "r", "m-1")
        resumed.append([*told.snapshot(events[:at]), *told.take_all(events[at:]), *told.end("completed")])
    whole = []
    for events, _ in streams():
        told = AgUi("s", "r", "m-1")
        whole.append([*told.take_all(events), *told.end("completed")])
    ended = [at for at, events in enumerate(whole) if events[-1]["type"] == "RUN_FINISHED"]
    seen = read("ag-ui", [resumed[at] for at in ended])
    assert [one["messages"] for one in seen] == [messages_of(whole[at]) for at in ended]
