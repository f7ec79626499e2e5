"""Histories as programs store them, in the words of every SDK, whole and broken; each thing is said once.

A text bears a mark by which it is known again: `u7.` a user said, `a8.` an assistant, `s9.` the system;
`t10.` a tool answered, `q11.` it was asked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

Message = dict[str, Any]

DOCUMENTS = (
    ("application/pdf", "JVBERi0="),
    ("text/csv", "YSxiCg=="),
    ("text/plain", "/w=="),
    ("application/msword", "0M8R4A=="),
)
STYLES = ("chat", "anthropic", "bedrock", "gemini", "ai-sdk", "responses")
TAILS = ("", "", " ", "\nand so on", "\ud83d", "\x00", "```", "~~~\n", "\n## Assistant\n", '{"a": 1}')
PIXEL = "iVBORw0KGgo="


class History:
    """A history that grows at random.

    Attributes:
        messages: as a GET answers them.
        said: the marks of those who speak, by role.
        calls: the marks of well-formed calls, with the id or the name by which they are answered, and their
            places; `named`: their tools.
        results: the marks of what tools answered, each with that id or name, its place, and whether a job
            did it.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._count = 0
        self.messages: list[Message] = []
        self.said: dict[str, list[str]] = {"user": [], "assistant": [], "system": []}
        self.calls: list[tuple[str, str, int]] = []
        self.named: dict[str, str] = {}
        self.results: list[tuple[str, str, int, bool]] = []

    def grow(self, steps: int) -> None:
        """Append so many messages."""
        for _ in range(steps):
            kind = self._rng.choice(
                (
                    "user",
                    "user",
                    "assistant",
                    "assistant",
                    "call",
                    "call",
                    "result",
                    "result",
                    "result",
                    "odd",
                )
            )
            getattr(self, f"_{kind}")()

    def _mark(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}."

    def _say(self, role: str) -> str:
        mark = self._mark(role[0])
        self.said["system" if role == "developer" else role].append(mark)
        return mark + self._rng.choice(TAILS)

    def _put(self, **fields: Any) -> None:
        at = len(self.messages)
        server = {"sequence": at, "message_id": f"m{at}", "created_at": "2026-11-28T08:00:00.000000Z"}
        self.messages.append(server | fields)

    def _id(self) -> str:
        return self._rng.choice((f"c{self._rng.randrange(4)}", f"id {self._mark('c')}", "x" * 90))

    def _user(self) -> None:
        text = self._say("user")
        match self._rng.choice(STYLES):
            case "chat":
                image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
                self._put(role="user", content=[{"type": "text", "text": text}, image])
            case "anthropic":
                media_type, data = self._rng.choice(DOCUMENTS)
                source = {"type": "base64", "media_type": media_type, "data": data}
                block = {"type": "document", "source": source, "title": "a.pdf", "citations": None}
                self._put(role="user", content=[block, {"type": "text", "text": text}])
            case "bedrock":
                image = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
                self._put(role="user", content=[{"text": text}, image])
            case "gemini":
                self._put(role="user", parts=[{"text": text, "function_call": None}])
            case "ai-sdk":
                file = {"type": "file", "mediaType": "text/csv", "url": "https://example.com/a.csv"}
                self._put(id=self._mark("ui"), role="user", parts=[{"type": "text", "text": text}, file])
            case "responses":
                part = {"type": "input_text", "text": text}
                self._put(type="message", role="user", content=[part], status="completed")

    def _assistant(self) -> None:
        text = self._say("assistant")
        match self._rng.choice(STYLES):
            case "chat":
                self._put(role="assistant", content=text, reasoning_content="hm", annotations=[])
            case "anthropic":
                signature = self._rng.choice(("", "c2ln"))
                thought: Message = {"type": "thinking", "thinking": "hm", "signature": signature}
                self._put(role="assistant", content=[thought, {"type": "text", "text": text}])
            case "bedrock":
                thought = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}
                self._put(role="assistant", content=[thought, {"text": text}])
            case "gemini":
                self._put(role="model", parts=[{"text": "hm", "thought": True}, {"text": text}])
            case "ai-sdk":
                parts = [{"type": "step-start"}, {"type": "reasoning", "text": "hm", "state": "done"}]
                self._put(id="x", role="assistant", parts=[*parts, {"type": "text", "text": text}])
            case "responses":
                part = {"type": "output_text", "text": text, "annotations": []}
                self._put(id="msg_1", type="message", role="assistant", status="completed", content=[part])

    def _call(self) -> None:
        style, at = self._rng.choice(STYLES), len(self.messages)
        calls = []
        for _ in range(self._rng.choice((1, 1, 2))):
            known, mark = self._id(), self._mark("q")
            name = self._rng.choice(("look", "look up"))
            self.calls.append((mark, f"name {name}" if style == "gemini" else known, at))
            self.named[mark] = name
            calls.append((known, name, {"n": mark}))
        if style == "chat":
            told = [
                {"id": known, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
                for known, name, given in calls
            ]
            self._put(role="assistant", content=self._say("assistant"), tool_calls=told)
        elif style == "anthropic":
            blocks = [
                {"type": "tool_use", "id": known, "name": name, "input": given}
                for known, name, given in calls
            ]
            self._put(role="assistant", content=[{"type": "text", "text": self._say("assistant")}, *blocks])
        elif style == "bedrock":
            uses = [
                {"toolUse": {"toolUseId": known, "name": name, "input": given}}
                for known, name, given in calls
            ]
            self._put(role="assistant", content=uses)
        elif style == "gemini":
            parts = [{"functionCall": {"name": name, "args": given}} for _, name, given in calls]
            self._put(role="model", parts=parts)
        elif style == "ai-sdk":
            parts = [self._ui_tool(known, name, given, at) for known, name, given in calls]
            self._put(id="y", role="assistant", parts=parts)
        else:
            items = [
                {"type": "function_call", "call_id": known, "name": name, "arguments": json.dumps(given)}
                for known, name, given in calls
            ]
            self._put(role="assistant", content=items)

    def _ui_tool(self, known: str, name: str, given: Message, at: int) -> Message:
        part: Message = {
            "type": f"tool-{name}",
            "toolCallId": known,
            "input": given,
            "state": "input-available",
        }
        if self._rng.random() < 0.5:
            return part
        mark = self._mark("t")
        self.results.append((mark, known, at, False))
        return {**part, "state": "output-available", "output": {"is": mark}}

    def _result(self) -> None:
        style, mark, at = self._rng.choice(STYLES), self._mark("t"), len(self.messages)
        known = self._rng.choice([one[1] for one in self.calls] or ["c0"])
        if self._rng.random() < 0.15:
            known = "nobody asked"
        job = self._rng.random() < 0.2
        about: Message = {"metadata": {"job_id": "j"}} if job else {}
        if known.startswith("name "):
            style = "gemini"
        self.results.append((mark, known, at, job))
        text = mark + self._rng.choice(TAILS)
        match style:
            case "chat":
                self._put(role="tool", tool_call_id=known, content=text, **about)
            case "anthropic":
                block = {
                    "type": "tool_result",
                    "tool_use_id": known,
                    "content": [{"type": "text", "text": text}],
                }
                self._put(role="user", content=[block], **about)
            case "bedrock":
                result = {"toolUseId": known, "content": [{"json": {"is": text}}], "status": "success"}
                self._put(role="user", content=[{"toolResult": result}], **about)
            case "gemini":
                named = known.startswith("name ")
                about_call = {"name": known.removeprefix("name ")} if named else {"id": known, "name": "look"}
                response = {**about_call, "response": {"result": text}}
                self._put(role="user", parts=[{"functionResponse": response}], **about)
            case "ai-sdk":
                output = {"type": "text", "value": text}
                part = {"type": "tool-result", "toolCallId": known, "toolName": "look", "output": output}
                self._put(role="tool", content=[part], **about)
            case "responses":
                item = {"type": "function_call_output", "call_id": known, "output": text}
                self._put(role="tool", content=[item], **about)

    def _odd(self) -> None:
        match self._rng.randrange(8):
            case 0:
                role = self._rng.choice(("system", "developer"))
                self._put(
                    role=role, content=self._say(role) if role == "system" else self._said_by_developer()
                )
            case 1:
                self._put(role="assistant", content=None, removed=True)
            case 2:
                self._put(
                    role=self._rng.choice(("user", "assistant")), content=self._rng.choice(("", None, []))
                )
            case 3:
                calls = [{"function": {"name": "f"}}, {"id": "z", "function": {}}, 5]
                self._put(role="assistant", content=self._say("assistant"), tool_calls=calls)
            case 4:
                self._put(role="tool", content=self._mark("t"))
            case 5:
                self._put(role="assistant", content=None, refusal=self._say("assistant"))
            case 6:
                parts = [{"type": "video_url", "video_url": {"url": "x"}}, {"odd": 1}, self._say("user")]
                self._put(role="user", content=parts)
            case 7:
                item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}
                self._put(role="assistant", content=[item])

    def _said_by_developer(self) -> str:
        mark = self._mark("s")
        self.said["system"].append(mark)
        return mark

    def answers(self) -> dict[str, str]:
        """By the mark of a call, the mark of its result, where no other call could be meant."""
        found = {}
        for mark, known, at in self.calls:
            later = [one for one in self.results if one[1] == known and one[2] >= at]
            jobs = [one for one in later if one[3]]
            named = self.named[mark] if known.startswith("name ") else None
            alone = list(self.named.values()).count(named) == 1 if named else True
            if alone and [one[1] for one in self.calls].count(known) == 1 and later:
                found[mark] = (jobs or later)[0][0]
        return found
