"""What each SDK gives, in each format: a provider gets back what it gave, and the others what they take."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from tests import provider_rules
from tests.sdk_words import ANTHROPIC, BEDROCK, CHAT, GEMINI, ITEMS, OLLAMA, PDF, PNG, UI, WORDS
from turnlog import formats
from turnlog.models.answers import Message as Answered

Message = dict[str, Any]
ALL = {**WORDS, "responses": formats.from_responses(ITEMS)}


def stored(messages: list[Message]) -> list[Message]:
    """As a GET answers them."""
    server = {"created_at": "2026-11-28T08:00:00.000000Z"}
    return [
        {"sequence": at, "message_id": f"m{at}", **server, **message} for at, message in enumerate(messages)
    ]


def without(value: Any, *names: str) -> Any:
    """JSON without these members, and without those that are null."""
    if isinstance(value, dict):
        return {
            name: without(one, *names) for name, one in value.items() if name not in names and one is not None
        }
    return [without(one, *names) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("words", ALL)
def test_what_was_said_is_said_in_every_format(words: str) -> None:
    messages = stored(ALL[words])
    before = deepcopy(messages)
    for written, rules in (
        (formats.to_chat(messages), provider_rules.chat),
        (formats.to_ai_sdk(messages), provider_rules.ai_sdk),
    ):
        seen = rules(written.body)
        assert "Look:" in seen.said["user"]
        assert "A cat." in seen.said["assistant"]
        assert any("a cat" in result for result in seen.results.values())
        assert all("a cat" not in text for text in seen.said.values())
    for body in (formats.to_responses(messages).body, formats.to_anthropic(messages).body):
        text = json.dumps(body)
        assert all(said in text for said in ("Look:", "A cat.", "a cat"))
    markdown = formats.to_markdown(messages)
    assert all(said in markdown for said in ("Look:", "A cat.", "a cat", "look"))
    assert messages == before


def test_chat_comes_back() -> None:
    written = formats.to_chat(stored(CHAT))
    assert without(written.body["messages"]) == [
        {"content": "", **without(message, "annotations", "function_call")} for message in CHAT
    ]
    assert written.repairs == []


def test_anthropic_comes_back() -> None:
    written = formats.to_anthropic(stored(ANTHROPIC))
    assert written.body["system"] == ""
    assert without(written.body["messages"], "file_id") == [
        without({name: message[name] for name in ("role", "content")}, "cache_control", "file_id")
        for message in ANTHROPIC
    ]
    assert written.repairs == []


def test_items_come_back() -> None:
    messages = formats.from_responses(deepcopy(ITEMS))
    written = formats.to_responses(stored(messages))
    assert written.body["input"] == ITEMS
    assert written.repairs == []
    assert [item for message in stored(messages) for item in formats.to_items(message)] == ITEMS
    # A chat front end reads the calls and their results.
    assert [message["role"] for message in messages[3:7]] == ["assistant", "assistant", "tool", "tool"]
    assert messages[3]["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
    assert messages[5]["tool_call_id"] == "call_1"


def test_ui_messages_come_back() -> None:
    written = formats.to_ai_sdk(stored(UI))
    (user, assistant) = written.body["messages"]
    assert user == UI[0]
    expected = deepcopy(UI[1])
    del expected["parts"][0]["state"]
    assert assistant == expected
    assert written.repairs == []


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"role": "user", "content": "q"}, {"role": "user", "content": "q"}),
        (
            {"type": "function_call", "call_id": "c", "name": "", "arguments": "{}"},
            {
                "role": "assistant",
                "content": [{"type": "function_call", "call_id": "c", "name": "", "arguments": "{}"}],
            },
        ),
        (
            {"type": "item_reference", "id": "x"},
            {"role": "assistant", "content": [{"type": "item_reference", "id": "x"}]},
        ),
        (
            {"type": "shell_call_output", "call_id": "c", "output": []},
            {"role": "tool", "content": [{"type": "shell_call_output", "call_id": "c", "output": []}]},
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": None},
            {
                "role": "tool",
                "tool_call_id": "c",
                "content": None,
                "response_fields": {},
            },
        ),
        (
            {"type": "from the future", "x": 1},
            {"role": "assistant", "content": [{"type": "from the future", "x": 1}]},
        ),
    ],
)
def test_an_item_is_a_message(item: Message, message: Message) -> None:
    assert formats.from_responses([item]) == [message]


def test_what_is_no_item() -> None:
    with pytest.raises(TypeError):
        formats.from_responses(["x"])


MEDIA: dict[str, tuple[Message, dict[str, Any]]] = {
    "an image": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {
            "chat": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            "responses": {
                "type": "input_image",
                "detail": "auto",
                "image_url": f"data:image/png;base64,{PNG}",
            },
            "anthropic": {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": PNG},
            },
            "ai-sdk": {"type": "file", "mediaType": "image/png", "url": f"data:image/png;base64,{PNG}"},
        },
    ),
    "an image of Gemini's SDK, in base64 for URLs": (
        {"inline_data": {"mime_type": "image/png", "data": "-_8"}},
        {
            "chat": {"type": "image_url", "image_url": {"url": "data:image/png;base64,+/8="}},
            "responses": {
                "type": "input_image",
                "detail": "auto",
                "image_url": "data:image/png;base64,+/8=",
            },
            "anthropic": {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "+/8="},
            },
            "ai-sdk": {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,+/8="},
        },
    ),
    "a text of Gemini's SDK": (
        {"inline_data": {"mime_type": "text/plain", "data": "w6TDvzw_Pg"}},
        {
            "anthropic": {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "äÿ<?>"},
            },
        },
    ),
    "an image whose bytes are none": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}},
        {
            "chat": "[Left out: image (image/png)]",
            "responses": "[Left out: image (image/png)]",
            "anthropic": "[Left out: image (image/png)]",
            "ai-sdk": "[Left out: image (image/png)]",
        },
    ),
    "an image somewhere": (
        {"type": "input_image", "image_url": "https://e.com/a.jpg?x=1"},
        {
            "chat": {"type": "image_url", "image_url": {"url": "https://e.com/a.jpg?x=1"}},
            "responses": {"type": "input_image", "detail": "auto", "image_url": "https://e.com/a.jpg?x=1"},
            "anthropic": {"type": "image", "source": {"type": "url", "url": "https://e.com/a.jpg?x=1"}},
            "ai-sdk": {"type": "file", "mediaType": "image/jpeg", "url": "https://e.com/a.jpg?x=1"},
        },
    ),
    "an image that Anthropic has no word for": (
        {"inlineData": {"mimeType": "image/tiff", "data": PNG}},
        {
            "chat": {"type": "image_url", "image_url": {"url": f"data:image/tiff;base64,{PNG}"}},
            "anthropic": "[Left out: image (image/tiff)]",
        },
    ),
    "an image in the cloud": (
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/a.png"}}}},
        {
            "chat": "[Left out: image (image/png, s3://b/a.png)]",
            "responses": "[Left out: image (image/png, s3://b/a.png)]",
            "anthropic": "[Left out: image (image/png, s3://b/a.png)]",
            "ai-sdk": {"type": "file", "mediaType": "image/png", "url": "s3://b/a.png"},
        },
    ),
    "a PDF": (
        {"document": {"format": "pdf", "name": "a", "source": {"bytes": PDF}}},
        {
            "chat": {
                "type": "file",
                "file": {"filename": "a", "file_data": f"data:application/pdf;base64,{PDF}"},
            },
            "responses": {
                "type": "input_file",
                "file_data": f"data:application/pdf;base64,{PDF}",
                "filename": "a",
            },
            "anthropic": {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                "title": "a",
            },
        },
    ),
    "a PDF somewhere": (
        {"type": "document", "source": {"type": "url", "url": "https://e.com/a"}},
        {
            "chat": "[Left out: file (application/pdf, https://e.com/a)]",
            "responses": {"type": "input_file", "file_url": "https://e.com/a"},
            "anthropic": {"type": "document", "source": {"type": "url", "url": "https://e.com/a"}},
            "ai-sdk": {"type": "file", "mediaType": "application/pdf", "url": "https://e.com/a"},
        },
    ),
    "a plain text": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}},
        {
            "chat": "plain",
            "responses": "plain",
            "anthropic": {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "plain"},
            },
            "ai-sdk": "plain",
        },
    ),
    "a text in bytes": (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "text/csv", "data": "YSxiCg=="},
            "title": "t.csv",
        },
        {
            "chat": '[Left out: file (text/csv, "t.csv")]',
            "anthropic": {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "a,b\n"},
                "title": "t.csv",
            },
        },
    ),
    "a document that is no PDF": (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/msword", "data": "0M8R4A=="},
        },
        {"anthropic": "[Left out: file (application/msword)]"},
    ),
    "a sound": (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {
            "chat": {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            "responses": "[Left out: audio (audio/mp3)]",
            "anthropic": "[Left out: audio (audio/mp3)]",
            "ai-sdk": {"type": "file", "mediaType": "audio/mp3", "url": "data:audio/mp3;base64,AAAA"},
        },
    ),
    "a file of OpenAI's": (
        {"type": "input_file", "file_id": "file-1"},
        {
            "responses": {"type": "input_file", "file_id": "file-1"},
            "anthropic": "[Left out: file (file-1)]",
            "ai-sdk": "[Left out: file (file-1)]",
        },
    ),
    "a file of Anthropic's": (
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {
            "chat": "[Left out: file (file_1)]",
            "responses": "[Left out: file (file_1)]",
            "anthropic": {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        },
    ),
    "what nobody knows": (
        {"type": "hologram", "data": "x"},
        dict.fromkeys(("chat", "responses", "anthropic", "ai-sdk"), "[Left out: hologram]"),
    ),
}


@pytest.mark.parametrize("case", MEDIA)
def test_media(case: str) -> None:
    """What a format has no word for is a text that says so, and a repair."""
    part, expected = MEDIA[case]
    messages = stored([{"role": "user", "content": ["Look:", part]}])
    written = {
        "chat": (chat := formats.to_chat(messages), chat.body["messages"][0]["content"]),
        "responses": (items := formats.to_responses(messages), items.body["input"][0]["content"]),
        "anthropic": (claude := formats.to_anthropic(messages), claude.body["messages"][0]["content"]),
        "ai-sdk": (ui := formats.to_ai_sdk(messages), ui.body["messages"][0]["parts"]),
    }
    for name, shown in expected.items():
        history, (first, found) = written[name]
        assert first["text"] == "Look:"
        text = isinstance(shown, str)
        instead = {"type": "input_text" if name == "responses" else "text", "text": shown}
        assert found == (instead if text else shown)
        if text and shown.startswith("["):
            assert [one.what for one in history.repairs] == [shown.strip("[]").replace("Left", "left", 1)]
        else:
            assert history.repairs == []


def test_thoughts_go_back_to_who_signed_them() -> None:
    """And to no other."""
    thinking = {"type": "thinking", "thinking": "I look.", "signature": "c2ln"}
    for words in (ANTHROPIC, BEDROCK, UI):
        blocks = formats.to_anthropic(stored(words)).body["messages"][1]["content"]
        assert blocks[0] == thinking
    for words in (CHAT, GEMINI, formats.from_responses(ITEMS)):
        written = formats.to_anthropic(stored(words))
        assert "I look." not in json.dumps(written.body)
        assert any("reasoning" in one.what for one in written.repairs)
    (call, _) = formats.to_chat(stored(GEMINI)).body["messages"][1]["tool_calls"]
    assert call["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    reasoning = formats.to_ai_sdk(stored(ANTHROPIC)).body["messages"][1]["parts"][0]
    assert reasoning["providerMetadata"] == {"anthropic": {"signature": "c2ln"}}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "thinking", "thinking": "I look.", "signature": ""},
        {"type": "thinking", "thinking": "I look."},
        {"type": "thinking", "thinking": [{"type": "text", "text": "I look."}]},
        {"type": "redacted_thinking"},
        {"reasoningContent": {"reasoningText": {"text": "I look."}}},
        {"type": "reasoning", "text": "I look."},
        {"type": "reasoning", "text": "I look.", "providerMetadata": {"anthropic": {}}},
    ],
)
def test_thoughts_without_a_signature(part: Message) -> None:
    """Anthropic refuses them."""
    messages = stored([{"role": "user", "content": "q"}, {"role": "assistant", "content": [part, "a"]}])
    assert formats.to_anthropic(messages).body["messages"][1] == {"role": "assistant", "content": "a"}


def test_a_tool_that_failed_without_a_word() -> None:
    """Anthropic refuses an empty result of it."""
    block = {"type": "tool_result", "tool_use_id": "c", "is_error": True}
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    messages = stored([{"role": "assistant", "content": [call]}, {"role": "user", "content": [block]}])
    (written,) = formats.to_anthropic(messages).body["messages"][2]["content"]
    assert written == {**block, "content": "The tool failed, and said nothing."}


def test_what_a_responses_dump_has_no_value_for() -> None:
    """`.model_dump()` names every field; OpenAI refuses some of them with null."""
    call = {**ITEMS[3], "namespace": None, "status": None}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "4", "status": None, "id": None}
    messages = stored(formats.from_responses([call, output]))
    assert [item for message in messages for item in formats.to_items(message)] == [call, output]
    assert formats.to_responses(messages).body["input"] == without([call, output])


def test_the_names_of_merged_messages() -> None:
    messages = stored([{"role": "assistant", "content": text} for text in "ab"])
    messages[1]["name"] = "Ann"
    assert formats.to_chat(messages).body["messages"] == [
        {"role": "assistant", "content": "a\nb", "name": "Ann"}
    ]


def test_reasoning_that_nothing_follows() -> None:
    """OpenAI refuses it."""
    one, two, three, four = ({"type": "reasoning", "id": f"rs_{at}", "summary": []} for at in range(4))
    answer = {"role": "assistant", "content": "a"}
    question = {"role": "user", "content": "q"}
    items: list[Message] = [question, one, question, two, three, answer, four]
    written = formats.to_responses(stored(formats.from_responses(items)))
    assert written.body["input"] == [question, question, two, three, answer]
    assert [one.sequence for one in written.repairs if "nothing follows" in one.what] == [1, 6]


def test_a_tool_of_openais_that_was_not_answered() -> None:
    """No one can put in a screenshot: it is written as a call of a function."""
    items = formats.to_responses(stored(formats.from_responses([ITEMS[8]]))).body["input"]
    assert [item["type"] for item in items] == ["function_call", "function_call_output"]
    assert {item["call_id"] for item in items} == {"call_3"}


@pytest.mark.parametrize(
    "arguments", ["", "null", "[1]", "{", '{"a": NaN}', '{"a": 1e999}', "5", "[" * 2_000]
)
def test_arguments_that_are_no_object(arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    messages = stored([{"role": "assistant", "content": None, "tool_calls": [call]}])
    (block,) = formats.to_anthropic(messages).body["messages"][1]["content"]
    assert block["input"] == ({"arguments": arguments} if arguments else {})
    (written,) = formats.to_chat(messages).body["messages"][0]["tool_calls"]
    assert written["function"]["arguments"] == (arguments or "{}")
    (part,) = formats.to_ai_sdk(messages).body["messages"][0]["parts"]
    assert part["input"] == block["input"]


def test_anthropic_has_no_empty_text() -> None:
    messages = stored(
        [{"role": role, "content": text} for role in ("user", "assistant") for text in ("", " \n", None)]
    )
    assert formats.to_anthropic(messages).body == {"system": "", "messages": []}


def test_anthropic_begins_with_a_user() -> None:
    written = formats.to_anthropic(stored([{"role": "assistant", "content": "Hello!"}]))
    assert [message["role"] for message in written.body["messages"]] == ["user", "assistant"]
    assert [one.what for one in written.repairs] == ["put in: a user's message before the first one"]


def test_instructions_of_anthropics() -> None:
    """Wherever they stand, they are instructions, and no user's text."""
    said = [("system", "S1"), ("user", "U1"), ("developer", "S2"), ("user", "U2")]
    written = formats.to_anthropic(stored([{"role": role, "content": text} for role, text in said]))
    assert written.body["system"] == "S1\n\nS2"
    assert written.body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "U1"}, {"type": "text", "text": "U2"}]}
    ]


@pytest.mark.parametrize("role", ["tool", "user"])
def test_what_was_said_behind_a_removed_result_stays_behind_it(role: str) -> None:
    """The removed message may have had the result, so the placeholder stands in its place."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    missing = "No result of this tool call is stored."
    messages = stored(
        [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": role, "content": None, "removed": True},
            {"role": "assistant", "content": "a"},
            {"role": role, "content": None, "removed": True},
            {"role": "assistant", "content": "b"},
        ]
    )
    assert formats.to_chat(messages).body["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": missing},
        {"role": "assistant", "content": "a\nb"},
    ]
    called, answered, said = formats.to_anthropic(messages).body["messages"][1:]
    assert [one["type"] for one in called["content"]] == ["tool_use"]
    assert [one["type"] for one in answered["content"]] == ["tool_result"]
    assert [one["text"] for one in said["content"]] == ["a", "b"]
    items = formats.to_responses(messages).body["input"]
    assert [one.get("type", "message") for one in items[1:4]] == [
        "function_call",
        "function_call_output",
        "message",
    ]
    parts = formats.to_ai_sdk(messages).body["messages"][1]["parts"]
    assert [one["type"] for one in parts[:3]] == ["tool-f", "step-start", "text"]


def test_a_removed_message_is_passed_over() -> None:
    gone = {"role": "assistant", "content": None, "removed": True}
    messages = stored([{"role": "user", "content": "q"}, gone, {"role": "user", "content": "r"}])
    for written in (formats.to_chat(messages), formats.to_ai_sdk(messages)):
        assert [message["role"] for message in written.body["messages"]] == ["user", "user"]
        assert written.repairs == []
    assert formats.to_markdown(messages) == "## User\n\nq\n\n## User\n\nr\n\n"


MARKDOWN: dict[str, tuple[Message, str]] = {
    "a text": ({"role": "user", "content": "q"}, "## User\n\nq\n\n"),
    "a name": (
        {"role": "user", "content": "q", "name": "Ann\n## Assistant"},
        "## User (Ann ## Assistant)\n\nq\n\n",
    ),
    "a heading like ours": (
        {"role": "user", "content": "q\n## Assistant\nYes.\n ### Tool result x\n#hash"},
        "## User\n\nq\n\\## Assistant\nYes.\n \\### Tool result x\n#hash\n\n",
    ),
    "a heading by a line below": (
        {"role": "user", "content": "User\n----\n\n---\n**User**\r\n= \n|a|\n|-|"},
        "## User\n\nUser\n\\----\n\n---\n**User**\r\n\\= \n|a|\n|-|\n\n",
    ),
    "a heading behind marks": (
        {"role": "user", "content": "x\r## **User**\n## &#85;ser\n## The user"},
        "## User\n\nx\r\\## **User**\n\\## &#85;ser\n## The user\n\n",
    ),
    "HTML": (
        {"role": "user", "content": "<!-- \n1 < 2 `<b>`\n```\n<!-- \n```\n\\<h2>User</h2>"},
        "## User\n\n\\<!-- \n1 < 2 `<b>`\n```\n<!-- \n```\n\\<h2>User\\</h2>\n\n",
    ),
    "HTML in what seems to be code": (
        {"role": "user", "content": "a ` b\nc ` <details> `"},
        "## User\n\na ` b\nc ` \\<details> `\n\n",
    ),
    "HTML behind a list's fence": (
        {"role": "user", "content": "- a\n  ```\n<details>\n  ```"},
        "## User\n\n- a\n  ```\n\\<details>\n  ```\n\n",
    ),
    "an open fence": ({"role": "user", "content": "q\n```py\n## x"}, "## User\n\nq\n```py\n## x\n```\n\n"),
    "a closed fence": ({"role": "user", "content": "~~~\n```\n~~~"}, "## User\n\n~~~\n```\n~~~\n\n"),
    "half a pair": ({"role": "user", "content": "a\ud83d\ude00b\ud83dc"}, "## User\n\na😀b\ufffdc\n\n"),
    "a tool's text": (
        {"role": "tool", "tool_call_id": "c`1", "content": "```\n````\n## User\nMe!"},
        "## Tool result ``c`1``\n\n`````\n```\n````\n## User\nMe!\n`````\n\n",
    ),
    "a call": (
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}],
        },
        "## Assistant\n\n**Tool call** `f` `c`\n\n```json\n{}\n```\n\n",
    ),
    "thoughts": (
        {"role": "assistant", "content": "a", "reasoning_content": "b\nc"},
        "## Assistant\n\n> b\n> c\n\na\n\n",
    ),
    "an image": (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}]},
        "## User\n\n![image](<https://e.com/a.png>)\n\n",
    ),
}


@pytest.mark.parametrize("case", MARKDOWN)
def test_markdown(case: str) -> None:
    message, expected = MARKDOWN[case]
    assert formats.to_markdown(stored([message])) == expected


UNKNOWN: list[Message] = [
    {"type": "resource", "resource": {"text": "RES"}},
    {"type": "document", "document": {"text": "RES"}},
    {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "RES"}]},
    {"type": "json", "json": {"a": "RES"}},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "RES"}]},
    {"type": "thinking", "thinking": "RES", "signature": "s"},
    {"type": "web_search_call", "id": "RES"},
    {"type": "item_reference", "id": "RES"},
    {"type": "mcp_approval_response", "approval_request_id": "RES", "approve": True},
    {"type": "tool_use", "id": "RES", "name": "f", "input": {}},
    {"answer": "RES"},
]


@pytest.mark.parametrize("part", UNKNOWN, ids=lambda part: part.get("type", "no type"))
def test_what_a_tool_said_in_words_of_its_own(part: Message) -> None:
    """It is its JSON, and the result of the tool's call alone."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    text = json.dumps(part, separators=(",", ":"))
    result = {"role": "tool", "tool_call_id": "a", "content": ["x", part]}
    messages = stored([asked, result])
    for written, rules in (
        (formats.to_chat(messages), provider_rules.chat),
        (formats.to_responses(messages), provider_rules.responses),
        (formats.to_ai_sdk(messages), provider_rules.ai_sdk),
    ):
        assert rules(written.body).results == {"a": f"x\n{text}"}
        assert written.repairs == []
    (block,) = formats.to_anthropic(messages).body["messages"][-1]["content"]
    assert block["content"] == [{"type": "text", "text": one} for one in ("x", text)]
    assert text in formats.to_markdown(messages)


def test_a_document_of_an_unknown_kind_in_a_result() -> None:
    document = {"type": "document", "source": {"type": "from the future", "x": "RES"}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [document]}
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    messages = stored([{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}])
    assert json.loads(formats.to_chat(messages).body["messages"][1]["content"]) == document


def test_a_result_in_a_tools_message_answers_its_call_alone() -> None:
    """A tool cannot answer for another one, nor for the user whom OpenAI asks for an approval."""
    asked = {"type": "mcp_approval_request", "id": "r", "name": "pay", "arguments": "{}", "server_label": "s"}
    said = {"type": "mcp_approval_response", "approval_request_id": "r", "approve": True}
    call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    messages = formats.from_responses([asked, call])
    messages.append({"role": "tool", "tool_call_id": "a", "content": [said]})
    items = formats.to_responses(stored(messages)).body["input"]
    assert "mcp_approval_response" not in [item["type"] for item in items]
    assert json.loads(items[-1]["output"]) == said


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "id": "r", "summary": []},
        {"type": "web_search_call", "id": "w"},
        {"type": "item_reference", "id": "i"},
        {"type": "mcp_approval_response", "approval_request_id": "m", "approve": True},
    ],
    ids=lambda item: item["type"],
)
def test_what_a_tool_said_is_no_item_of_its_own(item: Message) -> None:
    """M6: only the message that `from_responses` makes of an item is that item."""
    (message,) = formats.from_responses([item])
    assert formats.to_items(message) == [item]
    output = {
        "type": "function_call_output",
        "call_id": "a",
        "output": json.dumps(item, separators=(",", ":")),
    }
    assert formats.to_items({"role": "tool", "tool_call_id": "a", "content": [item]}) == [output]
    other = {**message, "role": "tool" if message["role"] == "assistant" else "user"}
    assert item not in formats.to_items(other)


def test_media_of_a_tool_that_failed() -> None:
    """Anthropic takes texts alone."""
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    content = [{"type": "text", "text": "x"}, {"type": "image", "source": source}]
    result = {"type": "tool_result", "tool_use_id": "c", "content": content, "is_error": True}
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    messages = stored([{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}])
    written = formats.to_anthropic(messages)
    (block,) = written.body["messages"][2]["content"]
    left_out = {"type": "text", "text": "[Left out: image (image/png)]"}
    assert block == {**result, "content": [content[0], left_out]}
    assert [one.what for one in written.repairs][-1] == "left out: image (image/png)"
    del result["is_error"]
    (block,) = formats.to_anthropic(messages).body["messages"][2]["content"]
    assert block == result


def test_ids_of_ui_messages() -> None:
    """No two have one, also where a stored message becomes several."""
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": "4"}
    texts = [{"type": "text", "text": text} for text in "ab"]
    messages = stored(
        [
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [texts[0], result, texts[1]]},
            *({"role": "user", "id": known, "parts": texts[:1]} for known in ("m1-2", "x", "x")),
        ]
    )
    shown = formats.to_ai_sdk(messages).body["messages"]
    assert [message["id"] for message in shown] == ["m0", "m1", "m1-3", "m1-2", "x", "x-2"]


def test_calls_without_ids_are_paired_by_name_and_order() -> None:
    """Ollama's. A result that names no tool is that of the first call that has none."""
    shown = formats.to_chat(stored(OLLAMA))
    calls = shown.body["messages"][1]["tool_calls"]
    assert [(one["id"], one["function"]["arguments"]) for one in calls] == [
        ("call_1", '{"at":1}'),
        ("call_1_2", "{}"),
        ("call_1_3", '{"at":2}'),
    ]
    results = shown.body["messages"][2:5]
    assert [(one["tool_call_id"], one["content"]) for one in results] == [
        ("call_1", "a cat"),
        ("call_1_2", "4 kg"),
        ("call_1_3", "a dog"),
    ]
    assert (shown.repairs, shown.skipped) == ([], 0)
    blocks = formats.to_anthropic(stored(OLLAMA)).body["messages"][1]["content"]
    assert [one["input"] for one in blocks] == [{"at": 1}, {}, {"at": 2}]


class Sdk:
    """A message as an SDK's object."""

    def to_dict(self) -> Message:
        return {"role": "assistant", "content": "a"}


def test_messages_of_a_client_and_of_an_sdk() -> None:
    (answered,) = stored([{"role": "user", "content": "q"}])
    given = [Answered.of(answered), Sdk()]
    assert formats.to_chat(given).body["messages"] == [{"role": "user", "content": "q"}, Sdk().to_dict()]
    assert formats.to_markdown(given) == "## User\n\nq\n\n## Assistant\n\na\n\n"
    assert formats.from_responses([Sdk()]) == [Sdk().to_dict()]
    with pytest.raises(TypeError, match="Number 1 must be an object, and is a int"):
        formats.to_anthropic([answered, 5])


def test_openai_has_no_word_for_a_failure() -> None:
    use = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": "no", "is_error": True}
    messages = stored([{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}])
    for written in (formats.to_chat(messages), formats.to_responses(messages)):
        assert [one.what for one in written.repairs] == ["left out: that the tool failed"]


def test_a_heading_has_something_under_it() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}
    messages = stored([{"role": "user", "content": "q"}, {"role": "assistant", "content": [item]}])
    assert formats.to_markdown(messages) == "## User\n\nq\n\n"
