"""What is exported is what the providers' own types and validators take, of any history."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, is_typeddict

import anthropic.types
import ollama
import openai.types.chat
import openai.types.responses
import pytest
from anthropic.types import ContentBlockParam, MessageParam
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputItemParam
from pydantic import BaseModel, ConfigDict, TypeAdapter

from tests import sdk_words
from tests.histories import History
from tests.reported import REPORTED
from turnlog import formats
from turnlog.wire import dumps

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent
AI_SDK = HERE.parent.parent / ".cache" / "ai-sdk"
SEEDS = range(150)
# What other providers that speak Chat Completions want back; it stays where they gave it.
THEIRS = {"reasoning_content", "reasoning", "extra_content"}


def histories() -> list[list[dict[str, Any]]]:
    """What each SDK gives, what others fail on, and broken histories in the words of all of them."""
    words = [*sdk_words.WORDS.values(), *REPORTED.values(), formats.from_responses(sdk_words.ITEMS)]
    made = [[{"sequence": at, **one} for at, one in enumerate(messages)] for messages in words]
    for seed in SEEDS:
        history = History(Random(seed))
        history.grow(seed % 30 + 1)
        made.append(history.messages)
    return made


def close(package: ModuleType) -> None:
    """Let a package's types take no field that they do not name, as the API does not."""
    for module in [one for name, one in sys.modules.items() if name.startswith(f"{package.__name__}.")]:
        for _, kind in inspect.getmembers(module, is_typeddict):
            kind.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


@cache
def adapter(kind: Any, package: ModuleType) -> TypeAdapter[Any]:
    close(package)
    return TypeAdapter(kind)


def looked_through(value: Any) -> Any:
    """A value as it was checked: pydantic checks an Iterable as it is read."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    if isinstance(value, dict):
        return {name: looked_through(one) for name, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [looked_through(one) for one in value]
    return value


def check(adapter: TypeAdapter[Any], messages: list[Any]) -> None:
    for message in messages:
        assert looked_through(adapter.validate_python(message)) == message


def plain(value: Any) -> Any:
    """Messages without what is for other providers."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if name not in THEIRS}
    return [plain(one) for one in value] if isinstance(value, list) else value


def test_chat_completions() -> None:
    for messages in histories():
        body = json.loads(dumps(formats.to_chat(messages).body))
        check(adapter(ChatCompletionMessageParam, openai.types.chat), plain(body["messages"]))


def test_responses() -> None:
    for messages in histories():
        body = json.loads(dumps(formats.to_responses(messages).body))
        check(adapter(ResponseInputItemParam, openai.types.responses), body["input"])


def test_anthropic() -> None:
    for messages in histories():
        body = json.loads(dumps(formats.to_anthropic(messages).body))
        check(adapter(MessageParam, anthropic.types), body["messages"])
        # A message may hold what the SDK answers, too, which is looser.
        blocks = [block for one in body["messages"] for block in one["content"] if isinstance(block, dict)]
        check(adapter(ContentBlockParam, anthropic.types), blocks)


def test_ollama_s_words_are_its_own() -> None:
    """What is said here to come from Ollama is what its SDK makes of a message, when it is told as JSON."""
    for message in sdk_words.OLLAMA:
        given = {**message, "images": [ollama.Image(value=one) for one in message.get("images", ())] or None}
        told = ollama.Message.model_validate(given).model_dump(mode="json", exclude_none=True)
        calls = message.get("tool_calls", ())
        # The server says these two as well, and the SDK passes over them.
        plain = [
            {"function": {name: one for name, one in call["function"].items() if name != "index"}}
            for call in calls
        ]
        assert told == {**message, **({"tool_calls": plain} if plain else {})}


@pytest.fixture(scope="module")
def ai_sdk() -> list[dict[str, Any]]:
    """What the AI SDK says of the histories' UIMessages."""
    lines = [json.dumps(formats.to_ai_sdk(messages).body["messages"]) for messages in histories()]
    node = ["node", str(HERE / "check.mjs"), str(AI_SDK)]
    told = subprocess.run(node, input="\n".join(lines), capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in told.splitlines()]


def test_ui_messages_are_valid(ai_sdk: list[dict[str, Any]]) -> None:
    # It takes no list without a message, as of a history in which nothing was said.
    said = [bool(formats.to_ai_sdk(messages).body["messages"]) for messages in histories()]
    wrong = [one["error"] for one, any_ in zip(ai_sdk, said, strict=True) if any_ and "error" in one]
    assert not wrong, wrong[0]
    assert sum(said) > len(said) * 0.9


def test_model_messages_are_paired(ai_sdk: list[dict[str, Any]]) -> None:
    """What the AI SDK makes of them for a model: each call is answered by the message behind it."""
    for told in ai_sdk:
        open_: list[str] = []
        for message in told.get("messages", ()):
            parts = message["content"] if isinstance(message["content"], list) else []
            answered = [part["toolCallId"] for part in parts if part["type"] == "tool-result"]
            assert answered == open_
            open_ = [part["toolCallId"] for part in parts if part["type"] == "tool-call"]
        assert not open_
