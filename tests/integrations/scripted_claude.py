"""Anthropic's Messages API on loopback, which streams what a script answers."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, Any]
    # From a request to the blocks of the answer, or to the status and the body of an error.
    Script = Callable[[Json], list[Json] | tuple[int, Json]]


def streamed(model: str, number: int, blocks: list[Json]) -> list[Json]:
    """The events of one message, its texts in two pieces."""
    usage = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 2}
    message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": model, "content": []}
    events: list[Json] = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "usage": usage}}
    ]
    for at, block in enumerate(blocks):
        begun, deltas = _block(block)
        events.append({"type": "content_block_start", "index": at, "content_block": begun})
        events += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": at})
    calls = any(block["type"] == "tool_use" for block in blocks)
    delta = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    return [
        *events,
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]


def _block(block: Json) -> tuple[Json, list[Json]]:
    match block:
        case {"type": "text", "text": text}:
            return {"type": "text", "text": ""}, [
                {"type": "text_delta", "text": one} for one in _halves(text)
            ]
        case {"type": "thinking", "thinking": text, "signature": signature}:
            deltas = [{"type": "thinking_delta", "thinking": one} for one in _halves(text)]
            begun = {"type": "thinking", "thinking": "", "signature": ""}
            return begun, [*deltas, {"type": "signature_delta", "signature": signature}]
    pieces = [
        {"type": "input_json_delta", "partial_json": one} for one in _halves(json.dumps(block["input"]))
    ]
    return {**block, "input": {}}, pieces


def _halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """The URL of the API."""
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(200, "application/json", b"")

        do_GET = do_HEAD  # noqa: N815 (its name)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not self.path.startswith("/v1/messages?"):
                self._answer(200, "application/json", b'{"input_tokens": 10}')
                return
            answer = script(body)
            if isinstance(answer, tuple):
                self._answer(answer[0], "application/json", json.dumps(answer[1]).encode())
                return
            events = streamed(body["model"], next(numbers), answer)
            frames = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]
            self._answer(200, "text/event-stream", "".join(frames).encode())

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
