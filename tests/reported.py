"""Histories that failed users of other converters between providers, by what their trackers say of them.

Each begins with a user's message and has whatever was refused, or lost, behind it.
"""

from __future__ import annotations

from typing import Any

from tests.sdk_words import PNG
from turnlog import formats

Message = dict[str, Any]
QUESTION: Message = {"role": "user", "content": "q"}
_SEARCH: Message = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "cats"},
}
_THOUGHT: Message = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "eHh4"}
_ANSWER: Message = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "A cat.", "annotations": []}],
}


def _chat_call(known: str | None, arguments: str = "{}") -> Message:
    call: Message = {"type": "function", "function": {"name": "look", "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call | ({"id": known} if known else {})]}


def _ui_call(known: str, value: Any, result: Message) -> list[Message]:
    part = {"type": "tool-call", "toolCallId": known, "toolName": "look", "input": value}
    answer = {"type": "tool-result", "toolCallId": known, "toolName": "look", "output": result}
    return [{"role": "assistant", "content": [part]}, {"role": "tool", "content": [answer]}]


def _thought(text: str, **told: Any) -> Message:
    return {"type": "reasoning", "text": text, "providerMetadata": {"openai": {"itemId": "rs_1", **told}}}


REPORTED: dict[str, list[Message]] = {
    # vercel/ai#7883, openai-agents-js#1142: "Duplicate item found with id"
    "items that were stored twice": formats.from_responses(
        [{"role": "user", "content": "q"}, _THOUGHT, _SEARCH, _ANSWER, _THOUGHT, _SEARCH, _ANSWER]
    ),
    # openai-agents-js#326: "reasoning was provided without its required following item"
    "a thought with a summary of two texts": [
        QUESTION,
        {
            "id": "ui",
            "role": "assistant",
            "parts": [
                _thought("one", reasoningEncryptedContent=None),
                _thought("two", reasoningEncryptedContent="eHh4"),
                {
                    "type": "text",
                    "text": "A cat.",
                    "providerMetadata": {"openai": {"itemId": "msg_1", "phase": "final_answer"}},
                },
            ],
        },
    ],
    # langchain#35071: "final assistant content cannot end with trailing whitespace"
    "an answer that ends in white space": [QUESTION, {"role": "assistant", "content": "A cat. \n"}],
    # vllm#19419, litellm#14583: empty arguments are no JSON
    "a call without arguments": [
        QUESTION,
        _chat_call("c", ""),
        {"role": "tool", "tool_call_id": "c", "content": "a cat"},
    ],
    # vercel/ai#7097, mastra#5604: "tool_use.input: Input should be a valid dictionary"
    "a call whose arguments were cut off": [
        QUESTION,
        *_ui_call("c", '{"at": ', {"type": "error-text", "value": "Not JSON."}),
    ],
    # langchain-google#1591, langchain#40435: a tool's image goes out as it was stored
    "LangChain's blocks": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "q"},
                {"type": "image", "url": "https://example.com/a.png"},
                {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
                {"type": "text-plain", "text": "plain", "mime_type": "text/plain"},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c", "name": "look", "input": {}, "partial_json": "{"}],
            "tool_calls": [{"type": "tool_call", "id": "c", "name": "look", "args": {"at": 1}}],
        },
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{"type": "image", "base64": PNG, "mime_type": "image/png"}],
        },
    ],
    # litellm#29325, langchainjs#10297: the image that a function answers is dropped
    "an image in Gemini's function response": [
        QUESTION,
        {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "name": "look",
                        "response": {"is": "a cat"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}],
                    }
                }
            ],
        },
    ],
    # earendil-works/pi#9048: "tool_use.id: String should match pattern"
    "an id that Anthropic does not take": [
        QUESTION,
        _chat_call("call_1|fc_2"),
        {"role": "tool", "tool_call_id": "call_1|fc_2", "content": "a cat"},
    ],
    # pydantic-ai#895: "OpenAI requires tool_call_id to be set"
    "a call without an id": [QUESTION, _chat_call(None), {"role": "tool", "content": "a cat"}],
    # vercel/ai#13383: a call that the user did not allow
    "a call that was not allowed": [
        QUESTION,
        *_ui_call("c", {}, {"type": "execution-denied", "reason": "Not now."}),
    ],
    "an image at an address, of the AI SDK": [
        QUESTION,
        *_ui_call(
            "c", {}, {"type": "content", "value": [{"type": "image-url", "url": "https://example.com/a"}]}
        ),
    ],
    # anthropics/claude-code#63284: "thinking blocks cannot be modified"; some are empty, and signed
    "a thought that is not shown": [
        QUESTION,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "eHh4"},
                {"type": "text", "text": "A cat."},
            ],
        },
    ],
    "a tool that was found": [
        QUESTION,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "find", "input": {}}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c",
                    "content": [{"type": "tool_reference", "tool_name": "look"}],
                }
            ],
        },
    ],
    "a spoken answer, and a refusal": [
        QUESTION,
        {"role": "assistant", "content": None, "audio": {"id": "audio_1", "transcript": "A cat."}},
        QUESTION,
        {"role": "assistant", "content": None, "refusal": "No."},
    ],
}
