"""What each provider's SDK gives and takes, in its own words, as programs append it."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]
PNG, PDF, WAV = "iVBORw0KGgo=", "JVBERi0=", "UklGRg=="

CHAT: list[Message] = [
    {"role": "developer", "content": "Be brief.", "name": "d"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Look:"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
            },
            {"type": "file", "file": {"file_id": "file-1"}},
        ],
    },
    {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "reasoning_content": "I look.",
        "tool_calls": [
            {
                "id": "call_1__thought__c2ln" + "n" * 900,
                "type": "function",
                "function": {"name": "look", "arguments": '{"at": 1}'},
                "extra_content": {"google": {"thought_signature": "c2ln"}},
            },
            {"id": "call_2", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
        ],
    },
    {"role": "tool", "tool_call_id": "call_1__thought__c2ln" + "n" * 900, "content": "a cat"},
    {"role": "tool", "tool_call_id": "call_2", "content": "done"},
    {"role": "assistant", "content": "A cat.", "refusal": None},
]

ANTHROPIC: list[Message] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                "title": "a.pdf",
                "citations": {"enabled": True},
            },
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "plain"},
                "context": "c",
            },
        ],
    },
    {
        "role": "assistant",
        "id": "msg_1",
        "model": "claude",
        "stop_reason": "tool_use",
        "type": "message",
        "usage": {"input_tokens": 1},
        "content": [
            {"type": "thinking", "thinking": "I look.", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "eHh4"},
            {
                "type": "server_tool_use",
                "id": "srvtoolu_1",
                "name": "web_search",
                "input": {"query": "cats"},
                "caller": {"type": "direct"},
            },
            {
                "type": "web_search_tool_result",
                "tool_use_id": "srvtoolu_1",
                "content": [
                    {
                        "type": "web_search_result",
                        "title": "Cats",
                        "url": "https://example.com",
                        "encrypted_content": "eHh4",
                    }
                ],
            },
            {
                "type": "text",
                "text": "Cats are",
                "citations": [
                    {
                        "type": "char_location",
                        "cited_text": "plain",
                        "document_index": 0,
                        "document_title": None,
                        "file_id": None,
                        "start_char_index": 0,
                        "end_char_index": 5,
                    }
                ],
            },
            {"type": "text", "text": " small.", "citations": None},
            {
                "type": "tool_use",
                "id": "toolu_1",
                "name": "look",
                "input": {"at": 1},
                "caller": {"type": "direct"},
            },
        ],
    },
    {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "toolu_1",
                "content": [
                    {"type": "text", "text": "a cat"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                ],
            },
            {"type": "text", "text": "And?"},
        ],
    },
    {"role": "assistant", "content": "A cat."},
]

BEDROCK: list[Message] = [
    {
        "role": "user",
        "content": [
            {"text": "Look:"},
            {"image": {"format": "png", "source": {"bytes": PNG}}},
            {"document": {"format": "pdf", "name": "a", "source": {"bytes": PDF}}},
            {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/a.mp4"}}}},
            {"cachePoint": {"type": "default"}},
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"reasoningContent": {"reasoningText": {"text": "I look.", "signature": "c2ln"}}},
            {"text": "Looking."},
            {"toolUse": {"toolUseId": "tooluse_1", "name": "look", "input": {"at": 1}}},
        ],
    },
    {
        "role": "user",
        "content": [
            {
                "toolResult": {
                    "toolUseId": "tooluse_1",
                    "status": "error",
                    "content": [
                        {"json": {"is": "a cat"}},
                        {"image": {"format": "png", "source": {"bytes": PNG}}},
                    ],
                }
            }
        ],
    },
    {"role": "assistant", "content": [{"text": "A cat."}]},
]

GEMINI: list[Message] = [
    {
        "role": "user",
        "parts": [
            {"text": "Look:"},
            {"inlineData": {"mimeType": "image/png", "data": PNG}},
            {"file_data": {"file_uri": "https://example.com/a.mp4", "mime_type": "video/mp4"}},
        ],
    },
    {
        "role": "model",
        "parts": [
            {"text": "I look.", "thought": True},
            {"text": None, "function_call": {"name": "look", "args": {"at": 1}}, "thought_signature": "c2ln"},
            {"functionCall": {"id": "g2", "name": "look", "args": {}}},
        ],
    },
    {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "look", "response": {"result": "a cat"}}},
            {"functionResponse": {"id": "g2", "name": "look", "response": {"error": "too dark"}}},
        ],
    },
    {"role": "model", "content": [{"text": "A cat."}]},
]

OLLAMA: list[Message] = [
    {"role": "user", "content": "Look: twice."},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"function": {"name": "look", "arguments": {"at": 1}}},
            {"type": "function", "function": {"index": 1, "name": "weigh", "arguments": {}}},
            {"function": {"name": "look", "arguments": {"at": 2}}},
        ],
    },
    {"role": "tool", "tool_name": "weigh", "content": "4 kg"},
    {"role": "tool", "tool_name": "look", "content": "a cat"},
    {"role": "tool", "content": "a dog"},
    {"role": "assistant", "content": "A cat. A dog."},
]

UI: list[Message] = [
    {
        "id": "ui1",
        "role": "user",
        "metadata": {"at": "2026"},
        "parts": [
            {"type": "text", "text": "Look:"},
            {
                "type": "file",
                "mediaType": "image/png",
                "url": f"data:image/png;base64,{PNG}",
                "filename": "a.png",
            },
            {"type": "data-place", "data": {"x": 1}},
        ],
    },
    {
        "id": "ui2",
        "role": "assistant",
        "parts": [
            {
                "type": "reasoning",
                "text": "I look.",
                "state": "done",
                "providerMetadata": {"anthropic": {"signature": "c2ln"}},
            },
            {
                "type": "tool-look",
                "toolCallId": "call_1",
                "input": {"at": 1},
                "state": "output-available",
                "output": {"is": "a cat"},
            },
            {
                "type": "dynamic-tool",
                "toolName": "mcp-look",
                "toolCallId": "call_2",
                "input": {},
                "state": "output-error",
                "errorText": "too dark",
            },
            {"type": "step-start"},
            {"type": "text", "text": "A cat."},
            {"type": "source-url", "sourceId": "s1", "url": "https://example.com"},
        ],
    },
]

ITEMS: list[Message] = [
    {"role": "developer", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "Look:"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
            {"type": "input_file", "file_id": "file-1"},
        ],
    },
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "I look."}],
        "encrypted_content": "eHh4",
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "look",
        "arguments": "{}",
        "status": "completed",
    },
    {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "patch", "input": "*** Begin"},
    {
        "type": "function_call_output",
        "call_id": "call_1",
        "output": [
            {"type": "input_text", "text": "a cat"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "high"},
        ],
    },
    {"type": "custom_tool_call_output", "call_id": "call_2", "output": "done"},
    {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "cats"},
    },
    {
        "type": "computer_call",
        "id": "cu_1",
        "call_id": "call_3",
        "status": "completed",
        "action": {"type": "screenshot"},
        "pending_safety_checks": [],
    },
    {
        "type": "computer_call_output",
        "call_id": "call_3",
        "output": {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{PNG}"},
    },
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "A cat.", "annotations": [], "logprobs": []},
            {"type": "refusal", "refusal": "No more."},
        ],
    },
]

WORDS = {
    "chat": CHAT,
    "anthropic": ANTHROPIC,
    "bedrock": BEDROCK,
    "gemini": GEMINI,
    "ollama": OLLAMA,
    "ai-sdk": UI,
}
"""Histories in the words of those whose messages are appended as they are."""
