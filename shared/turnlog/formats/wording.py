"""What an export says in its own words, and names and ids as providers accept them."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnlog.formats.neutral import Call, Media

MISSING = "No result of this tool call is stored."
"""Stands where a tool's result should."""

FAILED = "The tool failed, and said nothing."
"""Stands where a provider takes no empty result."""

FAILURE = "that the tool failed"
"""What OpenAI's APIs have no word for, in a repair's words."""

NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_NOT_IN_MEMBERS = re.compile(r"[\s<|\\/>]+")
_LONGEST_MEMBER = 64
_SIGNED_ID = "__thought__"  # LiteLLM puts Gemini's signature into the id, and looks for it there


def described(media: Media) -> str:
    """A medium in a few words: `image (image/png, "cat.png")`."""
    told = [media.media_type, f'"{media.name}"' if media.name else "", media.url or media.file_id]
    return f"{media.kind} ({', '.join(filter(None, told))})" if any(told) else media.kind


def left_out(what: str) -> str:
    """The text that stands in the place of what a format has no word for."""
    return f"[Left out: {what}]"


def tool_name(name: str, longest: int) -> str:
    """A tool's name in the characters that providers take."""
    return NOT_IN_NAMES.sub("_", name)[:longest]


def written_arguments(call: Call) -> str:
    """A call's arguments as a text. Some who speak OpenAI's words take no empty one for JSON."""
    return call.arguments if call.custom or call.arguments.strip() else "{}"


def member_name(name: str) -> str:
    """The name of who speaks, in the characters that OpenAI takes; empty where nothing is left of it."""
    return _NOT_IN_MEMBERS.sub("_", name.strip())[:_LONGEST_MEMBER]


def call_id(given: str, longest: int, *, any_characters: bool) -> str:
    """A call's id as a provider takes it. One that is too long, or of other characters, becomes a hash.

    Args:
        longest: its characters.
        any_characters: the provider takes any. It also takes a longer one in which a signature is.
    """
    if any_characters:
        fits = len(given) <= longest or _SIGNED_ID in given
    else:
        fits = len(given) <= longest and not NOT_IN_NAMES.search(given)
    return given if fits else f"call_{sha256(given.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
