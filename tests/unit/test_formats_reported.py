"""What failed users of other converters, here: accepted, and nothing of it lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provider_rules import FORMATS
from tests.reported import REPORTED
from tests.sdk_words import PNG
from turnlog import formats

IMAGE = f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("case", REPORTED)
def test_it_is_accepted(case: str, name: str) -> None:
    write, rules = FORMATS[name]
    seen = rules(write(REPORTED[case]).body)
    assert seen.said["user"].startswith("q\n")
    assert all("No result" not in result for result in seen.results.values())


def anthropic(case: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = formats.to_anthropic(REPORTED[case]).body["messages"]
    return messages


def items(case: str) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = formats.to_responses(REPORTED[case]).body["input"]
    return written


def test_items_that_were_stored_twice() -> None:
    written = formats.to_responses(REPORTED["items that were stored twice"])
    kinds = [item.get("type") or item["role"] for item in written.body["input"]]
    assert kinds == ["user", "reasoning", "web_search_call", "message", "assistant"]
    assert written.body["input"][-1] == {"role": "assistant", "content": "A cat."}
    assert [(one.sequence, one.what) for one in written.repairs] == [
        (4, "left out: reasoning, which is there once more"),
        (5, "left out: web_search_call, which is there once more"),
    ]


def test_a_thought_of_the_ai_sdk_goes_back_to_openai_with_its_answer() -> None:
    _, thought, answer = items("a thought with a summary of two texts")
    assert thought == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": text} for text in ("one", "two")],
        "encrypted_content": "eHh4",
    }
    assert (answer["id"], answer["phase"], answer["content"][0]["text"]) == (
        "msg_1",
        "final_answer",
        "A cat.",
    )


def test_the_ai_sdk_gets_the_id_of_openai_s_answer_once() -> None:
    (_, message) = formats.to_ai_sdk(REPORTED["items that were stored twice"]).body["messages"]
    texts = [part for part in message["parts"] if part["type"] == "text"]
    assert [part.get("providerMetadata") for part in texts] == [{"openai": {"itemId": "msg_1"}}, None]


def test_a_call_that_langchain_tells_twice() -> None:
    """Its block is what a stream left of it; `tool_calls` has what was asked."""
    _, called, answered = anthropic("LangChain's blocks")
    assert called["content"] == [{"type": "tool_use", "id": "c", "name": "look", "input": {"at": 1}}]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    assert answered["content"][0]["content"] == [image]


def test_images_and_texts_of_langchain() -> None:
    content = items("LangChain's blocks")[0]["content"]
    assert [part.get("image_url") or part["text"] for part in content] == [
        "q",
        "https://example.com/a.png",
        IMAGE,
        "plain",
    ]


@pytest.mark.parametrize(
    ("case", "image"),
    [
        ("an image in Gemini's function response", IMAGE),
        ("an image at an address, of the AI SDK", "https://example.com/a"),
    ],
)
def test_an_image_that_a_tool_answered(case: str, image: str) -> None:
    output = items(case)[-1]["output"]
    assert output[-1] == {"type": "input_image", "detail": "auto", "image_url": image}


def test_a_call_that_was_not_allowed() -> None:
    (answer,) = anthropic("a call that was not allowed")[-1]["content"]
    assert (answer["content"], answer["is_error"]) == ("Not now.", True)


def test_a_thought_that_is_not_shown() -> None:
    blocks = anthropic("a thought that is not shown")[1]["content"]
    assert blocks == REPORTED["a thought that is not shown"][1]["content"]


def test_a_tool_that_was_found() -> None:
    (answer,) = anthropic("a tool that was found")[-1]["content"]
    assert answer == REPORTED["a tool that was found"][-1]["content"][0]


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        ("/9j/4AAQ", "image/jpeg"),
        ("R0lGODdh", "image/gif"),
        ("UklGRiQA", "image/webp"),
        (IMAGE, "image/png"),
    ],
)
def test_ollama_s_images(data: str, media_type: str) -> None:
    """It gives their bytes without a type, which Anthropic must have."""
    message = {"role": "user", "content": "q", "images": [data]}
    (shown,) = formats.to_anthropic([message]).body["messages"]
    assert [block["type"] for block in shown["content"]] == ["text", "image"]
    assert shown["content"][1]["source"]["media_type"] == media_type
    (shown,) = formats.to_chat([message]).body["messages"]
    assert shown["content"][1]["image_url"]["url"].startswith(f"data:{media_type};base64,")
    (shown,) = formats.to_ai_sdk([message]).body["messages"]
    assert shown["parts"][1]["mediaType"] == media_type


def test_ollama_s_thoughts() -> None:
    message = {"role": "assistant", "content": "A cat.", "thinking": "I look."}
    (shown,) = formats.to_ai_sdk([message]).body["messages"]
    assert shown["parts"][0] == {"type": "reasoning", "text": "I look."}
    # Its Chat Completions take it back under this name.
    (shown,) = formats.to_chat([message]).body["messages"]
    assert shown["reasoning"] == "I look."
    for written in (formats.to_anthropic([message]), formats.to_responses([message])):
        assert any("reasoning" in one.what for one in written.repairs)
    assert "> I look." in formats.to_markdown([message])


def test_a_drawn_image_of_openrouter_s() -> None:
    drawn = [{"type": "image_url", "image_url": {"url": IMAGE}}]
    message = {"role": "assistant", "content": "A cat.", "images": drawn}
    (shown,) = formats.to_ai_sdk([message]).body["messages"]
    assert shown["parts"][1] == {"type": "file", "mediaType": "image/png", "url": IMAGE}
