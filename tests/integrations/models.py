"""Models of two vendors, on loopback: they answer each prompt with its echo, and tell what they were asked.

Anthropic's Messages API streams, as Claude Code asks for; OpenAI's Responses API answers at once.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


TYPED = ("turn ", "What ", "use ")
"""With which a prompt begins. Upon `use <tool> <JSON>` Claude uses a tool, and then answers."""


class Models:
    """What they were asked, and when they hesitate.

    Attributes:
        url: of both APIs.
        asked: of each request the prompts of the user in it, in order.
        told: all messages of the last request to Claude.
        hesitates_at: a prompt that gets no answer while this is set.
        hesitating: set when it came.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[list[str]] = []
        self.told: list[Any] = []
        self.hesitates_at = ""
        self.hesitating = Event()

    @property
    def environment(self) -> dict[str, str]:
        """With which the agent SDKs ask these models, and nobody else."""
        return {
            "ANTHROPIC_API_KEY": "local",
            "ANTHROPIC_BASE_URL": self.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "OPENAI_AGENTS_DISABLE_TRACING": "1",
            "OPENAI_API_KEY": "local",
            "OPENAI_BASE_URL": f"{self.url}/v1",
        }

    def answer(self, prompts: list[str]) -> str | None:
        """The text for the last prompt; None: none will come."""
        self.asked.append(prompts)
        if prompts[-1] == self.hesitates_at:
            self.hesitating.set()
            return None
        return f"You said: {prompts[-1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    models: Models

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.startswith("/v1/messages"):
            self.models.told = body["messages"]
            prompts = _texts(body["messages"])
            answer = self.models.answer(prompts)
            used = any(part["type"] == "tool_result" for part in _parts(body["messages"][-1]))
            wanted = prompts[-1] if prompts[-1].startswith("use ") and not used else None
            kind, content = "text/event-stream", _anthropic(body["model"], answer, wanted)
        elif self.path.startswith("/v1/responses"):
            answer = self.models.answer(_texts(body["input"]))
            kind, content = "application/json", _openai(body["model"], answer)
        else:
            answer, kind, content = "", "application/json", b"{}"
        if answer is None:
            Event().wait()  # until the server is no more
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def _texts(messages: list[Any]) -> list[str]:
    """The prompts that the user typed, without what an agent adds."""
    texts = []
    for message in messages:
        if message.get("role") != "user":
            continue
        texts += [part["text"] for part in _parts(message) if part.get("text", "").startswith(TYPED)]
    return texts


def _parts(message: Any) -> list[Any]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _anthropic(model: str, text: str | None, wanted: str | None) -> bytes:
    block: Any = {"type": "text", "text": ""}
    delta: Any = {"type": "text_delta", "text": text}
    if wanted:
        _, tool, given = wanted.split(" ", 2)
        block = {"type": "tool_use", "id": f"toolu_{uuid4().hex}", "name": tool, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": given}
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    events: list[Mapping[str, Any]] = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use" if wanted else "end_turn", "stop_sequence": None},
            "usage": usage,
        },
        {"type": "message_stop"},
    ]
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()


def _openai(model: str, text: str | None) -> bytes:
    content: list[Any] = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    output = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": model,
        "output": [output],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 1,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 2,
        },
    }
    return json.dumps(response).encode()


@contextmanager
def serving() -> Iterator[Models]:
    """Serve them while this is entered."""

    class Handler(_Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        Handler.models = Models(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield Handler.models
        server.shutdown()
