"""The OpenAI Agents SDK's stream events as a stream's events, one run of an agent.

    before ──any event──▶ running ──end(state)──▶ over: finish, abort or error

The SDK says by an exception, or by none, how a run ends: the caller says it here by `end`. A step is one
response of the model, with what tools answer to it. What was streamed is not said again by a run's items;
where a model does not stream, the items say it. Where the model is asked again before its response was
whole, that step is dropped (`reset-step`).

A reasoning item is one reasoning, whatever it has of summaries: OpenAI wants it back as one. Tools that
OpenAI itself runs (`web_search_call`, …) are calls with their result (`providerExecuted`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.errors import TurnlogError
from turnlog.streams.adapters.wellformed import Wellformed
from turnlog.wire import loads, what_cannot_be_kept

if TYPE_CHECKING:
    from turnlog.streams.adapters.wellformed import Event, State

_TOOLS = {"function_call": "arguments", "custom_tool_call": "input"}
_REASONS = {"max_output_tokens": "length", "content_filter": "content-filter"}
_BESIDE = {"id", "type", "status", "call_id"}


class OpenAIEvents:
    """Takes the events of one run, as `Runner.run_streamed(…).stream_events()` gives them."""

    def __init__(self) -> None:
        self._wellformed = Wellformed()
        self._running = False  # a response is on its way
        self._calls: dict[str, str] = {}  # by item: the call's id
        self._said: set[str] = set()  # items of the newest response that were streamed
        self._parts: dict[str, int] = {}  # by reasoning item that has begun: how many parts have
        self._reason = "stop"
        self._called = False
        self._error: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing follows."""
        return self._wellformed.over

    def take(self, event: Any) -> list[Event]:
        """The events that one comes to; none, where it is of another kind."""
        return self._wellformed.take_all(self._taken(event))

    def end(self, state: State = "completed", error: str | None = None) -> list[Event]:
        """The events that are missing when the run has ended.

        Args:
            state: `failed`, if it raised.
            error: what it said then.
        """
        if state == "completed":
            return self._wellformed.take({"type": "finish", "finishReason": self._reason})
        return self._wellformed.end(state, error or self._error)

    def _taken(self, event: Any) -> list[Event]:
        match event.type:
            case "raw_response_event":
                return self._raw(_plain(event.data))
            case "run_item_stream_event":
                return self._item(event.name, event.item)
            case "agent_updated_stream_event":
                return [{"type": "message-metadata", "messageMetadata": {"agent": event.new_agent.name}}]
        return []

    def _raw(self, data: Event) -> list[Event]:  # noqa: PLR0911 (one for each kind)
        kind = str(data.get("type", "")).removeprefix("response.")
        match kind:
            case "created":
                return self._begin()
            case "completed" | "incomplete" | "failed" | "error":
                return self._end_response(kind, data)
            case "output_item.added":
                return self._added(data["item"])
            case "output_item.done":
                return self._done(data["item"])
            case (
                "function_call_arguments.delta" | "custom_tool_call_input.delta" | "mcp_call_arguments.delta"
            ):
                known = self._calls.get(data["item_id"], "")
                return [{"type": "tool-input-delta", "toolCallId": known, "inputTextDelta": data["delta"]}]
            case "output_text.annotation.added":
                return _source(data["annotation"])
        return self._text(kind, data) or self._thought(kind, data)

    def _begin(self) -> list[Event]:
        lost = [{"type": "reset-step"}] if self._running else []
        self._running, self._called = True, False
        self._calls, self._parts, self._said = {}, {}, set()
        return [*lost, {"type": "start-step"}]

    def _end_response(self, kind: str, data: Event) -> list[Event]:
        lead = [] if self._running else self._begin()  # of a model that does not stream
        self._running = False
        response = data.get("response") or {}
        if kind in {"failed", "error"}:
            told = response.get("error") or data
            self._error = str(told.get("message") or "The model failed.")
        self._reason = "tool-calls" if self._called else "stop"
        if kind == "incomplete":
            why = (response.get("incomplete_details") or {}).get("reason")
            self._reason = _REASONS.get(str(why), "other")
        usage = response.get("usage")
        return [*lead, *([{"type": "turnlog-usage", "usage": usage}] if usage else [])]

    def _text(self, kind: str, data: Event) -> list[Event]:
        known = f"{data.get('item_id')}-{data.get('content_index')}"
        match kind, data:
            case "content_part.added", {"part": {"type": "output_text" | "refusal"}}:
                return [{"type": "text-start", "id": known}]
            case (("output_text.delta" | "refusal.delta"), {"delta": str(delta)}):
                self._said.add(data["item_id"])
                return [{"type": "text-delta", "id": known, "delta": delta}]
            case "content_part.done", {"part": {"type": "output_text" | "refusal"}}:
                return [{"type": "text-end", "id": known}]
        return []

    def _thought(self, kind: str, data: Event) -> list[Event]:
        known = str(data.get("item_id"))
        match kind:
            case "reasoning_summary_part.added":
                self._parts[known] = self._parts.get(known, 0) + 1
                apart = self._parts[known] > 1
                return [{"type": "reasoning-delta", "id": known, "delta": "\n"}] if apart else []
            case "reasoning_summary_text.delta" | "reasoning_text.delta":
                self._said.add(known)
                return [{"type": "reasoning-delta", "id": known, "delta": data["delta"]}]
        return []

    def _added(self, item: Event) -> list[Event]:
        kind, known = item["type"], str(item.get("call_id") or item.get("id"))
        if kind == "reasoning":
            self._parts[item["id"]] = 0
            return [{"type": "reasoning-start", "id": item["id"]}]
        if kind in _TOOLS or kind == "mcp_call":
            self._calls[str(item.get("id"))] = known
            served = {"providerExecuted": True} if kind == "mcp_call" else {}
            return [{"type": "tool-input-start", "toolCallId": known, "toolName": item["name"], **served}]
        return []

    def _done(self, item: Event) -> list[Event]:  # noqa: PLR0911 (one for each kind)
        """An item is whole."""
        kind = item["type"]
        known = str(item.get("id"))
        if kind == "message":
            made = [] if known in self._said else _whole_text(item)
            self._said.add(known)
            return made
        if kind == "reasoning":
            return self._whole_thought(item)
        if kind in _TOOLS:
            self._called = True
            call = str(item.get("call_id"))
            told = {"providerMetadata": {"openai": {"itemId": known}}} if item.get("id") else {}
            given = _given(item, _TOOLS[kind])
            named = {"toolCallId": call, "toolName": item["name"]}
            return [{"type": "tool-input-available", **named, "input": given, **told}]
        if kind == "image_generation_call":
            return self._once(known, _image(item))
        if kind in {"compaction", "compaction_summary"}:
            return self._once(known, [{"type": "turnlog-compaction", "state": "completed"}])
        if kind == "mcp_approval_request":
            named = {"toolCallId": known, "toolName": item["name"], "input": _given(item, "arguments")}
            asked = {"type": "tool-approval-request", "approvalId": known, "toolCallId": known}
            return self._once(known, [{"type": "tool-input-available", **named}, asked])
        if kind.endswith("_call"):
            return _hosted(item)
        return []

    def _once(self, known: str, events: list[Event]) -> list[Event]:
        """What has no id by which a repeat is known."""
        if known in self._said:
            return []
        self._said.add(known)
        return events

    def _whole_thought(self, item: Event) -> list[Event]:
        known = str(item.get("id"))
        if f"{known} whole" in self._said:
            return []
        made: list[Event] = []
        if known not in self._said:
            texts = [one["text"] for name in ("summary", "content") for one in item.get(name) or ()]
            made = [{"type": "reasoning-delta", "id": known, "delta": "\n".join(texts)}] if texts else []
        self._said |= {known, f"{known} whole"}
        told = {"itemId": known}
        if isinstance(item.get("encrypted_content"), str):
            told["reasoningEncryptedContent"] = item["encrypted_content"]
        ended = {"type": "reasoning-end", "id": known, "providerMetadata": {"openai": told}}
        start = [] if known in self._parts else [{"type": "reasoning-start", "id": known}]
        return [*start, *made, ended]

    def _item(self, name: str, item: Any) -> list[Event]:
        """What a run made of a response, and what its tools answered."""
        raw = _plain(item.raw_item)
        if name in {"tool_output", "handoff_occured", "tool_search_output_created"}:
            known = str(raw.get("call_id") or raw.get("id"))
            self._running = False  # what a tool has answered to is never dropped
            return [{"type": "tool-output-available", "toolCallId": known, "output": _output(raw)}]
        if name in {"mcp_approval_response", "mcp_list_tools"}:
            return []
        return self._done(raw)


def _plain(given: Any) -> Event:
    """An object of the SDK's, or of OpenAI's, as JSON."""
    plain: Event = given if isinstance(given, dict) else given.model_dump(exclude_none=True, warnings=False)
    return plain


def _given(item: Event, name: str) -> Any:
    """A call's input; its text, where it is no JSON."""
    text = item.get(name) or ""
    if name == "input":
        return text
    try:
        given = loads(text) if text.strip() else {}
    except TurnlogError:
        return text
    return text if what_cannot_be_kept(given) else given


def _whole_text(item: Event) -> list[Event]:
    made: list[Event] = []
    for at, part in enumerate(item.get("content") or ()):
        text, known = part.get("text") or part.get("refusal") or "", f"{item.get('id')}-{at}"
        made += [
            {"type": "text-start", "id": known},
            {"type": "text-delta", "id": known, "delta": text},
            {"type": "text-end", "id": known},
        ]
    return made


def _source(annotation: Any) -> list[Event]:
    match annotation:
        case {"type": "url_citation", "url": str(url), **cited}:
            title = {"title": cited["title"]} if isinstance(cited.get("title"), str) else {}
            return [{"type": "source-url", "sourceId": url, "url": url, **title}]
    return []


def _image(item: Event) -> list[Event]:
    kind = item.get("output_format") or "png"
    if not item.get("result"):
        return []
    return [
        {"type": "file", "url": f"data:image/{kind};base64,{item['result']}", "mediaType": f"image/{kind}"}
    ]


def _hosted(item: Event) -> list[Event]:
    """A tool that OpenAI has run, or that the program runs in its own way: its item says all of it."""
    known = str(item.get("call_id") or item.get("id"))
    name = item.get("name") or item["type"].removesuffix("_call")
    told = {field: value for field, value in item.items() if field not in _BESIDE}
    given = _given(item, "arguments") if "arguments" in item else told
    call = {"toolCallId": known, "toolName": name}
    if item.get("call_id"):  # another item answers it
        return [{"type": "tool-input-available", **call, "input": given}]
    served = {"providerExecuted": True}
    made: list[Event] = [{"type": "tool-input-available", **call, "input": given, **served}]
    if item.get("error"):
        failed = {"type": "tool-output-error", "toolCallId": known, "errorText": str(item["error"])}
        return [*made, {**failed, **served}]
    output = item.get("output", {"status": item.get("status", "completed")})
    return [*made, {"type": "tool-output-available", "toolCallId": known, "output": output, **served}]


def _output(raw: Event) -> Any:
    """What a tool answered, as the model is told: a text; with images, as MCP's tools answer."""
    output = raw.get("output", {name: value for name, value in raw.items() if name not in _BESIDE})
    if not isinstance(output, list) or not all(isinstance(one, dict) for one in output):
        return output
    parts = [_part(one) for one in output]
    if all(part and part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts if part)
    return {"content": parts} if all(parts) else output


def _part(one: Event) -> Event | None:
    match one:
        case {"type": "input_text" | "output_text" | "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "input_image", "image_url": str(url)} if url.startswith("data:") and ";base64," in url:
            kind, _, data = url.removeprefix("data:").partition(";base64,")
            return {"type": "image", "data": data, "mimeType": kind}
    return None
