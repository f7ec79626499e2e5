"""The Claude Agent SDK's messages as a stream's events, one answer of the agent's.

    before ──any message──▶ running ──ResultMessage──▶ over: finish, abort or error

A step is one call of the model, with what its tools answer. A block that was streamed
(`include_partial_messages`) is not said again when it comes as a whole. Where the model is asked again
before its message was whole, that step is dropped (`reset-step`). What a sub-agent does bears the id of the
call that began it.

What is left out: what Claude Code tells the model in the user's place (a compaction's summary,
notifications), and what comes behind the first result: let no sub-agent run in the background.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from turnlog.streams.adapters.wellformed import Wellformed
from turnlog.wire import dumps

try:
    from claude_agent_sdk import (
        AssistantMessage,
        ResultMessage,
        ServerToolResultBlock,
        ServerToolUseBlock,
        StreamEvent,
        SystemMessage,
        TaskNotificationMessage,
        TaskStartedMessage,
        TextBlock,
        ThinkingBlock,
        ToolResultBlock,
        ToolUseBlock,
        UserMessage,
    )
except ImportError as error:
    message = "ClaudeEvents needs the Claude Agent SDK: pip install 'turnlog[claude]'"
    raise ImportError(message, name=error.name) from error

if TYPE_CHECKING:
    from turnlog.streams.adapters.wellformed import Event, State

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool-calls",
    "refusal": "content-filter",
}
_STATES = {"completed": "completed", "failed": "failed"}  # of a task; all others: cancelled
_CALLS = {"tool_use", "server_tool_use", "mcp_tool_use"}


@dataclass
class _Block:
    """A block of a message that is streamed.

    Attributes:
        kind: `text`, `reasoning` or `tool`.
        id: of the group, or of the call.
        told: it came as a whole, too.
    """

    kind: Literal["text", "reasoning", "tool"]
    id: str
    told: bool = False
    metadata: Event = field(default_factory=dict)


@dataclass
class _Message:
    """A message of the model's, as far as it came.

    Attributes:
        blocks: by index; those that came as a whole alone have none.
        groups: how many texts and thoughts were said as a whole.
    """

    id: str = ""
    blocks: dict[int, _Block] = field(default_factory=dict)
    whole: bool = True
    groups: int = 0


class ClaudeEvents:
    """Takes the messages of one answer as `query()` or `receive_response()` gives them."""

    def __init__(self) -> None:
        self._wellformed = Wellformed()
        self._messages: dict[str | None, _Message] = {}  # the newest, by sub-agent
        self._calls: dict[str, Event] = {}  # those that may begin a sub-agent
        self._subagents: dict[str, bool] = {}  # by id: whether it runs in the background
        self._reason = ""
        self._error = ""
        self._said = False

    @property
    def over(self) -> bool:
        """Whether nothing follows."""
        return self._wellformed.over

    def take(self, message: Any) -> list[Event]:
        """The events that a message comes to; none, where it is of another kind."""
        return self._wellformed.take_all(self._taken(message))

    def end(self, state: State, error: str | None = None) -> list[Event]:
        """The events that are missing where no ResultMessage came: the agent died, or was cancelled."""
        return self._wellformed.end(state, error)

    def _taken(self, message: Any) -> list[Event]:
        match message:
            case StreamEvent():
                whose = message.parent_tool_use_id
                return [*self._begun(whose), *_of(whose, self._streamed(message.event, whose))]
            case AssistantMessage(error=str(error)) if error:
                texts = [block.text for block in message.content if isinstance(block, TextBlock)]
                self._error = "\n".join(texts) or error
            case AssistantMessage():
                whose = message.parent_tool_use_id
                return [*self._begun(whose), *_of(whose, self._assistant(message, whose))]
            case UserMessage():
                return self._user(message)
            case ResultMessage():
                return self._result(message)
            case SystemMessage():
                return self._system(message)
        return []

    def _streamed(self, event: Event, whose: str | None) -> list[Event]:
        at = event.get("index", 0)
        message = self._messages.get(whose) or _Message()
        match event:
            case {"type": "message_start", "message": {"id": str(known)}}:
                return self._message(known, whose, streamed=True)
            case {"type": "content_block_start", "content_block": dict(block)}:
                return self._block(message, at, block)
            case {"type": "content_block_delta", "delta": dict(delta)} if at in message.blocks:
                return self._delta(message.blocks[at], delta)
            case {"type": "content_block_stop"} if at in message.blocks:
                ended = message.blocks[at]
                return [] if ended.kind == "tool" else [_ended(ended)]
            case {"type": "message_delta", "delta": {"stop_reason": str(reason)}} if whose is None:
                self._reason = reason
            case {"type": "message_stop"}:
                message.whole = True
        return []

    def _message(self, known: str, whose: str | None, *, streamed: bool) -> list[Event]:
        """A message begins: a step, if it is the agent's own."""
        before = self._messages.get(whose)
        # Older versions of Claude Code do not tell the id of a whole message.
        if before and not streamed and (before.id == known if known else not before.whole):
            return []
        self._messages[whose] = _Message(known, whole=not streamed)
        if whose is not None:
            return []
        lost = before is not None and not before.whole
        return [*([{"type": "reset-step"}] if lost else []), {"type": "start-step"}]

    def _block(self, message: _Message, at: int, block: Event) -> list[Event]:
        kind, known = block.get("type"), f"{message.id}-{at}"
        match kind:
            case "text":
                message.blocks[at] = _Block("text", known)
                return [{"type": "text-start", "id": known}, *self._delta(message.blocks[at], block)]
            case "thinking" | "redacted_thinking":
                message.blocks[at] = _Block("reasoning", known)
                if isinstance(block.get("data"), str):
                    message.blocks[at].metadata = {"redactedData": block["data"]}
                return [{"type": "reasoning-start", "id": known}]
            case str() if kind in _CALLS:
                message.blocks[at] = _Block("tool", block["id"])
                return [_call("tool-input-start", block["id"], block["name"], kind)]
            case str() if kind.endswith("tool_result"):
                return [_answer(block["tool_use_id"], block.get("content"), provider=True)]
        return []

    def _delta(self, block: _Block, delta: Event) -> list[Event]:
        match delta:
            case {"type": "text_delta" | "text", "text": str(text)} if text:
                self._said = True
                return [{"type": "text-delta", "id": block.id, "delta": text}]
            case {"type": "thinking_delta", "thinking": str(text)}:
                return [{"type": "reasoning-delta", "id": block.id, "delta": text}]
            case {"type": "signature_delta", "signature": str(signature)}:
                block.metadata = {"signature": signature}
            case {"type": "input_json_delta", "partial_json": str(text)} if text:
                return [{"type": "tool-input-delta", "toolCallId": block.id, "inputTextDelta": text}]
            case {"type": "citations_delta", "citation": {"url": str(url), **cited}}:
                title = {"title": cited["title"]} if isinstance(cited.get("title"), str) else {}
                return [{"type": "source-url", "sourceId": url, "url": url, **title}]
        return []

    def _assistant(self, message: AssistantMessage, whose: str | None) -> list[Event]:
        made = self._message(message.message_id or "", whose, streamed=False)
        if whose is None and message.stop_reason:
            self._reason = message.stop_reason
        for block in message.content:
            made += self._whole(self._messages[whose], block, whose)
        return made

    def _whole(self, message: _Message, block: Any, whose: str | None) -> list[Event]:
        match block:
            case TextBlock() | ThinkingBlock():
                kind: Literal["text", "reasoning"] = "text" if isinstance(block, TextBlock) else "reasoning"
                streamed = [one for one in message.blocks.values() if one.kind == kind and not one.told]
                if streamed:
                    streamed[0].told = True
                    return []
                return self._group(message, kind, block)
            case ToolUseBlock() | ServerToolUseBlock():
                kind_of_call = "tool_use" if isinstance(block, ToolUseBlock) else "server_tool_use"
                self._calls[block.id] = {"input": block.input, "whose": whose}
                call = _call("tool-input-available", block.id, block.name, kind_of_call)
                return [{**call, "input": block.input}]
            case ToolResultBlock():
                return [_answer(block.tool_use_id, block.content, failed=block.is_error is True)]
            case ServerToolResultBlock():
                return [_answer(block.tool_use_id, block.content, provider=True)]
        return []

    def _group(self, message: _Message, kind: Literal["text", "reasoning"], block: Any) -> list[Event]:
        message.groups += 1
        self._said = self._said or kind == "text"
        said = _Block(kind, f"{message.id}-whole-{message.groups}")
        text = block.text if kind == "text" else block.thinking
        if kind == "reasoning" and block.signature:
            said.metadata = {"signature": block.signature}
        return [
            {"type": f"{kind}-start", "id": said.id},
            {"type": f"{kind}-delta", "id": said.id, "delta": text},
            _ended(said),
        ]

    def _user(self, message: UserMessage) -> list[Event]:
        whose = message.parent_tool_use_id
        made = self._begun(whose)
        texts = []
        for block in message.content if isinstance(message.content, list) else [TextBlock(message.content)]:
            if isinstance(block, ToolResultBlock):
                known = block.tool_use_id
                if self._subagents.get(known) is False:
                    state = "failed" if block.is_error else "completed"
                    made.append({"type": "turnlog-subagent-end", "id": known, "state": state})
                answer = _answer(known, block.content, failed=block.is_error is True)
                made += _of(whose, [answer])
                if called := self._messages.get(whose):  # what a tool has answered to is never dropped
                    called.whole = True
            elif isinstance(block, TextBlock):
                texts.append(block.text)
        if texts and whose is not None:
            told = {"role": "user", "content": "\n".join(texts)}
            made += _of(whose, [{"type": "turnlog-message", "message": told}])
        return made

    def _begun(self, whose: str | None, started: TaskStartedMessage | None = None) -> list[Event]:
        """A sub-agent begins, with what is known of it."""
        if whose is None or whose in self._subagents:
            return []
        data = started.data if started else {}
        self._subagents[whose] = data.get("is_backgrounded") is True
        call = self._calls.get(whose, {"input": {}, "whose": None})
        told = {
            "name": data.get("subagent_type") or call["input"].get("subagent_type"),
            "description": started.description if started else call["input"].get("description"),
        }
        fields = {name: value for name, value in told.items() if isinstance(value, str)}
        begun = {"type": "turnlog-subagent-start", "id": whose, "toolCallId": whose, **fields}
        return _of(call["whose"], [begun])

    def _system(self, message: SystemMessage) -> list[Event]:
        match message:
            case TaskStartedMessage(tool_use_id=str(known), task_type="local_agent"):
                return self._begun(known, message)
            case TaskNotificationMessage(tool_use_id=str(known)) if known in self._subagents:
                state = _STATES.get(message.status, "cancelled")
                ended = {"type": "turnlog-subagent-end", "id": known, "state": state}
                return [{**ended, "summary": message.summary}]
            case SystemMessage(subtype="compact_boundary"):
                told = message.data.get("compact_metadata")
                about = told if isinstance(told, dict) else {}
                return [{**about, "type": "turnlog-compaction", "state": "completed"}]
            case SystemMessage(subtype="status") if message.data.get("status") == "compacting":
                return [{"type": "turnlog-compaction", "state": "running"}]
        return []

    def _result(self, message: ResultMessage) -> list[Event]:
        made: list[Event] = [{"type": "turnlog-usage", "usage": message.usage}] if message.usage else []
        if (message.terminal_reason or "").startswith("aborted"):
            return [*made, {"type": "abort"}]
        if message.is_error or message.subtype != "success":
            told = message.result or "\n".join(message.errors or ()) or self._error
            return [*made, {"type": "error", "errorText": told or f"The agent ended with {message.subtype}."}]
        if message.result and not self._said:  # of a command, which asks no model
            made += self._group(_Message("result"), "text", TextBlock(message.result))
        reason = _REASONS.get(message.stop_reason or self._reason, "other")
        return [*made, {"type": "finish", "finishReason": reason}]


def _of(whose: str | None, events: list[Event]) -> list[Event]:
    return events if whose is None else [{**event, "subagent": whose} for event in events]


def _call(what: str, known: str, name: str, kind: str) -> Event:
    served = {} if kind == "tool_use" else {"providerExecuted": True}
    return {"type": what, "toolCallId": known, "toolName": name, **served}


def _ended(block: _Block) -> Event:
    told = {"providerMetadata": {"anthropic": block.metadata}} if block.metadata else {}
    return {"type": f"{block.kind}-end", "id": block.id, **told}


def _answer(known: str, content: Any, *, failed: bool = False, provider: bool = False) -> Event:
    """What a tool answered: a text; with images, as MCP's tools answer."""
    served = {"providerExecuted": True} if provider else {}
    output = content if provider else _output(content)
    if failed:
        text = output if isinstance(output, str) else "\n".join(_texts(output["content"]))
        return {"type": "tool-output-error", "toolCallId": known, "errorText": text or "The tool failed."}
    return {"type": "tool-output-available", "toolCallId": known, "output": output, **served}


def _output(content: Any) -> Any:
    if content is None or isinstance(content, str):
        return content or ""
    parts = [_part(block) for block in content]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(_texts(parts))
    return {"content": parts}


def _texts(parts: list[Event]) -> list[str]:
    return [part["text"] for part in parts if part["type"] == "text"]


def _part(block: Event) -> Event:
    match block:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "image", "source": {"type": "base64", "data": str(data), "media_type": str(kind)}}:
            return {"type": "image", "data": data, "mimeType": kind}
    return {"type": "text", "text": dumps(block).decode()}
