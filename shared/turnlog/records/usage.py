"""G3: tokens as providers count them, and their exact sum.

What a provider returns is taken as it is. Three counts have fields of their own; every other whole number, at
any depth, is a detail under its dotted name: `prompt_tokens_details.cached_tokens`. A session keeps the first
32 names. They lie in the head, so the commonest are stored as a letter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from turnlog.limits import MAX_DETAILS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Counts: TypeAlias = "Mapping[str, int]"
"""Counts by name: the three of `FIELDS`, and details."""

FIELDS = ("prompt_tokens", "completion_tokens", "total_tokens")
NONE = "{}"
"""The text of no details."""

_ALIASES = {
    # Anthropic, OpenAI's Responses; Bedrock Converse, AI SDK; Gemini in Python and in JSON.
    "input_tokens": "prompt_tokens",
    "inputTokens": "prompt_tokens",
    "promptTokens": "prompt_tokens",
    "prompt_token_count": "prompt_tokens",
    "promptTokenCount": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "outputTokens": "completion_tokens",
    "completionTokens": "completion_tokens",
    "candidates_token_count": "completion_tokens",
    "candidatesTokenCount": "completion_tokens",
    "totalTokens": "total_tokens",
    "total_token_count": "total_tokens",
    "totalTokenCount": "total_tokens",
}
# Never change one: heads hold them. A name that begins with their mark bears it twice.
_MARK = "~"
_CODES = {
    "prompt_tokens_details.cached_tokens": "~a",
    "prompt_tokens_details.audio_tokens": "~b",
    "completion_tokens_details.reasoning_tokens": "~c",
    "completion_tokens_details.audio_tokens": "~d",
    "completion_tokens_details.accepted_prediction_tokens": "~e",
    "completion_tokens_details.rejected_prediction_tokens": "~f",
    "input_tokens_details.cached_tokens": "~g",
    "output_tokens_details.reasoning_tokens": "~h",
    "cache_creation_input_tokens": "~i",
    "cache_read_input_tokens": "~j",
    "cache_creation.ephemeral_5m_input_tokens": "~k",
    "cache_creation.ephemeral_1h_input_tokens": "~l",
    "cacheReadInputTokens": "~m",
    "cacheWriteInputTokens": "~n",
    "server_tool_use.web_search_requests": "~o",
}
_NAMES = {code: name for name, code in _CODES.items()}
# What is no longer a count of tokens, such as a time in nanoseconds.
_LARGEST = 10**12
_LONGEST_NAME = 128
_DEEPEST = 8


def counted(given: Mapping[str, Any]) -> dict[str, int]:
    """The counts in what a provider returned.

    Whole floats count. Null, texts, fractions, negative numbers and lists are passed over: providers send
    such, too.
    """
    counts: dict[str, int] = {}
    found = dict(_whole_numbers({name: one for name, one in given.items() if name != "details"}, "", 0))
    # The sum of a session, given back, has its details under their names.
    if isinstance(more := given.get("details"), dict):
        found |= dict(_whole_numbers(more, "", 0))
    for name, value in found.items():
        counts.setdefault(_ALIASES.get(name, name), value)
    counts |= {name: found[name] for name in FIELDS if name in found}
    prompt, completion = counts.pop("prompt_tokens", 0), counts.pop("completion_tokens", 0)
    total = counts.pop("total_tokens", prompt + completion)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **counts}


def _whole_numbers(given: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, int]]:
    for name, value in given.items():
        dotted = f"{prefix}{name}"
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _whole_numbers(value, f"{dotted}.", depth + 1)
        elif (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and 0 <= value < _LARGEST
            and value == int(value)
            and 0 < len(dotted) <= _LONGEST_NAME
            and dotted.isprintable()
        ):
            yield dotted, int(value)


def details(text: str) -> dict[str, int]:
    """Counts by name, of the text that is stored."""
    return {
        _NAMES.get(name) or name.replace(_MARK * 2, _MARK, 1) if name[0] == _MARK else name: count
        for name, count in json.loads(text).items()
    }


def details_text(counts: Counts) -> str:
    """The text that is stored of these details."""
    short = {
        _CODES.get(name) or (_MARK + name if name[0] == _MARK else name): count
        for name, count in counts.items()
    }
    return json.dumps(short, ensure_ascii=False, separators=(",", ":"))


def added(text: str, counts: Counts) -> tuple[str, str]:
    """The text of the details after these counts, and what a message keeps of what it added.

    Args:
        text: of the details before.
        counts: as `counted` gives them.
    """
    sums = details(text)
    kept: dict[str, int] = {}
    for name, count in counts.items():
        if name not in FIELDS and (name in sums or len(sums) < MAX_DETAILS):
            sums[name] = sums.get(name, 0) + count
            kept[name] = count
    main = ",".join(str(counts.get(field, 0)) for field in FIELDS)
    return details_text(sums), f"{main}|{details_text(kept)}" if kept else main


def without(before: Counts, text: str, spent: Iterable[str]) -> dict[str, Any]:
    """The head's fields of usage without what these messages added.

    A PUT may have replaced the sum by one that is less than that of the messages; none falls below 0.

    Args:
        before: the three counts.
        text: of the details.
        spent: what each message keeps, as `added` gave it.
    """
    counts, sums = dict(before), details(text)
    for one in spent:
        main, _, more = one.partition("|")
        for field, digits in zip(FIELDS, main.split(","), strict=True):
            counts[field] -= int(digits)
        for name, count in details(more or NONE).items():
            if name in sums:
                sums[name] -= count
    clean = {name: max(0, count) for name, count in sums.items()}
    return {**{field: max(0, count) for field, count in counts.items()}, "details": details_text(clean)}


def replaced(counts: Counts) -> dict[str, Any]:
    """The head's fields of usage, where these counts are all."""
    text, _ = added(NONE, counts)
    return {**{field: counts.get(field, 0) for field in FIELDS}, "details": text}
